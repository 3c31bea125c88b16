"""No scheduling."""

from lanista.schedule import FIFO, Resume, Start

from .scene import Scene


def test_trials_run_to_their_end() -> None:
    scene = Scene(FIFO())
    scene.start()
    assert scene.report(0, 1, 99.0) == []
    assert scene.slots(2) == [Start(), Start()]


def test_what_somebody_paused_goes_on_first() -> None:
    scene = Scene(FIFO())
    scene.start(3)
    for trial in (2, 0, 1):
        scene.report(trial, 1, 0.0)
        scene.pause(trial)
    assert scene.slots(2) == [Resume(2), Resume(0)]
    assert scene.slots(4) == [Resume(2), Resume(0), Resume(1), Start()]
