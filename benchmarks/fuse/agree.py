"""How far models that were trained as one are from the same models trained one after the other, in float64."""

from torch import Tensor

from benchmarks.fuse import ours, plain
from benchmarks.fuse.job import Job


def distance(job: Job, steps: int) -> tuple[float, float]:
    """The largest differences of loss and weights after so many steps, each as a share of the largest number.

    Both train on the same examples in the same order.
    """
    members = ours.members(job)
    teams = ours.stacking(ours.joined(job, members))
    orders = [Tensor()]
    theirs, models = plain.looping(job, order=lambda count: orders[-1])
    found, wanted = [0.0], [0.0]
    for _ in range(-(-steps // job.case.steps)):
        orders.append(members[0].order(job.case.steps * job.case.batch))
        found, wanted = ours.epoch(teams), theirs()
    loss = max(abs(a - b) / abs(b) for a, b in zip(found, wanted, strict=True))
    apart = []
    for member, model in zip(members, models, strict=True):
        own = next(team for team in teams if member in team.members).stack.read(member).weights
        pairs = [(own[name], weight.detach()) for name, weight in model.named_parameters()]
        largest = max(float(b.abs().max()) for _, b in pairs)
        apart.append(max(float((a - b).abs().max()) for a, b in pairs) / largest)
    return loss, max(apart)
