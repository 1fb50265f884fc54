"""The story of the demo: who does what when, and everything that was seen of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from infra.demo.cast import Listener, Part, Speaker, handle_of
from infra.demo.client import Client, Ears, Microphone, heed
from infra.demo.live_events import LiveEvent
from infra.demo.voice import FRAME_SECONDS

OVERLAP_SECONDS = 3.0
PAUSE_SECONDS = 0.5
READY_SECONDS = 240.0
"""How long replay and transcript may take after the end."""
TRANSCRIPTS = ("transcript.txt", "transcript.vtt", "transcript.srt", "transcript.json")
"""The transcript in all its forms."""

Say = Callable[[str], None]


@dataclass
class Watcher:
    """Follows a Space's live events, keeps them, and wakes whoever waits for one; `audio` heeds them."""

    client: Client
    path: str
    file: TextIO | None = None
    seen: list[tuple[float, LiveEvent]] = field(default_factory=list)
    audio: tuple[Microphone | Ears, ...] = ()
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        """Until it is cancelled."""
        async for event in self.client.events(self.path):
            for one in self.audio:
                one.heed(event)
            async with self._changed:
                self.seen.append((time.time(), event))
                self._changed.notify_all()
            if self.file is not None and event.id and event.name not in ("snapshot", "reset"):
                line = {"id": event.id, "event": event.name, "data": event.data}
                self.file.write(json.dumps(line, ensure_ascii=False) + "\n")
                self.file.flush()

    async def wait(self, what: str, wanted: Callable[[LiveEvent], bool], limit: float = 60.0) -> LiveEvent:
        """The first event, past or to come, that is wanted. Raises TimeoutError that says what was waited for."""
        try:
            async with asyncio.timeout(limit), self._changed:
                while True:
                    for _, event in self.seen:
                        if wanted(event):
                            return event
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(f"waited {limit:.0f} s for {what}") from None

    def all(self, name: str) -> list[tuple[float, LiveEvent]]:
        """Every event of that name so far, with when it arrived (Unix seconds)."""
        return [(at, event) for at, event in self.seen if event.name == name]


@dataclass
class PlayedStory:
    """What happened, as seen from outside."""

    space_id: str
    speakers: list[Speaker]
    listeners: list[Listener]
    public: Watcher
    began: float
    ended: float
    space: dict[str, Any]
    """The gateway's answer to the host after the end."""
    tips: list[dict[str, Any]]
    replay: dict[str, Any]
    figures: dict[str, Any]


async def play(
    url: str, parts: list[Part], *, title: str, listeners: int, overlap: bool, out: Path, say: Say
) -> PlayedStory:
    """Plays the whole Space through the gateway at `url`; downloads what is left of it into `out`."""
    async with contextlib.AsyncExitStack() as stack:
        tag = secrets.randbelow(90_000) + 10_000
        speakers = [
            await Speaker.sign_up(url, part, handle_of(part.name, tag + number)) for number, part in enumerate(parts)
        ]
        for speaker in speakers:
            stack.push_async_callback(speaker.client.aclose)
            stack.push_async_callback(speaker.microphone.close)
        host, *guests = speakers

        space = await host.client.call(
            "POST",
            "/v1/spaces",
            {"title": title, "topics": ["stories"], "recorded": True, "captions": True},
        )
        space_id = str(space["id"])
        base = f"/v1/spaces/{space_id}"
        say(f"{host.name} hosts “{space['settings']['title']}”: {url}/spaces/{space_id}")
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        running: list[asyncio.Task[None]] = []
        stack.push_async_callback(_drop_tasks, running)

        public = Watcher(
            Client(url), f"{base}/events?last_event_id=0", stack.enter_context((out / "events.jsonl").open("w"))
        )
        inside = Watcher(host.client, f"{base}/events")
        stack.push_async_callback(public.client.aclose)
        running += [tasks.create_task(public.run()), tasks.create_task(inside.run())]
        await inside.wait("the first live event", lambda e: e.name == "snapshot")
        await public.wait("the start", lambda e: e.name == "room.started")

        for guest in guests:
            await guest.client.join(base)
            await guest.client.call("POST", f"{base}/requests", {"message": f"I am {guest.name}"})
            await inside.wait(
                f"{guest.name}'s request",
                _asks(guest.client.id),
            )
            await host.client.call("POST", f"{base}/requests/{guest.client.id}/accept")
            say(f"{guest.name} asks to speak and is let in")
        for speaker in speakers:
            await speaker.microphone.connect(space_id)
            running.append(tasks.create_task(heed(speaker.client, f"{base}/events", speaker.microphone)))

        audience = [await _arrive(url, number, tag, host) for number in range(listeners)]
        for listener in audience:
            stack.push_async_callback(listener.client.aclose)
            stack.push_async_callback(listener.ears.close)
        began = time.time()
        talk = tasks.create_task(_talk(speakers, base, overlap=overlap, say=say))
        await public.wait("somebody to be heard speaking", _speaks(host.client.id))
        running += [await _listen(listener, space_id, tasks) for listener in audience]
        say(f"{len(audience)} listeners hear them")

        tips = await _audience_acts(speakers, audience, public, base, say)
        await talk
        await host.client.call("POST", f"{base}/end")
        ended = time.time()
        say("the Space has ended; waiting for replay and transcript")
        await public.wait("the end", lambda e: e.name == "room.ended")

        await public.wait(
            "the replay", lambda e: e.name in ("recording.replay_ready", "recording.failed"), READY_SECONDS
        )
        last = await public.wait("the transcript", lambda e: e.name == "transcription.completed", READY_SECONDS)
        replay = await host.client.call("GET", f"{base}/replay")
        await _download(host.client, base, speakers, out)
        figures = await _figures(host.client, base, last)
        final = await host.client.call("GET", base)
        mine = await speakers[-1].client.call("GET", f"{base}/tips")
        tips = mine["tips"] or tips
        await _drop_tasks(running)
        return PlayedStory(space_id, speakers, audience, public, began, ended, final, tips, replay, figures)


async def _drop_tasks(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _asks(person_id: str) -> Callable[[LiveEvent], bool]:
    return lambda event: event.name == "room.speak_requested" and event.data["person"]["id"] == person_id


def _speaks(person_id: str) -> Callable[[LiveEvent], bool]:
    return lambda event: event.name == "media.speaking" and person_id in event.data["person_ids"]


async def _arrive(url: str, number: int, tag: int, host: Speaker) -> Listener:
    """A listener; the last of every five stays anonymous, the others follow the host and find the Space that way."""
    name = f"Listener {number + 1}"
    if number % 5 == 4:
        client = Client(url)
    else:
        client = await Client.sign_up(url, handle_of("listener", tag + 100 + number), name)
        await client.call("PUT", f"/v1/me/following/{host.client.id}")
    return Listener(name, client, Ears(client))


async def _listen(listener: Listener, space_id: str, tasks: asyncio.TaskGroup) -> asyncio.Task[None]:
    base = f"/v1/spaces/{space_id}"
    session = await listener.client.call("POST", f"{base}/sessions", {"platform": "demo", "source": "live_bar"})
    listener.session = session["session_id"]
    watcher = Watcher(listener.client, f"{base}/events?session={listener.session}", audio=(listener.ears,))
    task = tasks.create_task(watcher.run())
    await listener.ears.connect(space_id, listener.session)
    return task


async def _talk(speakers: list[Speaker], base: str, *, overlap: bool, say: Say) -> None:
    """Everybody speaks in turn; with `overlap` the next begins a few seconds before the one before has finished."""
    turns: list[asyncio.Task[None]] = []
    async with asyncio.TaskGroup() as group:
        for number, speaker in enumerate(speakers):
            turns.append(group.create_task(_speak(speaker, speakers[0], base, say)))
            if number + 1 < len(speakers):
                pause = max(0.0, speaker.part.seconds - OVERLAP_SECONDS) if overlap else None
                await asyncio.wait([turns[-1]], timeout=pause)


async def _speak(speaker: Speaker, host: Speaker, base: str, say: Say) -> None:
    mine = f"{base}/stage/{speaker.client.id}"
    await speaker.client.call("POST", f"{mine}/unmute")
    say(f"{speaker.name} speaks")
    if speaker.part.silence is None:
        await speaker.speech.say()
    else:
        begin, end = (round(second / FRAME_SECONDS) for second in speaker.part.silence)
        await speaker.speech.say(0, begin)
        stubborn = asyncio.create_task(speaker.speech.say(begin, end - begin))
        await host.client.call("POST", f"{mine}/mute")
        speaker.muted_from = time.time()
        say(f"{host.name} mutes {speaker.name} in the middle of a sentence")
        await stubborn
        speaker.muted_until = time.time()
        await asyncio.sleep(PAUSE_SECONDS)  # what was sent while muted has arrived, and is gone
        if end < len(speaker.part.packets):
            await speaker.client.call("POST", f"{mine}/unmute")
            await speaker.speech.say(end)
    if speaker.part.silence is None or speaker.part.silence[1] < speaker.part.seconds:
        await speaker.client.call("POST", f"{mine}/mute")


async def _audience_acts(
    speakers: list[Speaker], audience: list[Listener], public: Watcher, base: str, say: Say
) -> list[dict[str, Any]]:
    """While the last speaker speaks: one listener reacts, one tips them."""
    last = speakers[-1]
    await last.client.call(
        "PUT",
        "/v1/me/tip-jar",
        {"names": {"paypal": "rostrumdemo"}, "enabled": True, "public_names_acknowledged": True},
    )
    limit = sum(speaker.part.seconds for speaker in speakers) + 60
    await public.wait(f"{last.name} to speak", _speaks(last.client.id), limit)
    known = [listener for listener in audience if listener.client.person is not None]
    if not known:
        return []
    await known[0].client.call("POST", f"{base}/reactions", {"reaction": "clap"})
    say(f"{known[0].name} claps")
    order = {"to": last.client.id, "provider": "paypal", "amount_minor": 500, "currency": "USD", "note": "Well told!"}
    payer = known[-1]
    tip = await payer.client.call("POST", f"{base}/tips", order)
    opened = await payer.client.call("POST", f"/v1/tips/{tip.get('tip_id') or tip['id']}/opened")
    say(f"{payer.name} tips {last.name}: {tip['link']}")
    return [opened or tip]


async def _download(client: Client, base: str, speakers: list[Speaker], out: Path) -> None:
    files = {name: name for name in ("replay.m4a", *TRANSCRIPTS)}
    files |= {f"tracks/{s.client.id}.ogg": f"tracks/{file_name(s.name)}.ogg" for s in speakers}
    (out / "tracks").mkdir(exist_ok=True)
    for source, target in files.items():
        content = await client.download(f"{base}/{source}")
        part = out / f"{target}.part"
        part.write_bytes(content)
        part.rename(out / target)


def file_name(name: str) -> str:
    """A person's name as the name of a file."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name).lstrip(".") or "_"


async def _figures(client: Client, base: str, last: LiveEvent) -> dict[str, Any]:
    """The host's figures, once they include the last event that was seen."""
    sequence = int(last.id.rpartition("-")[2])
    deadline = time.monotonic() + 20
    while True:
        figures: dict[str, Any] = await client.call("GET", f"{base}/analytics")
        if figures["through_sequence"] >= sequence:
            return figures
        if time.monotonic() > deadline:
            raise TimeoutError(f"analytics has reached event {figures['through_sequence']} of {sequence}")
        await asyncio.sleep(0.2)  # between questions
