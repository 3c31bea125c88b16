"""What every store must do, as tests to inherit."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lanista.errors import ConflictError, ExperimentError
from lanista.journal import Asked, Beat, Checkpointed, Created, Event, Noted, Reported, Started, Store, Yielded

Opener = Callable[[], Store]


def created(name: str = "experiment") -> Created:
    """The first event of a journal."""
    return Created(1.0, name, {"parameters": {}}, {"loss": "min"}, 0)


def notes(count: int, by: str = "me") -> list[Event]:
    """Events that can be told apart."""
    return [Noted(2.0, None, {"by": by, "i": i}) for i in range(count)]


def together(count: int, work: Callable[[int], None]) -> None:
    """Calls work(0), work(1) and so on, each in a thread, all at once; raises what one of them raised."""
    barrier = threading.Barrier(count)
    errors: list[BaseException] = []

    def run(i: int) -> None:
        try:
            barrier.wait()
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


class Torn(Sequence[Event]):
    """Three events of which the last cannot be had."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: Any) -> Any:
        if index == 2:
            raise RuntimeError("torn")
        return notes(2)[index]


class StoreContract:
    """Inherit it in a class named Test… with a fixture `opener`, and pytest runs the contract on your store.

    The fixture returns a function of no arguments that opens the store, each time with a connection of its own; what
    one writes the others read. A store that lives in memory returns the same object each time::

        class TestMine(StoreContract):
            @pytest.fixture
            def opener(self, tmp_path):
                return lambda: MyStore(tmp_path / "file")
    """

    @pytest.fixture
    def store(self, opener: Opener) -> Store:
        """The store under test."""
        return opener()

    def test_a_new_store_is_empty(self, store: Store) -> None:
        assert store.experiments() == []
        assert store.find("experiment") is None

    def test_an_experiment_is_created_once(self, store: Store) -> None:
        info = store.create(created())
        assert (info.name, info.seq, store.last(info.id)) == ("experiment", 1, 1)
        assert store.create(created()).id == info.id
        assert store.read(info.id) == [created()]
        assert [found.name for found in store.experiments()] == ["experiment"]

    def test_what_is_appended_is_read(self, store: Store) -> None:
        info = store.create(created())
        events = [Asked(2.0, 0, {"x": 0.5}), *notes(3)]
        assert store.append(info.id, events) == 5
        assert store.read(info.id) == [created(), *events]
        assert store.read(info.id, 2, 4) == events[1:3]
        assert store.read(info.id, 5) == []
        assert store.find("experiment") == store.experiments()[0]
        assert store.experiments()[0].seq == store.last(info.id) == 5

    def test_the_course_of_a_trial_leaves_out_others_and_what_is_frequent(self, store: Store) -> None:
        info = store.create(created())
        course: list[Event] = [Asked(2.0, 1, {"x": 0.5}), Started(3.0, 1, 1, "me", budget=2), Yielded(5.0, 1, 1, 2)]
        frequent: list[Event] = [Reported(4.0, 1, 1, 1, {"loss": 0.5}), Checkpointed(4.0, 1, 1, 1, "file")]
        store.append(info.id, [Asked(2.0, 0, {"x": 0.5}), *course[:2], *frequent, *notes(1), course[2]])
        assert store.course(info.id, 1) == course
        assert store.course(info.id, 7) == []

    def test_nothing_can_be_appended_to_no_end(self, store: Store) -> None:
        info = store.create(created())
        assert store.append(info.id, []) == 1
        assert store.append(info.id, [], after=1) == 1

    def test_decisions_hold_for_the_journal_that_they_were_made_on(self, store: Store) -> None:
        info = store.create(created())
        assert store.append(info.id, notes(2), after=1) == 3
        with pytest.raises(ConflictError, match="at 3, not at 1"):
            store.append(info.id, notes(2), after=1)
        assert store.last(info.id) == len(store.read(info.id)) == 3

    def test_an_append_is_whole_or_nothing(self, store: Store) -> None:
        info = store.create(created())
        with pytest.raises(RuntimeError, match="torn"):
            store.append(info.id, Torn())
        assert store.read(info.id) == [created()]
        assert store.append(info.id, notes(1)) == 2

    def test_experiments_do_not_mix(self, store: Store) -> None:
        first, second = store.create(created("first")), store.create(created("second"))
        store.append(first.id, notes(1, "first"))
        store.append(second.id, notes(2, "second"))
        assert store.read(first.id) == [created("first"), *notes(1, "first")]
        assert store.read(second.id) == [created("second"), *notes(2, "second")]

    def test_a_removed_experiment_is_gone(self, store: Store) -> None:
        first, second = store.create(created("first")), store.create(created("second"))
        store.append(first.id, notes(5))
        store.remove(first.id)
        assert [info.id for info in store.experiments()] == [second.id]
        assert store.find("first") is None
        with pytest.raises(ExperimentError, match="removed"):
            store.last(first.id)
        with pytest.raises(ExperimentError, match="removed"):
            store.append(first.id, notes(1))
        again = store.create(created("first"))
        assert again.id != first.id
        assert store.read(again.id) == [created("first")]

    def test_one_connection_reads_what_the_other_wrote(self, opener: Opener) -> None:
        one, other = opener(), opener()
        info = one.create(created())
        assert other.create(created()).id == info.id
        one.append(info.id, notes(2, "one"))
        other.append(info.id, notes(1, "other"), after=3)
        assert one.read(info.id) == other.read(info.id) == [created(), *notes(2, "one"), *notes(1, "other")]

    def test_experiments_created_at_once_are_one(self, opener: Opener) -> None:
        ids: list[int] = []
        together(4, lambda i: ids.append(opener().create(created()).id))
        assert len(set(ids)) == 1
        assert opener().read(ids[0]) == [created()]

    def test_threads_append_without_gaps(self, store: Store) -> None:
        info = store.create(created())
        seqs: list[int] = []

        def work(thread: int) -> None:
            for i in range(20):
                seqs.append(
                    store.append(info.id, [Noted(0.0, None, {"by": thread, "i": i, "part": p}) for p in (0, 1)])
                )

        together(4, work)
        assert sorted(seqs) == list(range(3, 162, 2))
        noted = [event.values for event in store.read(info.id) if isinstance(event, Noted)]
        assert len(noted) == 160
        assert all(a["by"] == b["by"] and a["i"] == b["i"] for a, b in zip(noted[::2], noted[1::2], strict=True))
        for thread in range(4):
            assert [v["i"] for v in noted[::2] if v["by"] == thread] == list(range(20))

    def test_one_of_those_who_decide_at_once_wins(self, store: Store) -> None:
        info = store.create(created())
        won: list[int] = []

        def work(thread: int) -> None:
            for _ in range(10):
                seq = store.last(info.id)
                try:
                    won.append(store.append(info.id, notes(1, str(thread)), after=seq))
                except ConflictError:
                    continue

        together(4, work)
        assert sorted(won) == list(range(2, store.last(info.id) + 1))

    def test_signs_of_life_count_up(self, store: Store) -> None:
        info = store.create(created())
        beats = [Beat(owner, "host", 7, 1.5) for owner in ("one", "other")]
        for beat in [*beats, beats[0]]:
            store.beat(info.id, beat)
        assert {(b.owner, b.host, b.pid, b.born, b.count) for b in store.beats(info.id)} == {
            ("one", "host", 7, 1.5, 1),
            ("other", "host", 7, 1.5, 0),
        }
        store.silence(info.id, "one")
        assert [beat.owner for beat in store.beats(info.id)] == ["other"]

    def test_a_closed_store_opens_again(self, store: Store) -> None:
        info = store.create(created())
        store.close()
        assert store.read(info.id) == [created()]
