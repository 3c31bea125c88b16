"""What to train: an objective that finds out by itself how."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lanista.errors import MetricError, UsageError
from lanista.execute import share
from lanista.experiment import Experiment
from lanista.fuse._checkpoints import Checkpoints
from lanista.fuse._data import as_arrays, as_data, warn
from lanista.fuse._features import Features
from lanista.fuse._how import How
from lanista.fuse._hyper import Hyper, Value
from lanista.fuse._kinds import Kinds
from lanista.fuse._losses import LOSS_NAMES, SMOOTHING, Metric, as_loss, as_metrics
from lanista.fuse._maker import Maker
from lanista.fuse._member import Member, State
from lanista.fuse._optimizers import optimizer as optimizer_named
from lanista.fuse._plan import Plan
from lanista.fuse._run import Run
from lanista.fuse._schedules import Schedule, as_schedule
from lanista.fuse._workshop import Workshop
from lanista.trial import Cohort, Trial

Build = Callable[[Mapping[str, Any]], nn.Module]


class Trainer:
    """Trains the models of many trials as one, where they are alike, and each by itself where not.

    It is an objective for `Experiment.run`, with `cohort=` or without. A step of a trial is an epoch, and after each it
    reports `train_loss`, `loss` (of the validation data) and the metrics.

    Args:
        model: a function of a trial's parameters that returns a module, a new one at each call; or the name of the
            `nas.ModelSpace` in the search space whose models are trained.
        data: training and validation data, each a pair of inputs and targets (tensors or arrays whose first dimension
            is the examples; a tuple of them where the model takes several), or a `Dataset` of examples of one shape.
            Numbers that are no integers are turned into the type of the model's weights.
        loss: "cross_entropy", "mse", "bce" (of logits), or a function of output and targets that returns the mean of a
            batch.
        optimizer: "sgd", "adam" or "adamw".
        epochs: how long each trial is trained.
        batch: how many examples a step of the optimiser takes; the last one of an epoch takes what is left.
        metrics: what is reported beside the losses: names ("accuracy", "mae"), or functions of the outputs for all of
            the validation data and their targets, by name.
        schedule: what the learning rate is multiplied by in the course of training: "cosine", "linear", "onecycle", or
            a function of the share that is done, in [0, 1).
        hyper: values of `lr`, `weight_decay`, `momentum`, `nesterov` (SGD), `beta1`, `beta2`, `eps` (Adam),
            `label_smoothing`, `init_seed` and `order_seed`: a number, the name of a parameter, or a function of the
            parameters. By default each is the trial's parameter of that name, if there is one, else torch's default;
            `init_seed` is the seed of the trial, and `order_seed` is 0, so that all see the data in one order.
        how: device, precision, memory, checkpoints, `torch.compile`.

    Raises:
        UsageError: an argument is wrong.

    >>> import lanista as la, torch
    >>> from sklearn.datasets import load_digits
    >>> x, y = load_digits(return_X_y=True)
    >>> def model(params):
    ...     return torch.nn.Sequential(torch.nn.Linear(64, 16), torch.nn.ReLU(), torch.nn.Linear(16, 10))
    >>> trainer = la.fuse.Trainer(model, ((x[:1500] / 16, y[:1500]), (x[1500:] / 16, y[1500:])),
    ...                           loss="cross_entropy", optimizer="adam", epochs=2, metrics=["accuracy"])
    >>> exp = la.Experiment("fused", {"lr": la.Float(1e-3, 1e-1, log=True)}, metric="accuracy", mode="max",
    ...                     store="memory", seed=0)
    >>> exp.run(trainer, trials=8, cohort=8, progress=False).best.value > 0.8
    True
    """

    def __init__(
        self,
        model: Build | str,
        data: Any,
        *,
        loss: str | Callable[..., Tensor],
        optimizer: str = "adam",
        epochs: int = 10,
        batch: int = 32,
        metrics: Mapping[str, Metric] | Sequence[str] = (),
        schedule: str | Schedule | None = None,
        hyper: Mapping[str, Value] | None = None,
        how: How = How(),  # noqa: B008
    ) -> None:
        if not isinstance(model, str) and (not callable(model) or isinstance(model, nn.Module)):
            told = f"{type(model).__name__}(...)" if isinstance(model, nn.Module) else f"{model!r:.100}"
            raise UsageError(
                f"model={told} must be a function of the parameters that returns a new module, or the name of "
                "a ModelSpace in the search space"
            )
        for name, value in (("epochs", epochs), ("batch", batch)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise UsageError(f"{name}={value!r} must be a whole number from 1")
        if not isinstance(how, How):
            raise UsageError(f"how={how!r}: give a How, for instance how=How(device='cuda')")
        self.model, self.loss, self.optimizer, self.epochs, self.batch = model, loss, optimizer, epochs, batch
        self.schedule, self.hyper, self.how = schedule, hyper or {}, how
        as_schedule(schedule)
        self._hyper = Hyper(self.hyper, optimizer, smooths=loss in SMOOTHING)
        self._data = as_data(data)
        as_loss(loss, self._targets)
        self.metrics = as_metrics(metrics, self._targets)
        warn(*self._data)
        self._shared: Any = None
        self._open: _Open | None = None

    def __repr__(self) -> str:
        model = self.model if isinstance(self.model, str) else getattr(self.model, "__name__", self.model)
        return f"Trainer({model}, optimizer={self.optimizer!r}, epochs={self.epochs}, batch={self.batch})"

    def __call__(self, trials: Trial | Cohort) -> None:
        """Trains a trial, or a cohort of them.

        Raises:
            MetricError: the experiment wants a metric that is not reported.
        """
        shop = self._opened
        run = Run(Workshop(shop.kinds), self._member, shop.checkpoints, metrics=self.metrics, epochs=self.epochs)
        self._check_wanted(trials if isinstance(trials, Trial) else trials[0])
        if isinstance(trials, Trial):
            run.one(trials)
        else:
            run.cohort(trials)

    def build(self, params: Mapping[str, Any], *, seed: int = 0) -> nn.Module:
        """The model of a configuration, untrained, as a trial begins with it.

        Args:
            params: the parameters.
            seed: what its weights are drawn from, where no `init_seed` says it; of a trial it is `trial.seed`.

        Raises:
            UsageError: the model is that of a ModelSpace, which the space of the experiment builds.
        """
        if isinstance(self.model, str):
            raise UsageError(f"model={self.model!r} is built by the space: exp.space.build({self.model!r}, params)")
        return self._opened.maker.make(lambda: self._built(params), params, seed=seed).module

    def trained(self, exp: Experiment, number: int | None = None) -> nn.Module:
        """The model of a trial, by default the best one, as its last checkpoint has it, ready to predict.

        A trial is saved when it is complete or pauses, not when it is stopped early.

        Raises:
            ExperimentError: it has no checkpoint.
        """
        state = State({}, {}, [])
        exp.restore(state, number=number)
        trial = exp.best if number is None else exp.trials[number]
        name, params = self.model, trial.params
        build = (lambda: exp.space.build(name, params)) if isinstance(name, str) else (lambda: self._built(params))
        model = self._opened.maker.make(build, params, seed=0, state=state).module
        held = {**model.state_dict(), **state.weights, **state.buffers}
        model.load_state_dict({key: held[key] for key in model.state_dict()})
        for key, buffer in model.named_buffers():  # some are in no state_dict
            if key in state.buffers:
                buffer.copy_(state.buffers[key])
        return model.eval()

    # --- for the processes that it is sent to -------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Its arguments; the data as an object that the processes of a machine share."""
        if self._shared is None:
            self._shared = share(as_arrays(self._data))
        return {**vars(self), "_data": None, "_open": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes its arguments back."""
        vars(self).update(state)

    # --- what it is made of -------------------------------------------------------------------------------------------

    @property
    def _opened(self) -> "_Open":
        if self._open is None:
            if self._data is None:
                self._data = as_data(self._shared.get())
            self._open = _Open(self)
        return self._open

    @property
    def _targets(self) -> list[tuple[Tensor, ...]]:
        """Those of training, and of validation."""
        return [data.targets for data in self._data]

    def _member(self, trial: Trial, state: State | None) -> Member:
        """The model of a trial."""
        name = self.model
        build = (lambda: trial[name]) if isinstance(name, str) else (lambda: self._built(trial.params))
        return self._opened.maker.make(build, trial.params, seed=trial.seed, state=state)

    def _built(self, params: Mapping[str, Any]) -> nn.Module:
        assert not isinstance(self.model, str)
        return self.model(params)

    def _check_wanted(self, trial: Trial) -> None:
        """Raises MetricError for a metric that is never reported."""
        there = [*LOSS_NAMES, *self.metrics]
        if missing := [name for name in trial.wanted if name not in there]:
            raise MetricError(
                f"the experiment wants {missing[0]!r}, and the Trainer reports {', '.join(there)}; "
                "name it in metrics=, or take one of these for the experiment's metric"
            )


class _Open:
    """What a trainer holds in a process from its first trial on."""

    def __init__(self, trainer: Trainer) -> None:
        how, device = trainer.how, torch.device(trainer.how.device)
        train, valid = trainer._data
        plan = Plan(
            train,
            valid,
            batch=trainer.batch,
            loss=as_loss(trainer.loss, trainer._targets),
            schedule=as_schedule(trainer.schedule),
            epochs=trainer.epochs,
            precision=getattr(torch, how.precision) if how.precision else None,
            compile=how.compile,
            features=Features(how.cache),
        )
        rule = optimizer_named(trainer.optimizer)
        self.kinds = Kinds(plan, rule, device=device, memory=how.memory, fuse=how.fuse)
        self.maker = Maker(trainer._hyper, rule.moments, device)
        self.checkpoints = Checkpoints(how.checkpoints, device)
