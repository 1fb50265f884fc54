"""`rostrum backup`: copies of data, keys and ledger, apart from each other."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from infra.commands.common import add_var, fail

EXAMPLES = """\
examples:
  rostrum backup /mnt/backup/monday     while the system runs, or not

Makes the folders data, keys and ledger in it. Move keys and ledger to places of their own: whoever has data and keys
reads everything. Copy the ledger more often than the rest (var/ledger is one small file): only the newest one can be
restored. Streams are left out, since they are filled again from the stores. With ROSTRUM_STORE, what is in PostgreSQL
is backed up by its own tools, the schemas keyring and ledger apart from the others.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `backup`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the copies go; a new folder")


def run(options: argparse.Namespace) -> int:
    """Copy, and say what was copied."""
    from infra.backup import BackupError, back_up

    try:
        book = back_up(options.var, options.folder)
    except (BackupError, OSError) as error:
        fail(str(error))
    if os.environ.get("ROSTRUM_STORE"):
        print("What is in PostgreSQL is not in this copy: back it up too, the schemas keyring and ledger apart.")
    elif book is not None:
        print(f"The ledger has {book.entries} entries{f', the last of {book.newest}' if book.newest else ''}.")
    print(f"{options.folder}: move the folders keys and ledger to places of their own.")
    return 0
