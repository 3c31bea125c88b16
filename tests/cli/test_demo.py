"""lanista demo."""

import pytest

import lanista as la


@pytest.fixture(autouse=True)
def _sklearn() -> None:
    pytest.importorskip("sklearn")


def test_the_demo_tunes_stops_early_goes_on_and_knows_when_it_is_done(lanista) -> None:
    result = lanista("demo", "--trials", 2)
    assert result.code == 0, result.err
    for text in (
        "1,797 handwritten digits: 2 trials",
        "best: trial",
        "journal: sqlite:///",
        "to go on: lanista demo",
        "lanista show demo-digits",
    ):
        assert text in result.out
    experiment = la.Experiment.load("demo-digits")
    assert len(experiment.trials) == 2
    assert experiment.best.value > 0.3
    before = [trial.as_dict() for trial in experiment.trials]
    result = lanista("demo", "--trials", 3, "--quiet")
    assert result.lines == ["the demo goes on: 2 of 3 trials are over and do not run again"]
    assert [trial.as_dict() for trial in experiment.trials][:2] == before
    result = lanista("demo", "--trials", 3)
    assert result.lines[0] == "the demo has run, 3 trials are over; once more from the start with: lanista demo --fresh"
    assert "params = {" in result.out
    lanista("demo", "--fresh", "--trials", 1, "--quiet")
    assert len(la.Experiment.load("demo-digits").trials) == 1


def test_without_scikit_learn_the_extra_is_named(lanista, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sklearn", None)
    result = lanista("demo")
    assert (result.code, result.out) == (1, "")
    assert result.err == "error LA800: scikit-learn is not installed; pip install 'lanista[demo]' brings it\n"
