"""`rostrum eraser`: what deletes the names of erased people from the streams, in the foreground."""

from __future__ import annotations

import argparse
import os
from typing import Final

from infra.commands.common import add_var

EXAMPLES: Final = """\
examples:
  ROSTRUM_NATS_URL=nats://10.0.0.5:4222 ROSTRUM_NATS_USER=eraser ROSTRUM_NATS_PASSWORD=... ROSTRUM_NATS_API=... \\
    rostrum eraser

One beside the services of a cluster, all the time; two do no harm. It needs a NATS user of its own, who may read and
delete single messages, which no service may: `rostrum nats eraser` prints its environment. It keeps nothing but notes
of what it is deleting (`var/erasing`): started again, it looks at everybody who was ever erased. `rostrum up` does this
by itself.
Exit code 0 after SIGTERM or Ctrl-C, 2 for a wrong setting, 3 when NATS does not answer, else 1.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `eraser`."""
    parser.epilog = EXAMPLES
    add_var(parser)


def run(options: argparse.Namespace) -> int:
    """Until SIGTERM or Ctrl-C."""
    from infra.eraser.main import main

    return main({**os.environ, "ROSTRUM_VAR": str(options.var)})
