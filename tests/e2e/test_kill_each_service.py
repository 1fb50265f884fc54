"""One Space, in which every service is killed once with -9 while commands are under way."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.subjects import SERVICES
from infra.demo.cast import Speaker, carried, handle_of
from infra.demo.client import Client, Ears, heed
from infra.demo.story import Watcher
from infra.demo.voice import Speech
from infra.launcher import System
from tests.support.waiting import eventually


class Toggler:
    """Keeps a person's microphone going on and off, and counts what was acknowledged."""

    def __init__(self, client: Client, base: str) -> None:
        self.client = client
        self.base = base
        self.acknowledged: Counter[str] = Counter()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Until it is stopped, each command acknowledged before the next (repeated with its key where need be)."""
        while not self._stop.is_set():
            for order in ("unmute", "mute"):
                await self.client.call("POST", f"{self.base}/stage/{self.client.id}/{order}")
                self.acknowledged[f"room.{order}d"] += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), 0.05)

    def stop(self) -> None:
        """After the round it is in."""
        self._stop.set()


async def _say_for_ever(speech: Speech) -> None:
    while True:
        await speech.say()


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    # Nobody looks at the words while they are spoken.
    settings = {"ROSTRUM_TRANSCRIPTION_WORKERS": "1", "ROSTRUM_TRANSCRIPTION_PARTIAL_EVERY": "10"}
    async with System(tmp_path / "var", gateway_port=0, settings=settings) as running:
        yield running


async def test_a_space_survives_the_death_of_each_service(system: System) -> None:
    async with contextlib.AsyncExitStack() as stack:
        parts = carried()[:2]
        host, guest = [await Speaker.sign_up(system.url, part, handle_of(part.name, n)) for n, part in enumerate(parts)]
        third = await Client.sign_up(system.url, "toggler", "Toggler")
        listener = Client(system.url)
        for client in (host.client, guest.client, third, listener):
            stack.push_async_callback(client.aclose)
        space = await host.client.call(
            "POST", "/v1/spaces", {"title": "Unsinkable", "recorded": True, "captions": True}
        )
        base = f"/v1/spaces/{space['id']}"
        for client in (guest.client, third):
            await client.join(base)
            await client.call("POST", f"{base}/requests", {})
            await host.client.call("POST", f"{base}/requests/{client.id}/accept")
        for speaker in (host, guest):
            await speaker.client.call("POST", f"{base}/stage/{speaker.client.id}/unmute")

        tasks: list[asyncio.Task[None]] = []
        watcher = Watcher(host.client, f"{base}/events?last_event_id=0", file := io.StringIO())
        toggler = Toggler(third, base)
        toggling = asyncio.create_task(toggler.run())
        tasks += [asyncio.create_task(watcher.run()), toggling]
        microphones = [host.microphone, guest.microphone]
        ears = Ears(listener)
        session = (await listener.call("POST", f"{base}/sessions", {}))["session_id"]

        async def connect() -> None:
            """Everybody heeds the live events, which tell them where to go when their media node dies."""
            for microphone in microphones:
                await microphone.connect(space["id"])
                tasks.append(asyncio.create_task(_say_for_ever(microphone.speech)))
                tasks.append(asyncio.create_task(heed(microphone.client, f"{base}/events", microphone)))
            await ears.connect(space["id"], session)
            tasks.append(asyncio.create_task(heed(listener, f"{base}/events?session={session}", ears)))

        async def hears_both() -> None:
            """From now on, payloads of both speakers arrive."""
            seen = len(ears.heard.payloads)

            def both() -> bool:
                fresh = set(ears.heard.payloads[seen:])
                return all(len(fresh & set(m.speech.packets)) >= 10 for m in microphones)

            await eventually(both)

        try:
            await connect()
            await hears_both()
            for name in SERVICES:
                before = toggler.acknowledged.total()
                killed = system.pid(name)
                system.kill(name)
                await system.ready(name)
                assert system.pid(name) != killed

                def commands_go_on(before: int = before) -> bool:
                    assert not toggling.done(), toggling.exception()
                    return toggler.acknowledged.total() >= before + 4

                await eventually(commands_go_on)
                await hears_both()
            toggler.stop()
            await toggling
            await host.client.call("POST", f"{base}/end")
            await watcher.wait("the replay", lambda e: e.name == "recording.replay_ready", 90)
            await watcher.wait("the transcript", lambda e: e.name == "transcription.completed", 90)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for microphone in microphones:
                await microphone.close()
            await ears.close()

        events = [json.loads(line) for line in file.getvalue().splitlines()]
        ids = [int(event["id"].rpartition("-")[2]) for event in events]
        assert ids == sorted(set(ids)), "an event came twice or out of order"
        happened = Counter(e["event"] for e in events if e["data"].get("person_id") == third.id)
        for order in ("room.muted", "room.unmuted"):
            assert happened[order] == toggler.acknowledged[order], "a command was lost or done twice"
        versions = [e["data"]["version"] for e in events if e["event"].startswith("room.")]
        assert versions == list(range(1, len(versions) + 1)), "an event of the Space is missing in the stream"
        replay = await host.client.call("GET", f"{base}/replay")
        assert replay["state"] == "ready"
        assert len(replay["tracks"]) == 2
