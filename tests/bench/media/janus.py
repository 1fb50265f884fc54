"""Janus VideoRoom as a peer: what one forwarded packet costs it.

It runs with a configuration of its own in a temporary folder, its API on any free port of loopback, its media on any
free ports.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest import mock

import httpx
import psutil
from aiortc import RTCPeerConnection, RTCSessionDescription, rtcdtlstransport
from aiortc.rtp import RtpPacket

from tests.bench.media.joining import cpu_of
from tests.bench.media.speech import opus_speech
from tests.support.webrtc import connected, new_connection, speaker

HOW_TO_GET_IT: Final = "no janus on this machine (Debian and Ubuntu: apt-get install janus)"
ROOM: Final = 1
_WITHIN: Final = 15.0
_POLL: Final = 60.0
"""Seconds that an answer may take; Janus answers a poll after 30 s where nothing happened."""
_AT_ONCE: Final = 10
_OTHERS: Final = "audiobridge duktape echotest lua nosip recordplay sip streaming textroom videocall voicemail"
_CONFIG: Final = {
    "janus.jcfg": (
        'general: {{ configs_folder = "{folder}"; session_timeout = 0; debug_level = 2 }}\n'
        'plugins: {{ disable = "{plugins}" }}\n'
        'transports: {{ disable = "{transports}" }}\n'
    ),
    "janus.transport.http.jcfg": (
        'general: {{ json = "plain"; base_path = "/janus"; http = true; https = false; ip = "127.0.0.1"; port = 0 }}\n'
    ),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """A stretch of one talker heard by all subscribers."""

    us_per_packet: float
    """CPU of Janus per packet that arrived, user and system, in microseconds."""
    packets_per_second: float


def find_janus() -> str | None:
    """Its executable, or None."""
    return shutil.which("janus")


class _Api:
    """Janus' API: one session over HTTP, whose events are polled."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count()
        self._path = "/janus"

    async def read(self) -> None:
        """Hands events to those who asked for what led to them; others are dropped."""
        while True:
            for event in (await self._http.get(self._path, params={"maxev": 10})).json():
                if event.get("transaction") in self._waiting:
                    self._waiting.pop(event["transaction"]).set_result(event)

    async def ask(self, path: str = "", **message: Any) -> dict[str, Any]:
        """The answer to a message, or the event it led to. Raises ConnectionError where it is an error."""
        transaction = str(next(self._numbers))
        future = self._waiting[transaction] = asyncio.get_running_loop().create_future()
        answer = (await self._http.post(self._path + path, json={**message, "transaction": transaction})).json()
        if answer["janus"] == "ack":
            answer = await asyncio.wait_for(future, _WITHIN)
        self._waiting.pop(transaction, None)
        error = answer.get("error") or answer.get("plugindata", {}).get("data", {}).get("error")
        if error:
            raise ConnectionError(f"janus: {error}")
        result: dict[str, Any] = answer
        return result

    async def begin(self) -> None:
        """Opens the session that everything else belongs to."""
        self._path = f"/janus/{(await self.ask(janus='create'))['data']['id']}"

    async def handle(self) -> int:
        """A new handle of the VideoRoom plugin."""
        attached = await self.ask(janus="attach", plugin="janus.plugin.videoroom")
        return int(attached["data"]["id"])

    async def say(self, handle: int, jsep: tuple[str, str] | None = None, **body: Any) -> dict[str, Any]:
        """Sends the plugin a message, with an SDP (`offer` or `answer`, and its text) where there is one."""
        described = {} if jsep is None else {"jsep": {"type": jsep[0], "sdp": jsep[1]}}
        return await self.ask(f"/{handle}", janus="message", body=body, **described)


@asynccontextmanager
async def _janus(executable: str) -> AsyncIterator[tuple[_Api, int]]:
    """A running Janus: its API, and its process id."""
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        transports = ",".join(f"libjanus_{name}.so" for name in ("mqtt", "nanomsg", "pfunix", "rabbitmq", "websockets"))
        plugins = ",".join(f"libjanus_{name}.so" for name in _OTHERS.split())
        for name, text in _CONFIG.items():
            (Path(folder) / name).write_text(text.format(folder=folder, plugins=plugins, transports=transports))
        quiet = subprocess.DEVNULL
        command = (executable, "-F", folder, "-C", f"{folder}/janus.jcfg")
        process = await asyncio.create_subprocess_exec(*command, stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            async with asyncio.timeout(_WITHIN):
                url = f"http://127.0.0.1:{await _listening(process.pid)}"
            async with httpx.AsyncClient(base_url=url, timeout=_POLL) as http:
                api = _Api(http)
                await api.begin()
                reading = asyncio.create_task(api.read())
                try:
                    yield api, process.pid
                finally:
                    reading.cancel()
                    await asyncio.gather(reading, return_exceptions=True)
        finally:
            # It takes its time to close hundreds of connections, and has nothing to lose.
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _listening(pid: int) -> int:
    """The TCP port that a process listens at, once it does. Raises ConnectionError where it ends instead."""
    while True:
        try:
            for connection in psutil.Process(pid).net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    return int(connection.laddr.port)
        except psutil.Error as error:
            raise ConnectionError("janus does not start") from error
        await asyncio.sleep(0.05)


class _Audience:
    """Stock aiortc listeners whose packets are counted and go no further."""

    def __init__(self) -> None:
        self.packets = 0

    async def _count(self, _packet: RtpPacket, arrival_time_ms: int) -> None:
        self.packets += 1

    async def subscribe(self, api: _Api, stack: AsyncExitStack) -> None:
        """One more; gone at the stack's end."""
        handle = await api.handle()
        offer = await api.say(handle, request="join", ptype="subscriber", room=ROOM, streams=[{"feed": 1}])
        pc: RTCPeerConnection = new_connection()
        stack.push_async_callback(pc.close)
        await pc.setRemoteDescription(RTCSessionDescription(offer["jsep"]["sdp"], "offer"))
        receiver: Any
        for receiver in pc.getReceivers():
            receiver._handle_rtp_packet = self._count
        await pc.setLocalDescription(await pc.createAnswer())
        await api.say(handle, ("answer", pc.localDescription.sdp), request="start")
        await connected(pc)


async def measure(executable: str, subscribers: int, seconds: float) -> Measured:
    """One talker speaks, so many subscribers hear it, with AES-128-GCM as everywhere in this benchmark."""
    profiles = [rtcdtlstransport.SRTP_AEAD_AES_128_GCM]
    with mock.patch.object(rtcdtlstransport, "SRTP_PROFILES", profiles):
        async with _janus(executable) as (api, pid):
            publisher = await api.handle()
            await api.say(publisher, request="create", room=ROOM, publishers=1, audiocodec="opus")
            await api.say(publisher, request="join", ptype="publisher", room=ROOM, id=1)

            async def publish(offer: str) -> str:
                answer = await api.say(publisher, ("offer", offer), request="publish")
                return str(answer["jsep"]["sdp"])

            async with speaker(publish) as talker, AsyncExitStack() as stack:
                talker.track.say(opus_speech() * 6)
                audience = _Audience()
                for first in range(0, subscribers, _AT_ONCE):
                    few = range(first, min(first + _AT_ONCE, subscribers))
                    await asyncio.gather(*(audience.subscribe(api, stack) for _ in few))
                await asyncio.sleep(1)
                before, packets = cpu_of(pid), audience.packets
                await asyncio.sleep(seconds)
                spent, arrived = cpu_of(pid) - before, audience.packets - packets
    return Measured(spent * 1e6 / max(1, arrived), arrived / seconds)
