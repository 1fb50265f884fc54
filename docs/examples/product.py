"""Teatime, a made-up product whose users talk in Rostrum. docs/product.md goes through it.

Its servers sign people in, tell Rostrum who follows whom, and are told what happens.

    python product.py keys                          the public keys, for ROSTRUM_IDENTITY_KEYS
    python product.py link USER ADDRESS             a link that signs a user in on Rostrum's page
    python product.py token USER                    the token alone, for an app of your own
    python product.py tell ADDRESS                  tell Rostrum who there is and who follows whom (TEATIME_API_KEY)
    python product.py receive PORT                  receive webhooks and print them (TEATIME_WEBHOOK_SECRET)
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

ISSUER = "https://teatime.example"
AUDIENCE = "rostrum"
KEY_FILE = Path(os.environ.get("TEATIME_KEY", "teatime.key"))
USERS = {
    "u-1": {"name": "Ada Lovelace", "handle": "ada"},
    "u-2": {"name": "Bo Didley", "handle": "bo"},
    "u-3": {"name": "Cy Young", "handle": "cy"},
}
FOLLOWS = [("u-2", "u-1"), ("u-3", "u-1"), ("u-1", "u-2")]


def signing_key() -> Ed25519PrivateKey:
    """The product's key, made at first use. Whoever has it can be any user."""
    if not KEY_FILE.exists():
        made = Ed25519PrivateKey.generate()
        with open(os.open(KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(made.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
    return Ed25519PrivateKey.from_private_bytes(KEY_FILE.read_bytes())


def keys() -> dict[str, Any]:
    """The public keys as a JWK Set (RFC 7517, RFC 8037)."""
    public = signing_key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    return {"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "2026-12", "x": x}]}


def token(user: str, seconds: int = 3600) -> str:
    """A token that says who a user is."""
    now = int(time.time())
    person = USERS[user]
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user,
        "iat": now,
        "exp": now + seconds,
        "name": person["name"],
        "preferred_username": person["handle"],
    }
    return jwt.encode(claims, signing_key(), algorithm="EdDSA", headers={"kid": "2026-12"})


def tell(address: str) -> None:
    """Tell Rostrum who there is, and who follows whom. It may be told again at any time."""
    authorization = {"authorization": f"Bearer {os.environ['TEATIME_API_KEY']}"}
    with httpx.Client(base_url=address, headers=authorization) as rostrum:
        people = [{"subject": user, **person} for user, person in USERS.items()]
        told = rostrum.post("/v1/server/people", json={"people": people}).raise_for_status().json()
        lines = "".join(json.dumps({"subject": who, "does": "follow", "whom": whom}) + "\n" for who, whom in FOLLOWS)
        related = rostrum.post(
            "/v1/server/relations", content=lines, headers={"content-type": "application/x-ndjson"}
        ).raise_for_status()
    print(f"{len(told['people'])} people; follows: {related.text}")


class Receiver(BaseHTTPRequestHandler):
    """Takes webhooks. What is not signed with our secret is refused."""

    def do_POST(self) -> None:
        """One event."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            event = Webhook(os.environ["TEATIME_WEBHOOK_SECRET"]).verify(body, dict(self.headers))
        except WebhookVerificationError:
            self.send_response(401)
        else:
            print(f"{event['type']} {json.dumps(event['data'])}", flush=True)
            self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """The events are printed; requests need not be."""


def main(arguments: list[str]) -> None:
    """Do what was asked for, or say what there is."""
    match arguments:
        case ["keys"]:
            print(json.dumps(keys(), indent=1))
        case ["link", user, address]:
            print(f"{address}#token={token(user)}")
        case ["token", user]:
            print(token(user))
        case ["tell", address]:
            tell(address)
        case ["receive", port]:
            HTTPServer(("127.0.0.1", int(port)), Receiver).serve_forever()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
