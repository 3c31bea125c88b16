"""A mapping in an NNI config file: fields are taken out one by one, and what is left over is an error."""

from collections.abc import Mapping
from typing import Any

from lanista.errors import ConfigError, UsageError
from lanista.experiment._arguments import near, seconds
from lanista.experiment._yaml import Document, Where


def plain(name: object) -> str:
    """A field's name without case and underscores: NNI takes maxTrialNumber and max_trial_number."""
    return str(name).replace("_", "").lower()


class Section:
    """One mapping of the file; fields that are null count as not given."""

    def __init__(self, document: Document, where: Where, value: Mapping[Any, Any], notes: list[str]) -> None:
        self.document, self.where, self.notes = document, where, notes
        self.given = bool(value)
        self._names = {plain(key): key for key in value}
        self._left = {plain(key): item for key, item in value.items()}
        self._known: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether the file has the field."""
        return plain(name) in self._names

    def first(self, *names: str) -> str:
        """The first of these names that the file has, else the first of them."""
        return next((name for name in names if self.has(name)), names[0])

    def is_list(self, name: str) -> bool:
        """Whether the field's value is a list."""
        return isinstance(self._left.get(plain(name)), list)

    def error(self, name: str, message: object) -> ConfigError:
        """An error at the place of a field; the name may have dots."""
        where = self.where
        for part in name.split("."):
            where = (*where, self._names.get(plain(part), part))
        return self.document.error(where, message)

    def take(self, *names: str, kind: type[Any] | None = None) -> Any:
        """The value of the first of these names that the file has, None if it has none.

        Raises:
            ConfigError: it is not of the kind.
        """
        found = None
        for name in names:
            self._known.add(name)
            value = self._left.pop(plain(name), None)
            if value is None:
                continue
            if kind is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
                raise self.error(name, f"{value!r} must be {_KINDS[kind]}")
            found = value if found is None else found
        return found

    def positive(self, *names: str) -> int | None:
        """A whole number above 0.

        Raises:
            ConfigError: it is none.
        """
        value: int | None = self.take(*names, kind=int)
        if value is not None and value < 1:
            raise self.error(self.first(*names), f"{value} must be at least 1")
        return value

    def number(self, name: str) -> float | None:
        """A number.

        Raises:
            ConfigError: it is none.
        """
        value = self.take(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise self.error(name, f"{value!r} must be a number")
        return None if value is None else float(value)

    def seconds(self, *names: str) -> float | None:
        """A length of time, such as 1h, 30m, 0.5h or a number of seconds.

        Raises:
            ConfigError: it is none, or not above 0.
        """
        value = self.take(*names)
        if value is None:
            return None
        try:
            found = seconds(value)
        except UsageError as error:
            raise self.error(self.first(*names), error) from None
        if found <= 0:
            raise self.error(self.first(*names), f"{value!r} must be above 0; leave the field out for no limit")
        return found

    def section(self, name: str) -> "Section":
        """The mapping in a field, an empty one if it is not there.

        Raises:
            ConfigError: it is no mapping.
        """
        value = self.take(name)
        if value is not None and not isinstance(value, dict):
            raise self.error(name, f"{value!r} must be a mapping of fields")
        return Section(self.document, (*self.where, self._names.get(plain(name), name)), value or {}, self.notes)

    def ignore(self, *names: str, silent: bool = False, advice: str = "") -> None:
        """Takes out fields that make no difference here, with a note on each."""
        for name in names:
            if self.take(name) is not None and not silent:
                label = ".".join(str(part) for part in (*self.where, self._names[plain(name)]))
                self.note(f"ignored: {label}" + (f"; {advice}" if advice else ""))

    def left(self) -> list[str]:
        """The names of the fields that have not been taken."""
        return [str(self._names[name]) for name in self._left]

    def note(self, text: str) -> None:
        """Adds a line to what the user is told."""
        self.notes.append(text)

    def done(self) -> None:
        """Raises ConfigError if a field was not taken."""
        for name, value in self._left.items():
            if value is not None:
                raise self.error(name, f"there is no such field; {near(self._names[name], self._known)}")


_KINDS: dict[type[Any], str] = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    dict: "a mapping of fields",
}
