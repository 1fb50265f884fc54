"""`rostrum token`: who somebody is, for a terminal."""

from __future__ import annotations

import argparse
import json
from datetime import timedelta
from typing import Final

from infra.commands.common import add_var, fail, own_tokens
from libs.identity import IdentityError

_MOST_HOURS: Final = 87_600.0
EXAMPLES = """\
examples:
  rostrum token 01jd0...                      for a person who signed up
  rostrum token --sign-up ada "Ada Lovelace"  signs a person up at the running system, and prints their token
  rostrum token 01jd0... --operator           one that the operator's page takes

  curl -H "Authorization: Bearer $(rostrum token 01jd0...)" http://127.0.0.1:8080/v1/me

The key is made on first use and kept in var/keys. A token of one ROSTRUM_IDENTITY is good in development or elsewhere,
never in both.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `token`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("person", nargs="?", metavar="PERSON_ID", help="the id of a person")
    who.add_argument("--sign-up", nargs=2, metavar=("HANDLE", "NAME"), help="sign a person up first")
    parser.add_argument("--operator", action="store_true", help="may see the operator's page")
    parser.add_argument(
        "--hours", type=float, default=168.0, help="how long it is good, at most 87600 (default: %(default).0f)"
    )


def run(options: argparse.Namespace) -> int:
    """Print the token, and nothing else, on standard output."""
    if not 0 < options.hours <= _MOST_HOURS:
        fail(f"--hours {options.hours:g}: must be more than 0 and at most {_MOST_HOURS:g}, ten years")
    person = options.person or _sign_up(options)
    try:
        identity = own_tokens(options.var)
        print(identity.mint(person, operator=options.operator, lifetime=timedelta(hours=options.hours)))
    except (IdentityError, ValueError, OSError) as error:
        fail(str(error))
    return 0


def _sign_up(options: argparse.Namespace) -> str:
    import httpx

    handle, name = options.sign_up
    try:
        running = json.loads((options.var / "run" / "system.json").read_text())
        answer = httpx.post(f"{running['url']}/v1/people", json={"handle": handle, "name": name}, timeout=10)
    except FileNotFoundError:
        fail(f"nothing runs on {options.var}: start it first (rostrum up)")
    except (httpx.HTTPError, ValueError) as error:
        fail(f"the gateway does not answer: {error}")
    body = answer.json()
    if answer.status_code != 201:
        fail(str(body.get("detail") or answer.reason_phrase))
    return str(body["person"]["id"])
