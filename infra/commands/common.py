"""What several subcommands share: where the data is, how to end with one clear line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from infra.launcher.forks import MEDIA_NODES
from infra.public_address import PublicAddress
from libs.identity import OWN_ISSUER, DevelopmentIdentity, OwnTokens

DEMO: Final = "DEMO"
"""Environment variable; 0 starts no Space of speaking bots."""


def add_var(parser: argparse.ArgumentParser) -> None:
    """`--var DIR`, by default ROSTRUM_VAR or `var`."""
    parser.add_argument(
        "--var",
        type=Path,
        default=Path(os.environ.get("ROSTRUM_VAR", "var")),
        metavar="DIR",
        help="folder of data, keys and logs (ROSTRUM_VAR; default: %(default)s)",
    )


def add_public(parser: argparse.ArgumentParser) -> None:
    """`--public` and what belongs to it; `public_address` reads them."""
    public = parser.add_argument_group("on a public address", "identity is set up in docs/identity.md")
    public.add_argument("--public", metavar="URL", help="where browsers reach this machine, https://live.example.org")
    public.add_argument(
        "--certificate", type=Path, metavar="FILE", help="serve HTTPS with this chain (PEM); without it, a proxy does"
    )
    public.add_argument("--key", type=Path, metavar="FILE", help="its private key (PEM), where that is another file")
    public.add_argument(
        "--media-address",
        action="append",
        default=[],
        metavar="IP",
        help="where clients reach the media port; again for more (default: the addresses of URL's host)",
    )


def fail(text: str, code: int = 1) -> NoReturn:
    """End the command with one line on standard error."""
    print(f"rostrum: {text}", file=sys.stderr)
    raise SystemExit(code)


def public_address(options: argparse.Namespace) -> PublicAddress | None:
    """Where browsers are to reach this machine, by the options; ends the command where those do not go together."""
    if options.public is None:
        if options.certificate or options.key or options.media_address:
            fail("--certificate, --key and --media-address belong to --public", 2)
        return None
    return PublicAddress(options.public, options.certificate, options.key, options.media_address)


def media_nodes() -> int:
    """ROSTRUM_MEDIA_NODES, 1 by default; ends the command when it is no number of processes."""
    text = os.environ.get(MEDIA_NODES, "1")
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        fail(f"{MEDIA_NODES} is {text!r}, which is no number of media processes (1 to 64)", 2)
    return int(text)


def gateway_port(settings: Mapping[str, str] | None = None) -> int:
    """ROSTRUM_GATEWAY_PORT, in `settings` or else the environment, 8080 by default; ends the command when it is not a
    port."""
    text = {**os.environ, **(settings or {})}.get("ROSTRUM_GATEWAY_PORT", "8080")
    if not text.isdecimal() or int(text) > 65535:
        fail(f"ROSTRUM_GATEWAY_PORT is {text!r}, which is not a port (0 to 65535)", 2)
    return int(text)


def in_development() -> bool:
    """Whether a gateway with this environment lets anybody sign up."""
    mode = os.environ.get("ROSTRUM_GATEWAY_IDENTITY", os.environ.get("ROSTRUM_IDENTITY", "development"))
    return mode == "development"


def own_tokens(var: Path) -> OwnTokens:
    """Those that a gateway with this environment takes. Raises IdentityError, OSError."""
    return DevelopmentIdentity(var / "keys") if in_development() else OwnTokens(var / "keys", OWN_ISSUER)
