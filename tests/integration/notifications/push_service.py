"""A push service with browsers of the test's own, which decrypt what comes for them (RFC 8188, RFC 8291) and check who
signed it (RFC 8292)."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from contracts.notifications import v1
from libs.ids import new_id
from services.notifications.adapters.web_push import decode, encode
from tests.integration.notifications.receiver import Receiver, Request, receiving
from tests.integration.notifications.scene import Scene
from tests.support.waiting import LIMIT, eventually

_POINT: Final = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def decrypted(key: ec.EllipticCurvePrivateKey, auth: bytes, body: bytes) -> bytes:
    """What a message says to the browser that has this key."""
    salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
    sender, sealed = body[21 : 21 + length], body[21 + length :]
    assert 0 < len(sealed) <= size
    mine = key.public_key().public_bytes(*_POINT)
    shared = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
    secret = HKDF(hashes.SHA256(), 32, auth, b"WebPush: info\0" + mine + sender).derive(shared)
    content_key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
    nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
    return AESGCM(content_key).decrypt(nonce, sealed, None).rstrip(b"\0").removesuffix(b"\x02")


@dataclass
class Device:
    """A browser that subscribed."""

    address: str
    key: ec.EllipticCurvePrivateKey
    auth: bytes
    person: str
    id: str = ""
    came: list[Request] = field(default_factory=list)
    """What came for it, taken or not."""
    shown: list[dict[str, Any]] = field(default_factory=list)
    """What it was told, decrypted."""
    answer: Callable[[Request], int | bytes | Awaitable[int | bytes | None] | None] = lambda _: 201

    @property
    def public(self) -> str:
        """`p256dh`."""
        return encode(self.key.public_key().public_bytes(*_POINT))

    @property
    def secret(self) -> str:
        """`auth`."""
        return encode(self.auth)

    async def until(self, count: int) -> list[dict[str, Any]]:
        """Wait until it was told so often."""
        await eventually(lambda: len(self.shown) >= count)
        return self.shown


class PushService:
    """Listens at an address of this machine."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self._devices: dict[str, Device] = {}
        receiver.answer = self._answer

    @property
    def origin(self) -> str:
        """What signatures are for."""
        return f"http://127.0.0.1:{self.receiver.port}"

    async def _answer(self, request: Request) -> int | bytes | None:
        device = self._devices[request.path]
        device.came.append(request)
        answer = device.answer(request)
        found = answer if isinstance(answer, int | bytes | None) else await answer
        if isinstance(found, int) and 200 <= found < 300:
            assert request.headers["content-encoding"] == "aes128gcm"
            device.shown.append(json.loads(decrypted(device.key, device.auth, request.body)))
        return found

    def device(self, person: str = "", host: str = "127.0.0.1", *, word: str = "") -> Device:
        """Another browser, which nobody is told in yet; `host` is what its push service is called, and `word` stands in
        its address."""
        path = f"/push/{new_id()}{word}"
        address = f"http://{host}:{self.receiver.port}{path}"
        made = self._devices[path] = Device(address, ec.generate_private_key(ec.SECP256R1()), os.urandom(16), person)
        return made

    async def subscribe(
        self,
        there: Scene,
        person: str,
        *,
        reminders: bool = True,
        live: bool = True,
        host: str = "127.0.0.1",
        **more: Any,
    ) -> Device:
        """Another browser of somebody, who is told in it."""
        device = self.device(person, host)
        await self.tell(there, device, reminders=reminders, live=live, **more)
        return device

    async def tell(
        self, there: Scene, device: Device, *, reminders: bool = True, live: bool = True, **more: Any
    ) -> None:
        """Have its person told in a browser."""
        order = v1.Subscribe(
            command_id=new_id(), actor=device.person, address=device.address, auth=device.secret, p256dh=device.public,
            reminders=reminders, live=live, **more,
        )  # fmt: skip
        device.id = (await there.bus.ask(order, timeout=LIMIT)).result.id

    def claims(self, request: Request) -> dict[str, Any]:
        """What the signature of a message says, checked with the key that is sent along."""
        scheme, _, parameters = request.headers["authorization"].partition(" ")
        assert scheme == "vapid"
        given = dict(one.strip().split("=", 1) for one in parameters.split(","))
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(given["k"]))
        found: dict[str, Any] = jwt.decode(given["t"], point, algorithms=["ES256"], audience=self.origin)
        return found | {"k": given["k"]}


@contextlib.asynccontextmanager
async def pushing() -> AsyncIterator[PushService]:
    """A push service that listens."""
    async with receiving() as receiver:
        yield PushService(receiver)
