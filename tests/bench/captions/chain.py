"""The whole way: WebRTC, forwarder, capture, transcription, and back to a client as live events."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psutil

from infra.demo.client import Client, Microphone
from infra.demo.live_events import LiveEvent
from infra.demo.voice import Speech
from infra.launcher import System
from tests.bench.captions.clips import Clip
from tests.bench.captions.talking import Heard, Shown, rotated, score, spoken_in_turn

_SEED: Final = 9
"""Which packets are lost is the same in every run, as far as their order is."""
_FINISHES_WITHIN: Final = 60.0
"""Seconds, after the end of a Space, until its transcript is complete."""


@contextlib.asynccontextmanager
async def everything(engine: str) -> AsyncIterator[System]:
    """All services of one machine, with a speech engine."""
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        settings = {"ROSTRUM_TRANSCRIPTION_ENGINE": engine}
        async with System(Path(folder), gateway_port=0, settings=settings) as system:
            await _workers(system)
            yield system


async def speak(system: System, clips: Sequence[Clip], people: int, *, loss: float = 0.0) -> Heard:
    """Everybody says all clips at once on one stage, each beginning with another one; `loss` of packets get lost."""
    heard = Heard()
    workers = await _workers(system)
    async with contextlib.AsyncExitStack() as stack:
        speakers = [
            await _Speaker.sign_up(system.url, number, said, stack)
            for number, said in enumerate(rotated(clips, people))
        ]
        host = speakers[0].client
        settings = {"title": "Captions", "captions": True, "recorded": False}
        base = f"/v1/spaces/{(space := await host.call('POST', '/v1/spaces', settings))['id']}"
        told = _Told()
        following = asyncio.create_task(told.follow(host, f"{base}/events"))
        stack.callback(following.cancel)
        for speaker in speakers[1:]:
            await speaker.client.join(base)
            await speaker.client.call("POST", f"{base}/requests", {})
            await host.call("POST", f"{base}/requests/{speaker.client.id}/accept")
        for number, speaker in enumerate(speakers):
            await speaker.connect(space["id"], loss, random.Random(_SEED + number))
            await speaker.client.call("POST", f"{base}/stage/{speaker.client.id}/unmute")
        before = sum(sum(process.cpu_times()[:2]) for process in workers)
        began = time.monotonic()
        await asyncio.gather(*(speaker.microphone.speech.say() for speaker in speakers))
        heard.seconds = time.monotonic() - began
        await host.call("POST", f"{base}/end")
        await told.until(lambda event: event.name == "transcription.completed")
        heard.cpu_s = sum(sum(process.cpu_times()[:2]) for process in workers) - before
        heard.memory_mb = max(process.memory_info().rss for process in workers) / 1e6
        for speaker in speakers:
            score(speaker.clips, speaker.starts, *told.of(speaker), heard)
    return heard


async def _workers(system: System) -> list[psutil.Process]:
    """The processes that recognise, once they all run and have loaded their models."""
    while True:
        service = psutil.Process(system.pid("transcription"))
        workers = [p for p in service.children() if "services.transcription.adapters.worker" in p.cmdline()]
        # A worker is fed no sound while it loads; its memory says that it has.
        loaded = [p for p in workers if p.memory_info().rss > 100e6]
        if len(loaded) >= 2:
            return loaded
        await asyncio.sleep(0.1)  # until it looks again


class _Speaker:
    """One person on stage with an open microphone."""

    def __init__(self, client: Client, clips: Sequence[Clip]) -> None:
        self.client = client
        self.clips = clips
        packets, self.starts = spoken_in_turn(clips)
        self.microphone = Microphone(client, Speech(packets))

    @classmethod
    async def sign_up(cls, url: str, number: int, clips: Sequence[Clip], stack: contextlib.AsyncExitStack) -> _Speaker:
        client = await Client.sign_up(url, f"bench_{time.time_ns() % 10**7}", f"Speaker {number + 1}")
        stack.push_async_callback(client.aclose)
        speaker = cls(client, clips)
        stack.push_async_callback(speaker.microphone.close)
        return speaker

    async def connect(self, space_id: str, loss: float, dice: random.Random) -> None:
        await self.microphone.connect(space_id)
        if loss:
            _lose(self.microphone, loss, dice)

    @property
    def began(self) -> float:
        """Unix time of the first packet."""
        return self.microphone.speech.spoken.utterances[0].began


def _lose(microphone: Microphone, share: float, dice: random.Random) -> None:
    """Drop this share of RTP packets where they would go to the network."""
    link: Any = microphone._link
    network = link.peer.getSenders()[0].transport.transport
    send = network._send

    async def send_some(data: bytes) -> None:
        # RTP and RTCP begin alike; the second byte tells them apart (RFC 5761).
        is_rtp = data[0] & 0xC0 == 0x80 and not 192 <= data[1] <= 223
        if not is_rtp or dice.random() >= share:
            await send(data)

    network._send = send_some


class _Told:
    """The live events of a Space, with when they arrived."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, LiveEvent]] = []
        self._changed = asyncio.Condition()

    async def follow(self, client: Client, path: str) -> None:
        async for event in client.events(path):
            async with self._changed:
                self._seen.append((time.time(), event))
                self._changed.notify_all()

    async def until(self, wanted: Callable[[LiveEvent], bool]) -> None:
        async with asyncio.timeout(_FINISHES_WITHIN), self._changed:
            await self._changed.wait_for(lambda: any(wanted(event) for _, event in self._seen))

    def of(self, speaker: _Speaker) -> tuple[list[Shown], list[Shown]]:
        """Partial and final captions of one speaker."""
        partials = [(at, event.data) for at, event in self._seen if event.name == "captions.partial"]
        finals = [(at, event.data["caption"]) for at, event in self._seen if event.name == "transcription.captioned"]
        return self._shown(partials, speaker), self._shown(finals, speaker)

    def _shown(self, captions: list[tuple[float, dict[str, Any]]], speaker: _Speaker) -> list[Shown]:
        return [
            Shown(
                at - speaker.began,
                datetime.fromisoformat(caption["start_at"]).timestamp() - speaker.began,
                caption["text"],
            )
            for at, caption in captions
            if caption["person"]["id"] == speaker.client.id
        ]
