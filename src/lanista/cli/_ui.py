"""The command that serves the dashboard: ui."""

import os

from lanista.cli._base import Args, MakeCommand, existing
from lanista.web import serve
from lanista.web._start import PORT


def add(command: MakeCommand) -> None:
    """Adds the command."""
    ui = command("ui", "serve the dashboard: see experiments, running or ended, and steer them, in a browser")
    ui.add_argument(
        "--host", metavar="ADDRESS", default="127.0.0.1", help="where to listen; by default this machine alone"
    )
    ui.add_argument("--port", metavar="N", type=int, default=PORT, help=f"{PORT} by default; 0 for any that is free")
    ui.add_argument("--no-browser", action="store_true", help="do not open the page")
    ui.add_argument(
        "--token",
        metavar="SECRET",
        help="what every request must show; by default $LANISTA_TOKEN, else made and printed when others can connect",
    )
    ui.add_argument(
        "--allow-host", metavar="NAME", action="append", default=[], help="a name that a proxy in front goes by"
    )
    ui.set_defaults(run=_ui)


def _ui(args: Args) -> None:
    serve(
        existing(args.store),
        host=args.host,
        port=args.port,
        token=os.environ.get("LANISTA_TOKEN") if args.token is None else args.token,
        hosts=tuple(args.allow_host),
        browser=not args.no_browser,
    )
