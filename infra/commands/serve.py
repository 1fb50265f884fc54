"""`rostrum serve SERVICE...`: services in the foreground, NATS elsewhere."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os

from contracts.subjects import SERVICES
from infra.commands.common import add_var, fail, gateway_port, media_nodes
from infra.launcher.forks import MEDIA_NODES

EXAMPLES = """\
examples:
  ROSTRUM_NATS_URL=nats://10.0.0.5:4222 ROSTRUM_NATS_USER=room ROSTRUM_NATS_PASSWORD=... rostrum serve room
  rostrum serve recording transcription       two, each in a process of its own, restarted when it dies

Settings are read from the environment: ROSTRUM_<SETTING> for every service, ROSTRUM_<SERVICE>_<SETTING> for one.
Exit code 0 after SIGTERM or Ctrl-C, 2 for a wrong setting, 3 when NATS does not answer, else 1.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `serve`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    parser.add_argument("services", nargs="+", choices=SERVICES, metavar="SERVICE", help=", ".join(SERVICES))


def run(options: argparse.Namespace) -> int:
    """One service runs in this process; several under a launcher of their own."""
    names: list[str] = list(dict.fromkeys(options.services))
    if len(names) == 1 and (names != ["media"] or media_nodes() == 1):
        module = importlib.import_module(f"services.{names[0]}.main")
        settings = {name: value for name, value in os.environ.items() if name != MEDIA_NODES}
        code: int = module.main(settings | {"ROSTRUM_VAR": str(options.var)})
        return code

    from infra.commands.up import run_until_stopped, say
    from infra.launcher import LauncherError, System

    system = System(
        options.var,
        gateway_port=gateway_port(),
        services=names,
        own_nats=False,
        say=say,
        media_nodes=media_nodes() if "media" in names else 1,
    )
    try:
        return asyncio.run(run_until_stopped(system))
    except LauncherError as error:
        fail(str(error))
