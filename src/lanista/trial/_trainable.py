"""Training as a class: a step at a time, so that the engine owns the loop."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from lanista.trial._trial import Trial


class Trainable:
    """Training in steps; subclass it and give the class to `Experiment.run`.

    The life of a trainable: `setup` once for a trial (or `reset`, when a worker's instance is used again); `load`
    when the trial goes on from a checkpoint; then `step` until `max_steps`, or until it is stopped; `save` after
    every `save_every` steps. Where the scheduler has a `Fidelity`, each level begins with `setup` (or `reset`) again,
    trains `max_steps` steps with what `trial.fidelity` says, and reports the last of them.

    >>> import lanista as la
    >>> class Descent(la.Trainable):
    ...     max_steps = 5
    ...     def setup(self, trial):
    ...         self.x, self.lr = 1.0, trial["lr"]
    ...     def step(self):
    ...         self.x -= self.lr * 2 * self.x
    ...         return {"loss": self.x**2}
    >>> exp = la.Experiment("descent", {"lr": la.Float(0.01, 1, log=True)}, metric="loss", store="memory")
    >>> exp.run(Descent, trials=3, progress=False).trials[0].steps
    5
    """

    max_steps: ClassVar[int] = 100
    save_every: ClassVar[int] = 1

    def setup(self, trial: Trial) -> None:
        """Builds what training needs, from `trial.params`."""

    def reset(self, trial: Trial) -> bool:
        """Makes this instance ready for another trial, sparing what `setup` builds; False (the default): it cannot."""
        return False

    def step(self) -> float | Mapping[str, float]:
        """Trains one step (an epoch, say) and returns its metrics."""
        raise TypeError(f"{type(self).__name__} must define step(self), returning its metrics")

    def save(self, path: Path) -> None:
        """Writes the state at `path`; by default the instance's attributes, pickled, but for the trial itself."""
        import cloudpickle

        state = {name: value for name, value in vars(self).items() if not isinstance(value, Trial)}
        path.write_bytes(cloudpickle.dumps(state))

    def load(self, path: Path) -> None:
        """Reads the state that `save` wrote."""
        vars(self).update(pickle.loads(path.read_bytes()))


_kept: dict[type[Trainable], Trainable] = {}
"""The last instance of each class in this process, for `reset`."""


def run_trainable(cls: type[Trainable], trial: Trial) -> Any:
    """Runs one trial of a trainable class."""
    instance = _kept.pop(cls, None)
    if instance is None or not instance.reset(trial):
        instance = cls()
        instance.setup(trial)
    if trial.checkpoint is not None and trial.fidelity is None:
        instance.load(trial.checkpoint)
    try:
        if trial.fidelity is not None:
            for _ in range(cls.max_steps - 1):
                instance.step()
            _step(instance, trial, save=cls.save_every > 0)
        while trial.step < cls.max_steps and trial.fidelity is None:
            _step(instance, trial, save=cls.save_every > 0 and (trial.step + 1) % cls.save_every == 0)
    finally:
        _kept[cls] = instance


def _step(instance: Trainable, trial: Trial, *, save: bool) -> None:
    """Trains one step and reports it."""
    metrics = instance.step()
    if save:
        trial.save_file(instance.save, step=trial.fidelity or trial.step + 1)
    named: dict[str, Any] = dict(metrics) if isinstance(metrics, Mapping) else {"value": metrics}
    trial.report(**named)
