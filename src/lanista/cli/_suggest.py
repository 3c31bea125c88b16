"""`lanista suggest`: what the searcher would propose now."""

from lanista.cli._base import Args, MakeCommand, add_json, add_name, opened, print_json
from lanista.experiment._rebuild import decider
from lanista.experiment._render import python_params


def add(command: MakeCommand) -> None:
    """Adds the command."""
    suggest = command("suggest", "show the configurations that the searcher would propose now; nothing is started")
    add_name(suggest)
    suggest.add_argument("--count", metavar="N", type=int, default=1, help="how many; 1 by default")
    add_json(suggest)
    suggest.set_defaults(run=_suggest)


def _suggest(args: Args) -> None:
    """Asks the searcher of the last run, or the one that the experiment was made with."""
    experiment = opened(args)
    history = experiment.history
    plan = {} if history.begun is None else history.begun.plan
    made_with = "" if history.created is None else history.created.searcher
    experiment.searcher = decider("searcher", plan.get("searcher") or made_with or "Auto()")
    found = experiment.suggest_next(args.count)
    if args.json:
        print_json(found)
    elif not found:
        print("the searcher has no further configurations")
    else:
        print("\n".join(line for params in found for line in python_params(params)))
