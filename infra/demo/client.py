"""A client of the public gateway: HTTP calls, live events, and the audio of WHIP and WHEP.

Everything here is what any third party could write from the OpenAPI document.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

import httpx
from aiortc import MediaStreamTrack, RTCPeerConnection
from aiortc.contrib.media import MediaRelay
from aiortc.rtcrtpreceiver import RTCRtpReceiver
from aiortc.rtp import RtpPacket

from contracts.media.v1 import NodeNewsName
from infra.demo.connection import connected, new_connection, offered, tap
from infra.demo.live_events import LiveEvent, parse
from infra.demo.voice import Speech

TIMEOUT = httpx.Timeout(30.0)
SLOTS = 3
CONNECT_SECONDS = 30.0
RECONNECT_SECONDS = 3.0
FLOWS_SECONDS = 0.2
"""How long to look whether anything still arrives over a connection whose node is said to be gone."""

log = logging.getLogger("rostrum.client")


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that clients trust, read once: for each client anew it would take 40 ms."""
    return httpx.create_ssl_context()


class RefusedError(Exception):
    """The gateway said no."""

    def __init__(self, call: str, status: int, reason: str, detail: str) -> None:
        super().__init__(f"{call}: {status} {reason}: {detail}")
        self.status = status
        self.reason = reason


class Client:
    """One person, or an anonymous visitor where `token` is None."""

    def __init__(self, url: str, token: str | None = None, person: dict[str, Any] | None = None) -> None:
        self.person = person
        self.token = token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT, verify=_trusted())

    @classmethod
    async def sign_up(cls, url: str, handle: str, name: str) -> Client:
        """A new person, in development mode."""
        async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT, verify=_trusted()) as http:
            answer = _checked(await http.post("/v1/people", json={"handle": handle, "name": name})).json()
        return cls(url, answer["token"], answer["person"])

    @property
    def id(self) -> str:
        """This person's id; raises where nobody is signed in."""
        if self.person is None:
            raise ValueError("an anonymous visitor has no id")
        return str(self.person["id"])

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer, or None where there is none. Raises RefusedError for a problem.

        A command carries an Idempotency-Key, so that it is safe to repeat: for half a minute it is tried again while
        the answer is a 503 or the gateway is away.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex} if method != "GET" else {}
        deadline = time.monotonic() + 30
        while True:
            try:
                response = await self._http.request(method, path, json=body, headers=headers)
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            else:
                if response.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    break
            await asyncio.sleep(0.2)  # between attempts
        checked = _checked(response)
        return checked.json() if checked.content else None

    async def join(self, base: str) -> str:
        """Opens a session in the Space at this path, which asking to speak needs; its id."""
        return str((await self.call("POST", f"{base}/sessions", {"platform": "demo"}))["session_id"])

    async def download(self, path: str) -> bytes:
        """A file's bytes."""
        return _checked(await self._http.get(path)).content

    async def events(self, path: str, last_event_id: str | None = None) -> AsyncIterator[LiveEvent]:
        """Live events for as long as wanted; reconnects with the last id it saw."""
        while True:
            headers = {"Accept": "text/event-stream"}
            if last_event_id is not None:
                headers["Last-Event-ID"] = last_event_id
            try:
                timeout = httpx.Timeout(30)
                async with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
                    if response.status_code >= 400:
                        await response.aread()
                        if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                            _checked(response)
                    else:
                        async for event in parse(response.aiter_lines()):
                            last_event_id = event.id or last_event_id
                            yield event
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)  # before it connects again

    async def negotiate(self, path: str, offer: str) -> tuple[str, str]:
        """Sends an SDP offer; returns the answer and the resource's path."""
        deadline = time.monotonic() + 30
        while True:
            response = await self._http.post(path, content=offer, headers={"Content-Type": "application/sdp"})
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)  # between attempts
        checked = _checked(response)
        return checked.text, checked.headers["Location"]

    async def hang_up(self, resource: str) -> None:
        """Ends an audio connection; one that is already gone is fine."""
        response = await self._http.delete(resource)
        if response.status_code != httpx.codes.NOT_FOUND:
            _checked(response)


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    call = f"{response.request.method} {response.request.url.path}"
    raise RefusedError(
        call, response.status_code, problem.get("reason", "?"), problem.get("detail", response.text[:200])
    )


@dataclass(eq=False)
class _Link:
    """One connection at a media node."""

    peer: RTCPeerConnection = field(default_factory=new_connection)
    resource: str | None = None
    sound: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with the first packet that came over it."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with every packet."""
    track: MediaStreamTrack | None = None
    _ending: asyncio.Task[None] | None = None

    @property
    def session_id(self) -> str:
        """As live events name it: the first part of the connection's address."""
        return (self.resource or "").rpartition("/")[2].partition(".")[0]

    async def close(self, client: Client) -> None:
        """Hangs up."""
        if self.resource is not None:
            with contextlib.suppress(RefusedError, httpx.TransportError):
                await client.hang_up(self.resource)
        await self.drop()

    async def drop(self) -> None:
        """Forgets it; there is nobody to tell."""
        if self.track is not None:
            self.track.stop()
        # An RTCPeerConnection whose close() is cancelled never closes: who calls it once more waits for ever.
        self._ending = self._ending or asyncio.create_task(self.peer.close())
        await asyncio.shield(self._ending)


class _Audio:
    """A WHIP or WHEP connection that goes where the live events say: `heed` them."""

    linger: ClassVar[float]
    """For how many seconds an old connection is kept beside a new one that has no sound yet."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._path = ""
        self._link: _Link | None = None
        self._moving: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def session_id(self) -> str:
        """Of the media connection; empty while there is none."""
        return "" if self._link is None else self._link.session_id

    @property
    def node_id(self) -> str:
        """The media node it is connected to; empty while there is none."""
        resource = None if self._link is None else self._link.resource
        return (resource or "").rpartition("/")[2].partition(".")[2].rpartition(".")[0]

    def heed(self, event: LiveEvent) -> None:
        """Come back when the node died, move when it is about to stop; other events mean nothing here.

        A node that is said to be gone may only be out of the gateway's sight: what still carries sound is kept until
        another connection does.
        """
        if event.name not in tuple(NodeNewsName) or self.session_id not in event.data["sessions"]:
            return
        if self._moving is not None and not self._moving.done():
            return  # on its way already
        self._moving = asyncio.create_task(self._move(gone=event.name == NodeNewsName.LOST))
        self._moving.add_done_callback(_told)

    async def close(self) -> None:
        """Hangs up."""
        tasks = [task for task in (self._moving, *self._leaving) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._link is not None:
            await self._link.close(self.client)

    async def _connect(self, path: str) -> None:
        self._path = path
        self._link = await self._open(CONNECT_SECONDS)

    async def _move(self, *, gone: bool) -> None:
        """Connect anew, for as long as it takes; what is still connected hangs up when the new one has sound."""
        old = self._link
        if gone and old is not None and not await self._flows(old):
            await old.drop()
            old = None
        while True:
            try:
                new = await self._open(RECONNECT_SECONDS)
                break
            except (httpx.TransportError, TimeoutError, ConnectionError) as error:
                log.info("connecting again: %s", error)
                await asyncio.sleep(0.2)  # between attempts
        self._link = new
        if old is not None:
            leaving = asyncio.create_task(self._leave(old, new))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def _leave(self, old: _Link, new: _Link) -> None:
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.linger):
                    await new.sound.wait()
        finally:
            await old.close(self.client)

    async def _flows(self, link: _Link) -> bool:
        """Whether a connection works. Nothing shows whether what is said still arrives, so that is always kept."""
        return True

    async def _open(self, limit: float) -> _Link:
        link = _Link()
        try:
            self._prepare(link)

            async def negotiate(offer: str) -> str:
                answer, link.resource = await self.client.negotiate(self._path, offer)
                return answer

            await offered(link.peer, negotiate)
            await connected(link.peer, within=limit)
        except BaseException:
            await link.drop()
            raise
        return link

    def _prepare(self, link: _Link) -> None:
        """Add what is sent or received."""
        raise NotImplementedError


def _told(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("the audio does not come back: %s", error)


async def heed(client: Client, path: str, *audio: _Audio) -> None:
    """Follow live events for the audio's sake, until it is cancelled."""
    async for event in client.events(path):
        for one in audio:
            one.heed(event)


class Microphone(_Audio):
    """Speaks into a Space over WHIP. While it moves it speaks to both nodes, for those who have not moved yet."""

    linger = 5.0

    def __init__(self, client: Client, speech: Speech) -> None:
        super().__init__(client)
        self.speech = speech
        self._relay = MediaRelay()

    async def connect(self, space_id: str) -> None:
        """Returns when audio can flow."""
        await self._connect(f"/v1/spaces/{space_id}/whip")

    def _prepare(self, link: _Link) -> None:
        link.track = self._relay.subscribe(self.speech)
        link.peer.addTransceiver(link.track, direction="sendonly")


@dataclass
class Heard:
    """What a listener's three tracks received."""

    packets: int = 0
    lost: int = 0
    payloads: list[bytes] = field(default_factory=list)
    first_audio_ms: float | None = None
    """From asking to listen until the first audio packet."""


class Ears(_Audio):
    """Listens to a Space over WHEP; keeps every payload it receives, decodes nothing."""

    linger = 1.0

    def __init__(self, client: Client, on_packet: Callable[[RtpPacket], None] | None = None) -> None:
        super().__init__(client)
        self.heard = Heard()
        self._on_packet = on_packet
        self._asked = 0.0

    async def connect(self, space_id: str, session: str | None = None) -> None:
        """Returns when audio can flow; keeps the presence session alive, where there is one."""
        self._asked = time.monotonic()
        await self._connect(f"/v1/spaces/{space_id}/whep" + (f"?session={session}" if session else ""))

    def _prepare(self, link: _Link) -> None:
        for _ in range(SLOTS):
            transceiver = link.peer.addTransceiver("audio", direction="recvonly")
            self._tap(link, transceiver.receiver)

    async def _flows(self, link: _Link) -> bool:
        link.news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLOWS_SECONDS):
                await link.news.wait()
        return link.news.is_set()

    def _tap(self, link: _Link, receiver: RTCRtpReceiver) -> None:
        highest: int | None = None

        def take(packet: RtpPacket) -> None:
            nonlocal highest
            link.sound.set()
            link.news.set()
            if self._link is not None and self._link is not link and self._link.sound.is_set():
                return  # heard on the connection that took its place
            heard = self.heard
            if heard.first_audio_ms is None:
                heard.first_audio_ms = (time.monotonic() - self._asked) * 1000
            heard.packets += 1
            heard.payloads.append(packet.payload)
            if highest is None:
                highest = packet.sequence_number
            else:
                step = (packet.sequence_number - highest) & 0xFFFF
                if 0 < step < 0x8000:
                    heard.lost += step - 1
                    highest = packet.sequence_number
                elif heard.lost > 0:
                    heard.lost -= 1  # a late one fills its gap
            if self._on_packet is not None:
                self._on_packet(packet)

        tap(receiver, take)
