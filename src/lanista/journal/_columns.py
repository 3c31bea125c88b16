"""Arrays that grow in place: amortised constant time to add a row, views without copies."""

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Column:
    """A growing array of shape (n, *shape); `view()` shows the rows in use."""

    __slots__ = ("_data", "_fill", "size")

    def __init__(self, dtype: DTypeLike, shape: tuple[int, ...] = (), *, fill: float = 0) -> None:
        self._fill = fill
        self._data: NDArray[Any] = np.full((16, *shape), fill, dtype=dtype)
        self.size = 0

    def grow(self, size: int) -> None:
        """Makes room for `size` rows; new ones hold the fill value."""
        if size > len(self._data):
            bigger = np.full(
                (max(size, 2 * len(self._data)), *self._data.shape[1:]), self._fill, dtype=self._data.dtype
            )
            bigger[: self.size] = self._data[: self.size]
            self._data = bigger
        self.size = size

    def append(self, value: Any) -> None:
        """Adds one row."""
        self.grow(self.size + 1)
        self._data[self.size - 1] = value

    def __setitem__(self, index: Any, value: Any) -> None:
        self._data[index] = value

    def __getitem__(self, index: int) -> np.generic:
        return self._data[index]  # type: ignore[no-any-return]

    def since(self, row: int) -> list[Any]:
        """The rows from `row` on, as plain numbers, or lists of them."""
        return self._data[row : self.size].tolist()  # type: ignore[no-any-return]

    def still(self) -> "Column":
        """The rows as they are now."""
        other = copy(self)
        other._data = self._data[: self.size].copy()
        return other

    def view(self) -> NDArray[np.generic]:
        """The rows in use, not copied and not writeable."""
        view = self._data[: self.size]
        view.flags.writeable = False
        return view
