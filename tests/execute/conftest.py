"""Which tests of the executors' contract are left to the long suite where each takes the start of a worker on Ray."""

import pytest

DECIDED_IN_THE_WORKER = {
    "test_a_stop_may_mean_completed",
    "test_a_budget_pauses_the_trial_unless_it_is_extended",
    "test_what_is_no_number_fails_the_trial",
    "test_remarks_that_json_does_not_have_fail_the_trial",
    "test_a_cohort_that_all_have_left_gets_no_more",
    "test_the_slot_stays_taken_when_all_leave_and_others_enter",
    "test_a_trial_may_leave_and_enter_again",
    "test_one_of_a_cohort_leaves_while_the_others_run_on",
}
"""What worker processes, too, are held to at each run, by the same code."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks them before pytest chooses by marks."""
    for item in items:
        if item.path.name == "test_ray.py" and item.name in DECIDED_IN_THE_WORKER:
            item.add_marker(pytest.mark.long)
