"""The `rostrum` command. Each subcommand is a module of `infra.commands` with `configure(parser)` and `run(options)`.

`run` returns the exit code. Modules are imported only when their subcommand is asked for, so that `--help` is quick.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Final

from infra.commands.env_file import OPTION, taken_in
from libs.private_files import write_privately

COMMANDS: Final = {
    "up": "start NATS and the services on this machine and keep them running",
    "serve": "run services in the foreground against a NATS that runs elsewhere",
    "doctor": "check this machine before and while it serves, and say how to mend what does not hold",
    "demo": "one Space from creation to replay, on real speech, checked",
    "token": "a development token for a person",
    "keys": "make, list, rotate and revoke API keys of the host product's servers",
    "webhooks": "tell servers of the host product of events: list, add, rotate, look at deliveries, replay",
    "inspect": "rebuild a Space from its stored events and show it",
    "rebuild": "fill a lost stream of events again from the stores, while everything runs",
    "migrate": "rewrite once what earlier versions stored, while everything runs",
    "streams": "make the streams and consumers in a NATS that runs elsewhere",
    "nats": "print who may do what on a NATS that runs elsewhere, for its configuration",
    "eraser": "delete names of erased people from the streams of a NATS that runs elsewhere",
    "erase": "delete a person's account for ever",
    "export": "write a copy of everything that there is about a person",
    "backup": "copy data, keys and the ledger of what was destroyed, apart from each other",
    "restore": "put a backup back, without anybody who was erased since",
    "dlq": "look at messages that a consumer gave up on, and have it try them again",
}
EXAMPLES: Final = """\
examples:
  rostrum up                              everything, at http://127.0.0.1:8080
  rostrum serve room                      one service, as in a container
  rostrum demo --listeners 10             the demonstration, results in var/demo
  rostrum inspect 01jd3...                a Space as its events tell it
  rostrum --env-file /etc/rostrum/rostrum.env keys list    of what the systemd unit runs

Settings come from the environment (ROSTRUM_...); `rostrum COMMAND --help` tells more.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. One line on standard error says what is wrong, if anything is."""
    write_privately()
    arguments = taken_in(list(sys.argv[1:] if argv is None else argv))
    parser = argparse.ArgumentParser(
        prog="rostrum",
        description="Live audio rooms: a few people talk on stage, any number listens.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(OPTION, metavar="FILE", help="settings as systemd reads them, /etc/rostrum/rostrum.env")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(
            name, help=summary, description=summary[0].upper() + summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        if name == asked:
            module = importlib.import_module(f"infra.commands.{name}")
            module.configure(subparser)
            subparser.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    code: int = options.run(options)
    return code


if __name__ == "__main__":
    sys.exit(main())
