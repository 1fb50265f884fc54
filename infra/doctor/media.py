"""Whether sound gets through: the media port over UDP and TCP at the addresses that clients are told, and TURN.

What is sent from here to the public address shows that the address is this machine's and the port is right. That a
firewall lets others in, only somebody elsewhere can tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import aioice.stun
import aioice.turn
import httpx

from infra.doctor.findings import Finding, bad, good, words_of, worth_knowing
from infra.doctor.situation import Situation
from services.gateway.app.media import Turn

_SECONDS: Final = 3.0
_TRIES: Final = 6
_ELSEWHERE: Final = (
    "check ROSTRUM_MEDIA_PUBLIC_HOSTS and ROSTRUM_MEDIA_PORT; behind NAT, forward the port to this machine"
)
_RANDOM: Final = "a free port, another one at each start, which no firewall can open"
_FIXED: Final = "fix it: ROSTRUM_MEDIA_PORT=7882 and ROSTRUM_MEDIA_TCP_PORT=7882 (`rostrum up --public` does)"
_REFUSED: Final = re.compile(r'^rostrum_forwarder_events\w*\{what="stun_refused"\} (\S+)$', re.MULTILINE)


async def udp(situation: Situation) -> Finding | None:
    """A datagram to the address that clients are told arrives at the media port."""
    return await _examined(situation, "UDP", _udp_arrives)


async def tcp(situation: Situation) -> Finding | None:
    """A TCP connection to it does, which clients without UDP use."""
    if situation.media.tcp_port == "off":
        return worth_knowing("off: clients in networks without UDP hear nothing", "set ROSTRUM_MEDIA_TCP_PORT, or TURN")
    return await _examined(situation, "TCP", _tcp_arrives)


async def _examined(
    situation: Situation, kind: str, arrives: Callable[[Situation, str, int], Awaitable[bool]]
) -> Finding | None:
    settings = situation.media
    hosts = settings.candidates or ((settings.host,) if situation.gateway.public_url else ())
    if not hosts:
        return None  # for this machine alone
    port = settings.port if kind == "UDP" else int(settings.tcp_port)
    if not port:
        return bad(_RANDOM, _FIXED)
    lost = []
    for host in hosts:
        try:
            if not await arrives(situation, host, port):
                lost.append(host)
        except OSError as error:
            return bad(f"{kind} port {port}: {error.strerror or error}", "stop what holds it, or set another one")
    if lost:
        return bad(f"nothing that is sent to {', '.join(f'{host}:{port}' for host in lost)} arrives here", _ELSEWHERE)
    where = ", ".join(f"{host}:{port}" for host in hosts)
    return good(f"{where}, reached from here; open {kind} {port} in the firewall for others")


async def _udp_arrives(situation: Situation, host: str, port: int) -> bool:
    """Raises OSError where the port cannot be had."""
    health = situation.health_of("media")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    request = bytes(aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST))
    with contextlib.ExitStack() as stack:
        sending = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        if health is not None:
            # The media service that runs counts what strangers send it, and answers nothing.
            before = await _refused(health)
            for _ in range(_TRIES):
                with contextlib.suppress(OSError):  # there is no way there
                    sending.sendto(request, (host, port))
                await asyncio.sleep(_SECONDS / _TRIES)
                if await _refused(health) > before:
                    return True
            return False
        bound = situation.media.host
        listening = stack.enter_context(
            socket.socket(socket.AF_INET6 if ":" in bound else socket.AF_INET, socket.SOCK_DGRAM)
        )
        listening.bind((bound, port))
        listening.setblocking(False)
        loop = asyncio.get_running_loop()
        token = os.urandom(16)
        for _ in range(_TRIES):
            with contextlib.suppress(OSError):  # there is no way there; TimeoutError is one too
                sending.sendto(token, (host, port))
                async with asyncio.timeout(_SECONDS / _TRIES):
                    while True:
                        if await loop.sock_recv(listening, 64) == token:
                            return True
    return False


async def _refused(health: str) -> float:
    async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False) as client:
        found = _REFUSED.search((await client.get(f"{health}/metrics")).text)
    return float(found.group(1)) if found else 0.0


async def _tcp_arrives(situation: Situation, host: str, port: int) -> bool:
    """Raises OSError where the port cannot be had."""
    bound = situation.media.host
    arrived = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        if situation.health_of("media") is None:

            async def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                arrived.set()
                writer.close()

            await stack.enter_async_context(await asyncio.start_server(meet, bound, port))
        else:
            arrived.set()  # whoever accepts has the port: the media service
        try:
            async with asyncio.timeout(_SECONDS):
                _, writer = await asyncio.open_connection(host, port)
                # Gone without a farewell, so that the port is free at once.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                await arrived.wait()
                writer.close()
        except (OSError, TimeoutError):
            return False
    return True


async def turn(situation: Situation) -> Finding | None:
    """Every TURN server that clients are told gives them a relayed address."""
    settings = situation.gateway
    if not settings.turn_urls:
        if settings.public_url is None:
            return None
        return worth_knowing("none", "clients that reach neither UDP nor TCP of the media port need one (docs/turn.md)")
    if settings.turn_secret is None:
        return bad("ROSTRUM_GATEWAY_TURN_SECRET is missing, so no client is told", "set it as in the TURN server")
    username, credential = Turn(settings.turn_urls, settings.turn_secret.get_secret_value().encode()).login("doctor")
    relayed = []
    for url in settings.turn_urls:
        try:
            relayed.append(f"{url} relays by {await _relayed(url, username, credential)}")
        except aioice.stun.TransactionFailed as error:
            return bad(
                f"{url} refuses us: {error}",
                "set the same secret here and there (coturn: use-auth-secret, static-auth-secret), and its realm",
            )
        except (OSError, TimeoutError, ValueError, aioice.stun.TransactionTimeout) as error:
            return bad(f"{url} gives no relayed address: {words_of(error)}", "see whether it runs, and its ports")
    return good("; ".join(relayed))


async def _relayed(url: str, username: str, credential: str) -> str:
    """The address that a TURN server relays by. Raises OSError, ValueError, aioice's errors."""
    scheme, _, rest = url.partition(":")
    parts = urlsplit(f"//{rest}")
    if scheme not in ("turn", "turns") or not parts.hostname:
        raise ValueError("it is no address of a TURN server (RFC 7065)")
    secure = scheme == "turns"
    transport, _ = await aioice.turn.create_turn_endpoint(
        asyncio.DatagramProtocol,
        server_addr=(parts.hostname, parts.port or (5349 if secure else 3478)),
        username=username,
        password=credential,
        lifetime=60,
        ssl=secure,
        transport="tcp" if secure or "transport=tcp" in parts.query else "udp",
    )
    host, port = transport.get_extra_info("sockname")[:2]
    transport.close()
    return f"{host}:{port}"
