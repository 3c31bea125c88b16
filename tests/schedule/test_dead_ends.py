"""No scheduler leaves workers idle for ever, whatever happens to the trials."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lanista.schedule import Scheduler, Slots
from lanista.testing import Drive, SchedulerContract

from . import test_contract, test_dehb, test_pbt, test_rules, test_time_sharing

MODULES = (test_contract, test_dehb, test_pbt, test_rules, test_time_sharing)
MAKERS: list[Callable[[], Scheduler]] = [
    contract().scheduler
    for module in MODULES
    for contract in vars(module).values()
    if isinstance(contract, type) and issubclass(contract, SchedulerContract) and contract is not SchedulerContract
]
WORLDS = st.fixed_dictionaries(
    {
        "trials": st.integers(1, 40),
        "workers": st.integers(1, 10),
        "length": st.integers(1, 20),
        "stride": st.integers(1, 4),
        "nan": st.sampled_from([0.0, 0.2, 0.8]),
        "trouble": st.sampled_from([0.0, 0.2, 0.6]),
    }
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(MAKERS), st.integers(0, 1000), WORLDS)
def test_where_every_trial_has_yielded_something_is_done_or_the_run_is_over(
    make: Callable[[], Scheduler], seed: int, world: dict[str, Any]
) -> None:
    """The drive asserts it at each turn; here also at the end, where new trials are refused."""
    drive = Drive(make, seed, **world)
    history = drive.run()
    assert not history.running
    assert drive.finished or len(history) == world["trials"]
    assert drive.finished or not history.paused_trials or drive.decide(Slots(1))
