"""Which way is taken, and that torch's compiler changes none of the results."""

import pytest
import torch
from torch import Tensor, nn

import lanista as la
from lanista.errors import UsageError
from lanista.fuse import _choose
from tests.fuse.tasks import data

LRS = (0.01, 0.02, 0.05)


def run(
    how: la.fuse.How, dropout: float = 0.0, *, last: type[nn.Module] = nn.Identity, batch: int = 64, hyper=None, **kw
) -> tuple[dict[float, float], list[str]]:
    def model(params):
        torch.manual_seed(0)
        layers = nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 2)
        return nn.Sequential(*layers, last()).double()

    options = {"optimizer": "sgd", "epochs": 2, "batch": batch, "hyper": hyper, "how": how}
    trainer = la.fuse.Trainer(model, data(), loss="cross_entropy", **options)
    exp = la.Experiment("choose", {"lr": la.Choice(LRS)}, metric="loss", searcher="grid", store="memory", seed=0)
    exp.run(trainer, trials=len(LRS), progress=False, **kw)
    return {t.params["lr"]: t.value for t in exp.trials}, [exp.history.notes[t.number]["training"] for t in exp.trials]


def reported(notes: list[str]) -> list[str]:
    """The reasons, without how many others there are."""
    return [note.partition(": ")[2] for note in notes]


@pytest.fixture
def last(monkeypatch) -> None:
    """The last way is taken, which is the compiled one where there is one."""
    monkeypatch.setattr(_choose, "_times", lambda steps, *_: [*[1.0] * (len(steps) - 1), 0.1])


@pytest.mark.usefixtures("last")
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # of torch's own imports
@pytest.mark.long
@pytest.mark.parametrize(("dropout", "cohort"), [(0.0, 1), (0.3, 3)])
def test_what_is_compiled_gives_the_same(dropout, cohort) -> None:
    found, notes = run(la.fuse.How(compile=True), dropout, cohort=cohort)
    assert all(note.startswith("stacked and compiled") for note in notes)
    wanted, others = run(la.fuse.How(), dropout, cohort=cohort)
    assert not any("compiled" in note for note in others)
    assert found == pytest.approx(wanted, rel=1e-9)


@pytest.mark.usefixtures("last")
def test_without_a_compiler_models_are_trained_all_the_same_and_the_note_says_so(monkeypatch) -> None:
    def refuses(graph, **_):
        def call(*_):
            raise RuntimeError("no C++ compiler\nhere")

        return call

    monkeypatch.setattr(torch, "compile", refuses)
    found, notes = run(la.fuse.How(compile=True), cohort=3)
    assert all(told.endswith("; not compiled: RuntimeError: no C++ compiler") for told in reported(notes))
    assert found == pytest.approx(run(la.fuse.How(), cohort=3)[0], rel=1e-9)


@pytest.mark.usefixtures("last")
def test_what_is_compiled_wrongly_is_not_taken(monkeypatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda graph, **_: lambda *given: [1.01 * part for part in graph(*given)])
    found, notes = run(la.fuse.How(compile=True), cohort=3)
    assert all("not compiled: it gives another loss" in told for told in reported(notes))
    assert found == pytest.approx(run(la.fuse.How(), cohort=3)[0], rel=1e-9)


@pytest.mark.usefixtures("last")
def test_buffers_that_what_is_compiled_changes_otherwise_are_seen(monkeypatch) -> None:
    def twice(graph, **_):
        def call(*given):
            graph(*given)
            return graph(*given)

        return call

    monkeypatch.setattr(torch, "compile", twice)
    _, notes = run(la.fuse.How(compile=True), cohort=3)
    assert all("not compiled: it gives another loss" in told for told in reported(notes))


class Growing(nn.Module):
    """Its loss depends on how often it was trained."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("times", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.times += 1
        return x * (1 + self.times)


@pytest.mark.usefixtures("last")
def test_a_loss_that_depends_on_what_the_step_before_changed_is_no_reason_to_refuse(monkeypatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda graph, **_: graph.forward)
    found, notes = run(la.fuse.How(compile=True), last=Growing, cohort=3)
    assert all(note.startswith("stacked and compiled") for note in notes)
    assert found == pytest.approx(run(la.fuse.How(), last=Growing, cohort=3)[0], rel=1e-9)


@pytest.mark.usefixtures("last")
def test_a_batch_that_cannot_be_compiled_is_run_as_it_is_beside_others_that_can(monkeypatch, caplog) -> None:
    """The last one of an epoch is smaller, and not met before training."""

    def compiled(graph, **_):
        def call(*given):
            if any(len(part) == 60 % 16 and part.dim() == 2 for part in given):
                raise RuntimeError("too small\nby far")
            return graph(*given)

        return call

    monkeypatch.setattr(torch, "compile", compiled)
    with caplog.at_level("INFO", "lanista.fuse"):
        found, notes = run(la.fuse.How(compile=True), batch=16, cohort=3)
    assert all(note.startswith("stacked and compiled") for note in notes)
    told = [record.getMessage() for record in caplog.records]
    assert told.count("not compiled: RuntimeError: too small") == 1
    assert found == pytest.approx(run(la.fuse.How(), batch=16, cohort=3)[0], rel=1e-9)


@pytest.mark.usefixtures("last")
def test_models_with_orders_of_their_own_are_compiled_once(monkeypatch) -> None:
    graphs = []
    monkeypatch.setattr(torch, "compile", lambda graph, **_: graphs.append(graph) or graph.forward)
    hyper = {"order_seed": lambda params: round(100 * params["lr"])}
    _, notes = run(la.fuse.How(compile=True), hyper=hyper, cohort=3)
    assert all(note.startswith("stacked and compiled") for note in notes)
    assert len(graphs) == 1


def test_memory_that_runs_out_while_a_graph_is_compiled_is_told_as_such(monkeypatch) -> None:
    """The team is halved, as it is elsewhere."""
    sizes = []

    def compiled(graph, **_):
        def call(*given):
            sizes.append(given[0].shape[0])
            if given[0].shape[0] > 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return graph(*given)

        return call

    monkeypatch.setattr(torch, "compile", compiled)
    found, _ = run(la.fuse.How(compile=True), cohort=3)
    assert sizes[0] == 3 and 2 in sizes
    assert found == pytest.approx(run(la.fuse.How(), cohort=3)[0], rel=1e-9)


def test_a_way_that_is_far_from_the_fastest_is_timed_twice_only(monkeypatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(_choose, "_seconds", lambda step, _: {"slow": 5.0, "fast": 1.0, "near": 1.5}[step()])

    def step(name):
        def call():
            calls.append(name)
            return name

        return call

    times = _choose._times([step("slow"), step("fast"), step("near")], [1, 2, 1], torch.device("cpu"))
    assert times == [5.0, 2.0, 1.5]
    assert calls.count("slow") == 3  # one to warm up
    assert calls.count("fast") == calls.count("near") > 3


@pytest.mark.parametrize("name", ["compile", "fuse"])
def test_what_is_neither_true_nor_false_is_refused(name) -> None:
    with pytest.raises(UsageError, match=rf"How\({name}='yes'\): it must be True or False"):
        la.fuse.How(**{name: "yes"})


def test_what_is_not_fused_cannot_be_compiled() -> None:
    with pytest.raises(UsageError, match="only what is fused is compiled"):
        la.fuse.How(compile=True, fuse=False)
