"""`rostrum restore`: a backup put back, and what was destroyed since destroyed again."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from infra.commands.common import add_var, fail

EXAMPLES = """\
examples:
  rostrum restore /mnt/backup/monday --ledger /mnt/ledger     into an empty var
  rostrum restore /mnt/backup/monday                          with the ledger that is in var still

The ledger says what was ever destroyed. Give the newest copy there is: what was erased after it comes back. Without any
nothing is restored; the one in the backup is as old as the backup, and counts only where you name it.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `restore`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what `rostrum backup` made")
    parser.add_argument("--ledger", type=Path, metavar="PATH", help="the newest ledger, a file or its folder")


def run(options: argparse.Namespace) -> int:
    """Restore, and say how new the ledger is."""
    from infra.backup import BackupError, restore
    from libs.service import BadSettings
    from services.people.main import take_in_ledger

    try:
        book = restore(options.var, options.folder, options.ledger)
        take_in_ledger({**os.environ, "ROSTRUM_VAR": str(options.var)})
    except (BackupError, BadSettings, OSError) as error:
        fail(str(error))
    print(f"The ledger has {book.entries} entries{f', the last of {book.newest}' if book.newest else ''}.")
    print(f"{options.var} is restored: everything that the ledger names is destroyed. Start with `rostrum up`.")
    return 0
