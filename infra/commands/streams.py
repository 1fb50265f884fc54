"""`rostrum streams`: the streams, buckets and durable consumers, made in a NATS that runs elsewhere."""

from __future__ import annotations

import argparse
from typing import Final

from nats.js import JetStreamContext

from contracts.subjects import SERVICES
from infra.commands.common import add_var
from infra.commands.connection import with_nats
from libs.bus.declare import declare, declare_consumers

EXAMPLES: Final = """\
examples:
  ROSTRUM_NATS_URL=nats://10.0.0.5:4222 ROSTRUM_NATS_USER=launcher ROSTRUM_NATS_PASSWORD=... ROSTRUM_NATS_API=... \\
    rostrum streams --replicas 3        before the first service starts, and at each upgrade

At an upgrade, stop recording, transcription and analytics first: those of the version before would pass over what
their consumers read from now on.

Services may make neither streams nor consumers where NATS has users: whoever may create a consumer may have it deliver
anything to anybody. `rostrum nats` prints the users for the configuration of NATS, and `rostrum nats launcher` the
environment of this command. `rostrum up` does this by itself.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `streams`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    parser.add_argument("--replicas", type=int, default=1, choices=(1, 3, 5), help="copies of a stream that is new")


def run(options: argparse.Namespace) -> int:
    """Make what is missing, change what is older."""
    return with_nats(options, lambda _, js: _declare(js, options.replicas))


async def _declare(js: JetStreamContext, replicas: int) -> int:
    await declare(js, replicas=replicas)
    await declare_consumers(js, SERVICES)
    print("the streams and the durable consumers are as this version has them")
    return 0
