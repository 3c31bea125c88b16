"""What is left when models cannot join others."""

import pytest
import torch
from torch import nn

from lanista.fuse import _rows
from lanista.fuse._data import as_data
from lanista.fuse._kinds import Kinds
from lanista.fuse._losses import as_loss
from lanista.fuse._member import Member
from lanista.fuse._optimizers import optimizer
from lanista.fuse._plain import Plain
from lanista.fuse._plan import Plan
from lanista.fuse._schedules import as_schedule
from lanista.fuse._stack import Stack
from lanista.fuse._team import Team
from lanista.fuse._workshop import Workshop
from tests.fuse.tasks import data
from tests.fuse.test_check import Secret

HYPER = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.0, "nesterov": 0.0}


def workshop() -> Workshop:
    plan = Plan(*as_data(data()), batch=16, loss=as_loss("cross_entropy"), schedule=as_schedule(None), epochs=3)
    return Workshop(Kinds(plan, optimizer("sgd"), device=torch.device("cpu"), memory=1 << 40, fuse=True))


def test_a_stack_is_whole_when_there_is_no_memory_for_more(monkeypatch) -> None:
    members = [Member(nn.Linear(6, 2), dict(HYPER)) for _ in range(3)]
    stack, real, calls = Stack(optimizer("sgd"), members[:2], None), _rows._kept, []
    before = stack.read(members[1]).weights["weight"]

    def kept(*args):
        calls.append(args)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(*args)

    monkeypatch.setattr(_rows, "_kept", kept)
    with pytest.raises(torch.OutOfMemoryError, match="out of memory"):
        stack.join(members[2:])
    assert stack.size == len(stack.rows.weights) == len(stack.rows.grads) == len(stack.rows.steps) == 2
    assert torch.equal(stack.read(members[1]).weights["weight"], before)
    stack.join(members[2:])
    assert stack.size == 3


@pytest.mark.parametrize("fails", ["choose", "join"])
def test_models_that_cannot_join_others_are_trained_beside_them(monkeypatch, fails) -> None:
    """One of them is another than it looks, and has left again when it fails."""
    shop = workshop()
    shop.join(Member(Secret(1.0, seed=i), dict(HYPER)) for i in range(2))
    of, calls = (Team, "choose") if fails == "choose" else (Stack, "_part_constants"), []
    real = getattr(*of)

    def once(*args):
        calls.append(args)
        if len(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(*args)

    monkeypatch.setattr(*of, once)
    new = [Member(Secret(2.0, seed=2), dict(HYPER)), Member(Secret(1.0, seed=3), dict(HYPER))]
    starts = [member.module.body.weight.clone() for member in new]
    shop.join(new)
    for member, start in zip(new, starts, strict=True):
        assert torch.equal(shop.team(member).stack.read(member).weights["body.weight"], start)
    assert len(shop.epoch(outputs=False)) == 4
    assert len(calls) > 1


def test_what_is_tried_for_time_changes_no_buffers_where_it_fails(monkeypatch) -> None:
    from lanista.fuse import _choose

    shop = workshop()
    members = [Member(nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 2)), dict(HYPER)) for _ in range(2)]
    shop.join(members)
    team = shop.team(members[0])
    team.kind.choices.clear()
    before = team.stack.read(members[0]).buffers["0.running_mean"]

    def seconds(call, *_):
        call()
        raise RuntimeError("no")

    monkeypatch.setattr(_choose, "_seconds", seconds)
    with pytest.raises(RuntimeError, match="no"):
        team.choose()
    assert torch.equal(team.stack.read(members[0]).buffers["0.running_mean"], before)


def test_a_model_that_has_left_holds_its_own_weights_only() -> None:
    """That of each kind is kept, and must not keep all tensors that were beside it."""
    shop, member = workshop(), Member(nn.Linear(6, 2), dict(HYPER))
    shop.join([member, Member(nn.Linear(6, 2), dict(HYPER))])
    Plain().train(shop.team(member).stack, shop.team(member).kind.plan)
    after = shop.team(member).stack.read(member).weights["weight"]
    shop.leave([member])
    weight = member.module.weight
    assert weight.untyped_storage().nbytes() == weight.nbytes
    assert weight.grad is None
    assert torch.equal(weight, after)
