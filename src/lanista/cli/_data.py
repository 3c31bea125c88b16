"""Commands on an experiment's data: export, import, rm."""

import sys
from pathlib import Path

from lanista._words import counted
from lanista.cli._base import Args, MakeCommand, add_name, existing, opened
from lanista.errors import LanistaError, UsageError
from lanista.experiment import remove

FORMATS = ("csv", "json", "parquet")


def add(command: MakeCommand) -> None:
    """Adds the commands."""
    export = command("export", "write the trials of an experiment as csv, json or parquet")
    add_name(export)
    export.add_argument("--format", choices=FORMATS, help="by default the ending of FILE, else csv")
    export.add_argument("-o", "--output", metavar="FILE", help="where to; by default standard output")
    export.set_defaults(run=_export)

    import_ = command("import", "add trials that were run elsewhere, from csv or json; searchers learn from them")
    add_name(import_)
    import_.add_argument(
        "file", metavar="FILE", help="one row a trial: a column or field for each parameter and metric"
    )
    import_.add_argument("--metric", metavar="NAME", help="the metric, for an experiment that does not exist yet")
    import_.add_argument("--mode", choices=("min", "max"), help="its direction")
    import_.add_argument(
        "--space",
        metavar="FILE",
        help="the space, for an experiment that does not exist yet: YAML, JSON or a config file",
    )
    import_.add_argument(
        "--ignore", metavar="COLUMN", action="append", default=[], help="a column to leave out; may be repeated"
    )
    import_.set_defaults(run=_import)

    rm = command("rm", "delete experiments: their journals, checkpoints and logs")
    rm.add_argument("names", metavar="NAME", nargs="+", help="the experiments")
    rm.add_argument("--yes", "-y", action="store_true", help="do not ask")
    rm.set_defaults(run=_rm)


def _export(args: Args) -> None:
    from lanista.cli import _export as export

    experiment = opened(args)
    ending = Path(args.output).suffix.lstrip(".").lower() if args.output else ""
    if args.format is None and ending and ending not in FORMATS:
        raise UsageError(f"-o {args.output}: '.{ending}' is none of csv, json and parquet; end it so, or give --format")
    format_ = args.format or ending or "csv"
    count = export.write(experiment, format_, Path(args.output) if args.output else None)
    if args.output:
        print(f"wrote {counted(count, 'trial')} to {args.output}")


def _import(args: Args) -> None:
    from lanista.cli import _import as reader
    from lanista.journal import open_store

    new = open_store(args.store).find(args.name) is None
    experiment = reader.target(args.name, args.store, space=args.space, metric=args.metric, mode=args.mode)
    try:
        added, left = reader.read_into(experiment, Path(args.file), ignore=args.ignore)
    except LanistaError:
        if new:  # what was created for this file alone
            remove(args.name, experiment.store)
        raise
    left_out = f"; left out {left} that have not ended" if left else ""
    print(f"added {counted(added, 'trial')} to {args.name!r}{left_out}")


def _rm(args: Args) -> int:
    from lanista.experiment import missing

    store = existing(args.store)
    for name in args.names:
        if store.find(name) is None:
            raise missing(name, store)
    if not args.yes:
        what = ", ".join(map(repr, args.names))
        if not sys.stdin.isatty():
            raise UsageError(f"deleting {what} is for good; say --yes")
        if input(f"delete {what} for good? [y/N] ").strip().lower() not in ("y", "yes"):
            print("nothing deleted")
            return 1
    for name in args.names:
        remove(name, store)
        print(f"deleted {name!r}")
    return 0
