"""A Space as transcription sees it: room's events and media's bundles on a real NATS, and neither room nor media."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal

from nats.aio.msg import Msg
from nats.js.api import DeliverPolicy

import contracts.catalogue  # noqa: F401 (every event can be decoded)
from contracts import capture, envelope, subjects
from contracts.captions.v1 import Partial
from contracts.envelope import Event, PersonRef
from contracts.named import with_names
from contracts.people import v1 as people
from contracts.room import v1 as room
from contracts.sealed import sealed_in
from contracts.transcription import v1
from infra.demo import speech, voice
from libs.bus import Bus, Unavailable
from libs.ids import new_id
from libs.keyring import Destroyed
from libs.keyring.client import Fetch, Keyring
from libs.keyring.opening import Opener
from services.transcription.adapters.captured import CapturedMessage, follow_capture, newest
from tests.support.nats import settled
from tests.support.waiting import LIMIT, pace

FRAME_NS = 20_000_000
PER_BUNDLE = 5


@dataclass(frozen=True)
class Speech:
    """A carried file."""

    name: str
    text: str
    sentences: list[dict[str, float | str]]
    packets: list[bytes]


class _Carried(dict[str, Speech]):
    """By voice; each is encoded when it is first asked for, which takes a second."""

    def __missing__(self, voice_name: str) -> Speech:
        folder = Path(speech.__file__).parent
        entries = json.loads((folder / "transcripts.json").read_text())
        (found,) = [entry for entry in entries if entry["voice"] == voice_name]
        packets = voice.encode(folder / found["file"])
        self[voice_name] = Speech(found["name"], found["text"], found["sentences"], packets)
        return self[voice_name]


_carried: Final = _Carried()


def carried() -> dict[str, Speech]:
    """The carried speech by voice, as Opus packets of 20 ms."""
    return _carried


def bundles(
    packets: Sequence[bytes], *, base_ns: int, first: int = 0, ssrc: int = 7, last: bool = True
) -> Iterable[bytes]:
    """Packets that arrived evenly from `base_ns` on, five to a bundle; `first` is the number of the first packet."""
    for start in range(0, len(packets), PER_BUNDLE):
        part = packets[start : start + PER_BUNDLE]
        yield capture.encode(
            capture.Bundle(
                base_ns + start * FRAME_NS,
                ssrc,
                [
                    capture.CapturedPacket(
                        i * FRAME_NS // 1000,
                        (first + start + i) * 960 & 0xFFFFFFFF,
                        (first + start + i) & 0xFFFF,
                        payload,
                    )
                    for i, payload in enumerate(part)
                ],
            )
        )
    if last:
        yield capture.encode(capture.Bundle(base_ns + len(packets) * FRAME_NS, ssrc, (), last=True))


_numbers = count(1)


def person(name: str) -> PersonRef:
    """Somebody who has not signed up yet, with a handle that nobody else has."""
    return PersonRef(id=new_id(), handle=f"{name.lower()[:8]}_{next(_numbers)}", name=name)


_handed: dict[str, int] = {}
"""By Space: what of its captured audio was handed to transcription."""


async def follow_capture_noted(
    bus: Bus, fetch: Fetch, space_id: str, after: int, epoch: str
) -> AsyncIterator[list[CapturedMessage]]:
    """In the place of `follow_capture`; what it hands over is noted."""
    async for batch in follow_capture(bus, fetch, space_id, after, epoch):
        _handed[space_id] = batch[-1].sequence
        yield batch


class Stage:
    """One Space with captions, recorded unless said otherwise."""

    def __init__(self, bus: Bus, *, lang: str = "en", captions: bool = True, recorded: bool = True) -> None:
        self.bus = bus
        self.space_id = new_id()
        self.host = person("Hanna")
        self.settings = room.Settings(title="On rivers", captions=captions, recorded=recorded, lang=lang)
        self.started_at = datetime.now(UTC)
        self.base_ns = round(self.started_at.timestamp() * 1e9)
        self.version = 1
        self.called: dict[str, PersonRef] = {}
        self.keyring: Keyring | None = None
        """With which bundles are sealed, as media does; without, they are those of an earlier version."""

    async def tell(self, event: Event) -> None:
        headers = envelope.headers(event, id=new_id(), source="room")
        await self.bus.js.publish(event.subject, event.model_dump_json().encode(), headers=headers)

    async def introduce(self, who: PersonRef) -> None:
        """Sign somebody up."""
        self.called[who.id] = who
        command = people.SignUp(
            command_id=f"sign-up-{who.id}", person_id=who.id, handle=who.handle, display_name=who.name
        )
        await self.bus.ask(command, timeout=LIMIT)

    async def rename(self, who: PersonRef, name: str) -> None:
        await self.bus.ask(people.ChangeProfile(command_id=new_id(), actor=who.id, display_name=name), timeout=LIMIT)

    async def start(self) -> None:
        await self.introduce(self.host)
        self.version += 1
        await self.tell(
            room.Started(
                space_id=self.space_id, version=self.version, at=self.started_at, host=self.host, settings=self.settings
            )
        )

    async def join(self, who: PersonRef, *, consents: bool = True, at: datetime | None = None) -> None:
        await self.introduce(who)
        self.version += 1
        await self.tell(
            room.StageJoined(
                space_id=self.space_id, version=self.version, at=at or datetime.now(UTC), person=who,
                role=room.Role.SPEAKER, consent_to_recording=consents,
            )
        )  # fmt: skip

    async def leave(self, who: PersonRef, *, after: float = 0.0) -> None:
        """Leave the stage `after` seconds after the start."""
        self.version += 1
        at = self.started_at + timedelta(seconds=after)
        await self.tell(room.StageLeft(space_id=self.space_id, version=self.version, at=at, person_id=who.id))

    async def hand_over(self, to: PersonRef) -> None:
        self.version += 1
        await self.tell(
            room.HostChanged(
                space_id=self.space_id, version=self.version, at=datetime.now(UTC), host=to,
                previous_id=self.host.id, reason="handed_over",
            )
        )  # fmt: skip
        self.host = to

    async def list_words(self, *words: str) -> None:
        self.version += 1
        await self.tell(
            room.WordsChanged(space_id=self.space_id, version=self.version, at=datetime.now(UTC), words=words)
        )

    async def speaks(self, who: PersonRef, lang: str | None, *, after: float = 0.0) -> None:
        """Choose a language `after` seconds after the start."""
        self.version += 1
        at = self.started_at + timedelta(seconds=after)
        await self.tell(
            room.LanguageChosen(space_id=self.space_id, version=self.version, at=at, person_id=who.id, lang=lang)
        )

    async def end(self) -> None:
        self.version += 1
        await self.tell(room.Ended(space_id=self.space_id, version=self.version, at=datetime.now(UTC)))

    async def publish(self, who: PersonRef | None, session: str, body: bytes) -> int:
        headers = {subjects.HEADER_SESSION: session}
        if who is not None:
            headers |= {subjects.HEADER_PERSON: who.id}
        if who is not None and self.keyring is not None:
            seal = capture.seal_of(self.space_id, who.id, recorded=self.settings.recorded)
            headers[subjects.HEADER_UNIT] = seal.unit
            try:
                body = (await self.keyring.lock(*seal.subjects)).seal_bytes(seal.unit, body)
            except Destroyed:
                return 0  # media keeps nothing of who was erased
        subject = subjects.capture(self.space_id, session)
        return (await self.bus.js.publish(subject, body, headers=headers, stream=subjects.CAPTURE_STREAM)).seq

    async def say(
        self, who: PersonRef | None, packets: Sequence[bytes], *, after: float = 0.0, session: str | None = None,
        last: bool = True, speed: float | None = None, first: int = 0,
    ) -> str:  # fmt: skip
        """Speak from `after` seconds after the start; at `speed` times real time, or at once. The session's id.

        `first` is the number of the first packet.
        """
        session = session or new_id()
        began = time.monotonic()
        for index, body in enumerate(
            bundles(packets, base_ns=self.base_ns + round(after * 1e9), first=first, last=last)
        ):
            if speed is not None:
                await pace(began + index * 0.1 / speed)
            await self.publish(who, session, body)
        return session

    async def all_captured_is_read(self) -> bool:
        """Whether transcription, in the test's process, has been handed everything."""
        return 0 < await newest(self.bus, self.space_id) <= _handed.get(self.space_id, 0)

    async def events(self) -> Captions:
        """Everything transcription says of this Space, from the beginning on."""
        arrivals: asyncio.Queue[Event] = asyncio.Queue()
        keyring = Keyring(self.bus, f"reader-{new_id()}")
        await keyring.begin()
        words = Opener(keyring.locks)

        async def read(msg: Msg) -> None:
            event = await opened(msg, words)
            arrivals.put_nowait(with_names(event, lambda person: self.called.get(person.id, person)))

        await self.bus.js.subscribe(
            f"rostrum.*.v1.{self.space_id}.*", cb=read,
            stream=subjects.EVENTS_STREAM, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL,
        )  # fmt: skip
        await self.bus.nc.subscribe(f"passing.*.v1.{self.space_id}.*", cb=read)
        await settled(self.bus.nc)
        return Captions(arrivals)

    async def transcript(self, viewer: str | None = None) -> v1.Transcript:
        return (await self.bus.ask(v1.TranscriptQuery(space_id=self.space_id, actor=viewer), timeout=LIMIT)).result

    async def document(self, format: Literal["vtt", "srt", "txt", "json"]) -> str:
        """The transcript as a file."""
        query = v1.TranscriptDocumentQuery(space_id=self.space_id, format=format)
        return (await self.bus.ask(query, timeout=LIMIT)).result.body


async def opened(msg: Msg, words: Opener) -> Event:
    """The event of a message, with what was said."""
    parts = sealed_in(msg.data)
    while parts is not None:
        try:
            return envelope.decode(msg.subject, msg.data, parts, await words.texts(parts.boxes.values()))
        except Unavailable:
            await asyncio.sleep(0.1)
    return envelope.decode(msg.subject, msg.data)


class Captions:
    """Captions as they arrive, with the loop's time of arrival."""

    def __init__(self, arrivals: asyncio.Queue[Event]) -> None:
        self._arrivals = arrivals
        self.partial: list[Partial] = []
        self.final: list[v1.Caption] = []
        self.order: list[Event] = []
        self.arrived: list[float] = []
        self.completed: v1.Completed | None = None

    async def next(self, within: float = LIMIT) -> Event:
        """The next event of transcription."""
        while True:
            async with asyncio.timeout(within):
                event = await self._arrivals.get()
            match event:
                case Partial():
                    self.partial.append(event)
                case v1.Captioned():
                    self.final.append(event.caption)
                case v1.Completed():
                    self.completed = event
                case (
                    v1.CaptionCorrected()
                    | v1.CaptionRestored()
                    | v1.OwnCaptionCorrected()
                    | v1.CaptionDeleted()
                    | v1.Deleted()
                ):
                    pass
                case _:
                    continue
            self.order.append(event)
            self.arrived.append(asyncio.get_running_loop().time())
            return event

    async def next_while(self, speaking: asyncio.Future[None], within: float = LIMIT) -> Event | None:
        """The next event of transcription, or None where none has come by the time that all has been said."""
        coming = asyncio.ensure_future(self.next(within))
        either: set[asyncio.Future[Any]] = {coming, speaking}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if coming.done():
            return await coming
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        return None

    async def finals(self, count: int, within: float = LIMIT) -> None:
        """Wait until there are so many final captions."""
        async with asyncio.timeout(within):
            while len(self.final) < count:
                await self.next(within)

    async def complete(self, within: float = LIMIT) -> None:
        """Wait until the transcript is complete."""
        async with asyncio.timeout(within):
            while self.completed is None:
                await self.next(within)

    def text(self, who: PersonRef) -> str:
        """All that somebody said, in the order in which it was said."""
        said = sorted((c for c in self.final if c.person.id == who.id), key=lambda c: c.start_at)
        return " ".join(c.text for c in said)
