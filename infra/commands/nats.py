"""`rostrum nats`: who may do what on a NATS that runs elsewhere, as its configuration has it."""

from __future__ import annotations

import argparse
from typing import Final

from infra.commands.common import add_var, fail
from infra.nats import server

EXAMPLES: Final = """\
examples:
  (umask 077; rostrum nats > rostrum.conf)  for every server: `include rostrum.conf` in its nats.conf
  rostrum nats room                         ROSTRUM_NATS_USER and ROSTRUM_NATS_PASSWORD for room
  rostrum nats launcher                     the same for `rostrum streams`, with ROSTRUM_NATS_API

The passwords are in `keys/nats.json` of --var, made on first use: run this on one machine, or copy that file. Beside
it, nats.conf holds what is the machine's own (`server_name`, `listen`, `jetstream`, `cluster`, `tls`), and nothing on
users or accounts. Take it anew at each upgrade: restart the servers one after another, then run `rostrum streams`.

NATS answers wherever it is told to, its own API included. So changes of streams and consumers are taken only under
names that nobody can guess (ROSTRUM_NATS_API), one for the launcher and one for the eraser. `rostrum up` does all this
by itself.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `nats`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    parser.add_argument(
        "user", nargs="?", choices=server.USERS, metavar="USER", help="print the environment of this user instead"
    )


def run(options: argparse.Namespace) -> int:
    """Print the configuration, or the environment of one user, on standard output."""
    try:
        passwords = server.credentials(options.var / "keys")
    except (ValueError, OSError) as error:
        fail(str(error))
    if options.user is None:
        print(server.included(passwords))
        return 0
    print(f"ROSTRUM_NATS_USER={options.user}")
    print(f"ROSTRUM_NATS_PASSWORD={passwords[options.user]}")
    if options.user in server.CHANGING:
        print(f"ROSTRUM_NATS_API={server.api(passwords[options.user])}")
    return 0
