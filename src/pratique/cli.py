"""`pratique`: one command line for everything. Rooms bring their commands; nothing loads before it is asked for.

Exit codes: 0 yes or done · 1 no or refused · 2 called wrongly · 3 a fault of ours. Errors are one line on stderr:
what, where, what to do.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cyclopts import App, CycloptsError
from rich.console import Console

from pratique.core.errors import Busy, Refusal, StorageFull

FAULT = 3


def _one_line(fault: CycloptsError) -> str:
    return f"pratique: {' '.join(str(fault).split())} See --help."


app = App(
    name="pratique",
    help="Epidemic response that explains itself, ends by itself and forgets.",
    version=version("pratique"),
    error_formatter=_one_line,
    error_console=Console(stderr=True, width=10_000),
)
for place, name, about in (
    ("pratique.credentials.cli:verify", "verify", "Verify health certificates and passes."),
    ("pratique.operate:policy", "policy", "Check, try, preview and publish rules."),
    ("pratique.gate.cli:gate", "gate", "The terminal at the door."),
    ("pratique.gate.upkeep:hub", "hub", "One box per site between its gates and the server."),
    (
        "pratique.membership.cli:member",
        "member",
        "An organisation's doors: passes, lists for gates, attendance.",
    ),
    ("pratique.membership.visitor_cli:visitor", "visitor", "Invite a visitor and be told at the door."),
    ("pratique.operate:fleet_app", "fleet", "Gates from the server's side: carry a stick."),
    ("pratique.operate:lab", "lab", "Laboratory messages: read, serve, send."),
    ("pratique.operate:mandate", "mandate", "Mandates: new, sign, publish, list, end."),
    ("pratique.operate:area", "area", "The areas of this deployment: list, add."),
    ("pratique.operate:log", "log", "The public log: publish, verify."),
    ("pratique.operate:revoke", "revoke", "Issuing keys and batches: cut, take back, list."),
    ("pratique.operate:retire", "retire", "The end of a mandate: destroy its data, certify it."),
    ("pratique.operate:staff", "staff", "Staff accounts: invite, list, end."),
    ("pratique.operate:export", "export", "Exports: list them, name the receiver of a leak."),
    ("pratique.operate:serve", "serve", "Run the server."),
    (
        "pratique.simulate.command:simulate",
        "simulate",
        "Replay a day of mass testing against a running server.",
    ),
    ("pratique.demo:demo", "demo", "A small port on this machine, with a synthetic town."),
):
    app.command(place, name=name, help=about)


def main(arguments: list[str] | None = None) -> None:
    """The one handler around every command."""
    try:
        code: Any = app(arguments, result_action="return_value")
        sys.exit(code if isinstance(code, int) else 0)
    except (Busy, StorageFull) as refusal:
        _stop(str(refusal), FAULT)
    except Refusal as refusal:
        _stop(str(refusal), 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as fault:  # noqa: BLE001 - one honest line instead of a traceback
        where = _where(fault)
        _stop(f"a fault of ours in {where}: {type(fault).__name__}: {fault}. Please report it.", FAULT)


def _stop(text: str, code: int) -> None:
    print(f"pratique: {' '.join(text.split())}", file=sys.stderr)
    sys.exit(code)


def _where(fault: BaseException) -> str:
    trace = fault.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"


if __name__ == "__main__":
    main()
