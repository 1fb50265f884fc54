"""WebRTC clients that are not ours, each as a test uses it: it speaks a tone, and tells which tones it decodes."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
from aiortc.mediastreams import MediaStreamError

from infra.demo.connection import connected, new_connection, offered
from tests.support.browser import chromium, write_tone
from tests.support.ffmpeg_whip import certificate, ffmpeg
from tests.support.firefox import firefox
from tests.support.raw_client import raw_client
from tests.support.tones import Samples, decode_file, decode_opus, of_frames, pitch
from tests.support.waiting import LIMIT
from tests.support.webrtc import opus_tone, speaker

Tones = Callable[[], Awaitable[Sequence[float]]]
"""The loudest frequency in what a client decoded last, for each of its slots; 0 for silence."""


@dataclass(slots=True)
class Endpoint:
    """WHIP or WHEP of one Space as one person reaches it."""

    url: str
    token: str
    location: str = field(default="", init=False)

    async def negotiate(self, offer: str) -> str:
        """The answer to an offer."""
        answer = await self._request("POST", self.url, content=offer, headers={"content-type": "application/sdp"})
        assert answer.status_code == 201, answer.text
        self.location = str(httpx.URL(self.url).join(answer.headers["location"]))
        return answer.text

    async def hang_up(self) -> None:
        """End the connection."""
        assert (await self._request("DELETE", self.location)).status_code == 200

    async def _request(self, method: str, url: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=LIMIT) as http:
            return await http.request(method, url, headers=headers, **more)


class Client:
    """A WebRTC client."""

    def speaks(self, whip: Endpoint, hz: int) -> AbstractAsyncContextManager[None]:
        """It publishes a tone inside."""
        raise NotImplementedError

    def listens(self, whep: Endpoint) -> AbstractAsyncContextManager[Tones]:
        """It is connected inside, and tells what it decodes."""
        raise NotImplementedError

    slots: ClassVar[int] = 3
    """In how many it listens."""


# ---- browsers -------------------------------------------------------------------------------------------------------

_SPEAK: Final = """async (first) => {
    const [microphone] = (await navigator.mediaDevices.getUserMedia({ audio: true })).getTracks();
    window.talks = new RTCPeerConnection({ bundlePolicy: first ? 'max-bundle' : 'balanced' });
    if (first === 'data') talks.createDataChannel('words');
    if (first === 'camera') talks.addTransceiver('video', { direction: 'sendonly' });
    talks.addTransceiver(microphone, { direction: 'sendonly' });
    await talks.setLocalDescription();
    return talks.localDescription.sdp;
}"""
_LISTEN: Final = """async () => {
    window.hears = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    for (let slot = 0; slot < 3; slot++) hears.addTransceiver('audio', { direction: 'recvonly' });
    await hears.setLocalDescription();
    return hears.localDescription.sdp;
}"""
_CONNECT: Final = """async ([name, sdp]) => {
    const pc = window[name];
    const connected = new Promise((resolve, reject) => {
        pc.onconnectionstatechange = () => {
            if (pc.connectionState === 'connected') resolve();
            if (pc.connectionState === 'failed') reject(new Error(`${name} failed`));
        };
    });
    await pc.setRemoteDescription({ type: 'answer', sdp });
    await connected;
}"""
_RECORD: Final = """async (ms) => {
    const record = async ({ track }) => {
        const stream = new MediaStream([track]), recorder = new MediaRecorder(stream), parts = [];
        const stopped = new Promise((resolve) => { recorder.onstop = resolve; });
        recorder.ondataavailable = ({ data }) => parts.push(data);
        recorder.start();
        await new Promise((resolve) => setTimeout(resolve, ms));
        recorder.stop();
        await stopped;
        const reader = new FileReader(), read = new Promise((resolve) => { reader.onload = resolve; });
        reader.readAsDataURL(new Blob(parts));
        await read;
        return reader.result;
    };
    return Promise.all(hears.getReceivers().map(record));
}"""
"""What each slot plays for so long, as an address of data."""
_PLAY: Final = """async () => {
    for (const { track } of hears.getReceivers()) {
        const player = Object.assign(new Audio(), { srcObject: new MediaStream([track]) });
        await player.play();
    }
}"""
_CLOSE: Final = "async (name) => window[name].close()"


class Browser(Client):
    """Its microphone plays the tone already; what it plays itself is recorded by it."""

    def __init__(self, evaluate: Callable[[str, Any], Awaitable[Any]], *, plays: bool) -> None:
        """`plays` what it hears; Chromium decodes nothing else."""
        self._evaluate = evaluate
        self._plays = plays

    @asynccontextmanager
    async def speaks(self, whip: Endpoint, hz: int, *, first: str = "") -> AsyncIterator[None]:
        """Offers a `camera` or `data` too, first, so that the microphone's section may be `bundle-only`."""
        async with self._connected("talks", _SPEAK, whip, first):
            yield

    @asynccontextmanager
    async def listens(self, whep: Endpoint) -> AsyncIterator[Tones]:
        async with self._connected("hears", _LISTEN, whep):
            if self._plays:
                await self._evaluate(_PLAY, None)
            yield self._tones

    @asynccontextmanager
    async def _connected(self, name: str, offer: str, endpoint: Endpoint, argument: Any = None) -> AsyncIterator[None]:
        answer = await endpoint.negotiate(await self._evaluate(offer, argument))
        await self._evaluate(_CONNECT, [name, answer])
        yield
        await endpoint.hang_up()
        await self._evaluate(_CLOSE, name)

    async def _tones(self) -> Sequence[float]:
        encoded = [address.partition(",")[2] for address in await self._evaluate(_RECORD, 700)]
        return [pitch(decode_file(base64.b64decode(file))) if file else 0.0 for file in encoded]


@asynccontextmanager
async def a_chromium(page: str, hz: int, folder: Path) -> AsyncIterator[Client]:
    async with chromium(microphone=write_tone(folder / "tone.wav", hz)) as browser:
        tab = await browser.new_page()
        await tab.goto(page)
        yield Browser(tab.evaluate, plays=True)


@asynccontextmanager
async def a_firefox(page: str, hz: int, folder: Path) -> AsyncIterator[Client]:
    async with firefox(hz=hz) as tab:
        await tab.goto(page)
        yield Browser(tab.evaluate, plays=False)


# ---- others ---------------------------------------------------------------------------------------------------------


class FFmpegMuxer(Client):
    """It only speaks."""

    slots = 0

    @asynccontextmanager
    async def speaks(self, whip: Endpoint, hz: int) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory() as folder:
            async with ffmpeg(whip.url, whip.token, hz, certificate(Path(folder))) as publisher:
                yield
                await publisher.stop()


class Aiortc(Client):
    """What the demo's clients are built of."""

    @asynccontextmanager
    async def speaks(self, whip: Endpoint, hz: int) -> AsyncIterator[None]:
        async with speaker(whip.negotiate, opus_tone(hz, 1.0) * 60):
            yield
            await whip.hang_up()

    @asynccontextmanager
    async def listens(self, whep: Endpoint) -> AsyncIterator[Tones]:
        pc = new_connection()
        decoded: list[deque[Any]] = [deque(maxlen=35) for _ in range(self.slots)]
        receivers: list[Any] = [pc.addTransceiver("audio", direction="recvonly").receiver for _ in decoded]

        async def collect(receiver: Any, frames: deque[Any]) -> None:
            with contextlib.suppress(MediaStreamError):
                while True:
                    frames.append(await receiver.track.recv())

        async def tones() -> Sequence[float]:
            return [pitch(of_frames(list(frames))) for frames in decoded]

        await offered(pc, whep.negotiate)
        await connected(pc)
        collecting = [asyncio.create_task(collect(*each)) for each in zip(receivers, decoded, strict=True)]
        try:
            yield tones
            await whep.hang_up()
        finally:
            await pc.close()
            await asyncio.gather(*collecting)


class Raw(Client):
    """ICE, DTLS and SRTP by hand."""

    slots = 1

    @asynccontextmanager
    async def speaks(self, whip: Endpoint, hz: int) -> AsyncIterator[None]:
        async with raw_client("sendonly", whip.negotiate, opus_tone(hz, 1.0)):
            yield
            await whip.hang_up()

    @asynccontextmanager
    async def listens(self, whep: Endpoint) -> AsyncIterator[Tones]:
        async with raw_client("recvonly", whep.negotiate) as client:

            async def tones() -> Sequence[float]:
                return [last_tone(client.heard)]

            yield tones
            await whep.hang_up()


def last_tone(payloads: list[bytes]) -> float:
    """The pitch of the last packets."""
    samples: Samples = decode_opus([payload for payload in payloads[-40:] if len(payload) > 1])
    return pitch(samples[4800:])  # the decoder begins in the middle


def without_a_program(client: Client) -> Callable[[str, int, Path], AbstractAsyncContextManager[Client]]:
    """It runs here."""

    @asynccontextmanager
    async def made(page: str, hz: int, folder: Path) -> AsyncIterator[Client]:
        yield client

    return made
