"""Models in teams: those that are alike side by side, the others by themselves."""

import logging
from collections.abc import Iterable, Sequence, Sized

import torch

from lanista.fuse._kinds import Kind, Kinds
from lanista.fuse._member import Member
from lanista.fuse._memory import is_exhausted
from lanista.fuse._plain import Plain
from lanista.fuse._stack import Stack
from lanista.fuse._team import Outcome, Team

_log = logging.getLogger("lanista.fuse")


class Workshop:
    """Puts models together in teams, and trains these."""

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self.teams: list[Team] = []

    # --- who is in it -------------------------------------------------------------------------------------------------

    def join(self, members: Iterable[Member]) -> None:
        """Puts models into teams of their kind, as far as there is room, and into new ones."""
        alike: dict[Kind, list[Member]] = {}
        for member in members:
            alike.setdefault(self._kinds.of(member), []).append(member)
        for kind, group in alike.items():
            self._place(kind, group)

    def leave(self, members: Iterable[Member]) -> None:
        """Lets models go."""
        gone = set(members)
        for team in self.teams:
            if leaving := gone.intersection(team.members):
                team.stack.leave(leaving)
        self._tidy()

    def team(self, member: Member) -> Team:
        """Where a model is."""
        return next(team for team in self.teams if member in team.members)

    # --- training -----------------------------------------------------------------------------------------------------

    def epoch(self, *, outputs: bool) -> dict[Member, Outcome | Exception]:
        """Trains all for an epoch; of a model whose own code fails it is the error, and it is to leave."""
        found: dict[Member, Outcome | Exception] = {}
        waiting = list(self.teams)
        while waiting:
            team = waiting.pop(0)
            try:
                if team.stack.compact():
                    self._choose_again(team)
                found |= team.epoch(outputs=outputs)
                continue
            except Exception as error:
                if team.alone:
                    found[team.members[0]] = error
                    continue
                exhausted, reason = is_exhausted(error), _told(error)
            # out of the handler: the error holds the tensors of the step that failed
            before = set(self.teams)
            self._part(team, exhausted, reason)
            waiting += [other for other in self.teams if other not in before]
        return found

    def _choose_again(self, team: Team) -> None:
        """Finds the fastest way for those that are left."""
        before = team.way.name
        team.choose()
        if team.way.name != before:
            self._tell(team)

    def _part(self, team: Team, exhausted: bool, reason: str) -> None:
        """Parts a team whose training failed: in halves where memory was the reason, else into single models."""
        members = team.members
        team.take(members)
        self.teams.remove(team)
        self._retry(team.kind, members, exhausted, reason)

    # --- putting them together ----------------------------------------------------------------------------------------

    def _place(self, kind: Kind, group: list[Member]) -> None:
        """Puts models of a kind into teams that are there, and into new ones."""
        try:
            most = 1 if kind.refused else self._kinds.room(kind)
        except Exception as error:
            most, kind.refused = 1, _told(error)
        if kind.refused:
            self._alone(kind, group, kind.refused)
            return
        for team in [team for team in self.teams if team.kind is kind and not team.alone]:
            room = max(0, most - len(team))
            if room and group:
                self._enlarge(team, group[:room])
            group = group[room:]
        for at in range(0, len(group), most):
            self._form(kind, group[at : at + most])

    def _form(self, kind: Kind, group: list[Member]) -> None:
        """Makes a team."""
        states = [member.state for member in group]
        try:
            team, wrong = self._made(kind, group)
        except Exception as error:
            exhausted, reason = is_exhausted(error), _told(error)
        else:
            self.teams.append(team)
            self._settled(team, wrong)
            return
        for member, state in zip(group, states, strict=True):
            member.state = state
        self._retry(kind, group, exhausted, reason)

    def _made(self, kind: Kind, group: list[Member]) -> tuple[Team, list[Member]]:
        """A team, and those that its graph does not serve."""
        captured = kind.graphs.captured(kind.plan.start.stop, training=True)
        team = Team(kind, Stack(self._kinds.rule, group, captured))
        return team, team.settle(group)

    def _enlarge(self, team: Team, new: list[Member]) -> None:
        """Takes models into a team; where that fails, they make one of their own."""
        count, states = len(team), [member.state for member in new]
        try:
            team.stack.join(new)
            wrong = team.settle(new)
        except Exception as error:
            exhausted, reason = is_exhausted(error), _told(error)
        else:
            self._settled(team, wrong)
            return
        _log.warning("%s: %d models cannot join %d others: %s", team.kind.name, len(new), count, reason)
        if exhausted:
            team.kind.limit = count
        team.stack.leave(new)
        for member, state in zip(new, states, strict=True):
            member.state = state
        self._form(team.kind, new)

    def _retry(self, kind: Kind, group: list[Member], exhausted: bool, reason: str) -> None:
        """Goes on with models that could not be trained together."""
        if exhausted and torch.cuda.is_available():
            torch.cuda.empty_cache()
        if exhausted and len(group) > 1:
            kind.limit = half = (len(group) + 1) // 2
            told = kind.name, len(group), reason, half
            _log.warning("%s: there is no memory for %d models at once (%s); from now on %d are", *told)
            for part in (group[:half], group[half:]):
                self._form(kind, part)
            return
        if not exhausted:
            kind.refused = reason
        self._alone(kind, group, reason)

    def _settled(self, team: Team, wrong: Sequence[Member]) -> None:
        """Goes on after models have been held against their own code."""
        self._alone(team.kind, wrong, "its own code gives another loss or other gradients than its graph")
        self._tidy()
        if len(team):
            self._tell(team)

    def _alone(self, kind: Kind, group: Sequence[Member], reason: str) -> None:
        """Lets each model be trained as its code says, in a team of its own."""
        if group:
            _log.info("%s: %d model%s %s; %s", kind.name, len(group), _s(group), Plain.name, reason)
        for member in group:
            self.teams.append(Team(kind, Stack(self._kinds.rule, [member], None), Plain(), reason, alone=True))

    def _tell(self, team: Team) -> None:
        """Logs how a team is trained."""
        _log.info("%s: %d model%s %s; %s", team.kind.name, len(team), _s(team), team.way.name, team.reason)

    def _tidy(self) -> None:
        """Lets go of teams that all have left."""
        self.teams = [team for team in self.teams if len(team)]


def _s(models: Sized) -> str:
    return "" if len(models) == 1 else "s"


def _told(error: Exception) -> str:
    """An error, in a line."""
    what = str(error).strip().partition("\n")[0]
    return what if type(error).__name__ == "Unfusable" else f"{type(error).__name__}: {what:.300}"
