"""A copy of everything that there is about a person: one ZIP archive, made while it is sent.

`about.json` says whose it is. Each subject is a file of JSON records, and a record may name a file that lies beside it,
e.g. what the person said in a replay. Every service is asked before the archive begins, and one that is away is named.
One that goes away later is waited for; where that is in vain, the archive has no end and no reader takes it: nobody
takes a part for the whole.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Container
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from contracts.analytics.v1 import HeldQuery as OfAnalytics
from contracts.envelope import PersonId
from contracts.notifications.v1 import HeldQuery as OfNotifications
from contracts.people.v1 import HeldQuery as OfPeople
from contracts.personal_data import HeldFile, HeldPage, HeldQuery, HeldRecord
from contracts.recording.v1 import HeldQuery as OfRecording
from contracts.room.v1 import HeldQuery as OfRoom
from contracts.tipping.v1 import HeldQuery as OfTipping
from contracts.transcription.v1 import HeldQuery as OfTranscription
from libs.bus import Bus, Unavailable
from libs.refusal import Refusal
from services.gateway.adapters.replay_store import ReplayStore

_log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/zip"
_PARTS: Final[tuple[type[HeldQuery], ...]] = (
    OfPeople, OfRoom, OfTranscription, OfRecording, OfTipping, OfNotifications, OfAnalytics,
)  # fmt: skip
_SUBJECTS: Final = {
    "profile": "What you say of yourself, and what you keep to yourself.",
    "account": "Your account: changes of your profile, whom you follow and block, suspensions, appeals.",
    "followers": "Who follows you.",
    "reports": "What you reported.",
    "reminders": "The Spaces that you want to be reminded of.",
    "spaces": "What you did in Spaces and what happened to you there, with your titles, messages and pins.",
    "captions": "What you were heard to say, and your corrections.",
    "recordings": "Recorded Spaces whose stage you were on, what you consented to, and your tracks.",
    "tip_jar": "Where you are paid.",
    "tips": "Tips that you gave or were offered.",
    "browsers": "The browsers in which you are told what is due.",
    "engagement": "What figures are made of: when you joined, spoke and left.",
}
_README: Final = """\
Everything that this instance keeps about you, as of {made_at}.

Each .json file is a list of records. Times are in UTC. People are named by their ids.

{subjects}
What others wrote for other people is not in it, nor who blocks or reported you. Sound of a Space that is not over yet
is stored with its replay.
"""
_WAIT: Final = 30.0
"""Seconds in which a service that went away must be back."""
_PAUSE: Final = 0.5
_MOST: Final = 4
"""Archives that are made at once in this process."""
_LARGE: Final = 1 << 30
"""Bytes of a file above which its sizes are written with 64 bits."""


class _Sink:
    """Takes what the archive writes, until it is sent. It cannot be gone back in."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """What was written since this was last called."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


@dataclass(frozen=True, slots=True)
class _Asking:
    """For whom an archive is."""

    person_id: PersonId
    actor: str | None
    operator: bool

    def page(self, part: type[HeldQuery], after: str = "") -> HeldQuery:
        return part(person_id=self.person_id, actor=self.actor, operator=self.operator, after=after)


class Exports:
    """Makes archives."""

    def __init__(
        self,
        bus: Bus,
        objects: ReplayStore,
        erased: Container[str],
        *,
        ask_seconds: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._bus = bus
        self._objects = objects
        self._erased = erased
        self._ask_seconds = ask_seconds
        self._now = now
        self._open = 0

    async def open(
        self, person_id: str, *, actor: str | None, operator: bool, wanted: bool = True
    ) -> AsyncIterator[bytes]:
        """The archive of a person, piece by piece. Where it is not `wanted`, but only whether it could be had, it takes
        nobody's place.

        Refuses: person_unknown, not_allowed; unavailable, with the name of the service that is away, or while too many
        are made. The iterator raises Unavailable where one goes away and does not come back, and where the person is
        erased meanwhile.
        """
        if self._open >= _MOST:
            detail = "Several people have copies of their data made just now; try again in a few minutes."
            raise Refusal("unavailable", detail, retry=True)
        asking = _Asking(person_id, actor, operator)
        self._open += wanted  # also until it begins: else many who ask in one moment would all get in
        try:
            begun = [await self._first(asking, part) for part in _PARTS]
        finally:
            self._open -= wanted
        return self._archive(asking, begun)

    async def _first(self, asking: _Asking, part: type[HeldQuery]) -> HeldPage:
        try:
            return (await self._bus.ask(asking.page(part), timeout=self._ask_seconds)).result
        except Unavailable as error:
            raise _lacks(part) from error
        except Refusal as no:
            if no.reason in ("unavailable", "internal", "bad_request"):  # the last one of an earlier version
                raise _lacks(part) from no
            raise

    async def _next(self, asking: _Asking, part: type[HeldQuery], after: str) -> HeldPage:
        until = time.monotonic() + _WAIT
        while True:
            self._must_be_there(asking.person_id)
            try:
                return (await self._bus.ask(asking.page(part, after), timeout=self._ask_seconds)).result
            except (Unavailable, Refusal) as error:
                if time.monotonic() >= until:
                    _log.warning("a copy of somebody's data is given up", extra={"why": str(error)})
                    raise Unavailable(f"{part.service} does not answer any more") from error
            await asyncio.sleep(_PAUSE)

    async def _pages(self, asking: _Asking, part: type[HeldQuery], page: HeldPage) -> AsyncIterator[HeldPage]:
        yield page
        while page.next is not None:
            page = await self._next(asking, part, page.next)
            yield page

    async def _archive(self, asking: _Asking, begun: list[HeldPage]) -> AsyncIterator[bytes]:
        self._open += 1
        sink = _Sink()
        writer = _Writer(sink, self._now())
        try:
            await asyncio.to_thread(writer.begin, asking.person_id)
            files: list[HeldFile] = []
            for number, part in enumerate(_PARTS):
                first, begun[number] = begun[number], HeldPage()
                async for page in self._pages(asking, part, first):
                    files += [record.file for record in page.records if record.file is not None]
                    await asyncio.to_thread(writer.records, page.records)
                    yield sink.take()
            await asyncio.to_thread(writer.end_of_records)
            for file in files:
                async for piece in self._file(asking.person_id, writer, file):
                    yield piece
            writer.close()
            yield sink.take()
        finally:
            self._open -= 1
            writer.abandon()

    async def _file(self, person_id: str, writer: _Writer, file: HeldFile) -> AsyncIterator[bytes]:
        """A stored object; nothing where it was deleted meanwhile. Raises Unavailable where it cannot be read."""
        try:
            stored = await self._objects.look(file.object)
            pieces = await self._objects.read(stored, 0, stored.size)
        except Refusal as no:
            if no.reason != "replay_unknown":
                raise Unavailable(f"{file.path} cannot be read: {no.detail}") from no
            return
        with writer.file(file.path, stored.size) as entry:
            async for piece in pieces:
                self._must_be_there(person_id)
                entry.write(piece)
                yield writer.sink.take()
        yield writer.sink.take()

    def _must_be_there(self, person_id: str) -> None:
        if person_id in self._erased:
            raise Unavailable("the account was deleted meanwhile")


def _lacks(part: type[HeldQuery]) -> Refusal:
    detail = f"Nothing was copied: {part.service} does not answer, and its part would be missing. Try again in a while."
    return Refusal("unavailable", detail, retry=True)


class _Writer:
    """Writes the archive. Of what it does at once nothing is larger than a page."""

    def __init__(self, sink: _Sink, made_at: datetime) -> None:
        self.sink = sink
        self._made_at = made_at
        self._zip = zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED)  # type: ignore[call-overload]
        self._subject = ""
        self._names: set[str] = set()
        self._entry: Any = None
        self._empty = True

    def begin(self, person_id: str) -> None:
        """Say whose it is."""
        about = {"version": 1, "person_id": person_id, "made_at": self._made_at.isoformat(timespec="seconds")}
        with self._zip.open(self._info("about.json"), "w") as entry:
            entry.write(json.dumps(about, indent=1).encode() + b"\n")
        subjects = "".join(f"{name}.json\n    {what}\n" for name, what in _SUBJECTS.items())
        readme = _README.format(made_at=about["made_at"], subjects=subjects)
        with self._zip.open(self._info("README.txt"), "w") as entry:
            entry.write(readme.encode())

    def records(self, records: tuple[HeldRecord, ...]) -> None:
        """Add records to the file of their subject."""
        for record in records:
            if record.subject != self._subject:
                self.end_of_records()
                self._subject = record.subject
                self._entry = self._zip.open(self._info(f"{record.subject}.json"), "w")
                self._entry.write(b"[")
                self._empty = True
            said: dict[str, Any] = {} if record.at is None else {"at": record.at.isoformat()}
            said |= record.fields
            if record.file is not None:
                said["file"] = record.file.path
            self._entry.write(b"\n" if self._empty else b",\n")
            self._entry.write(json.dumps(said, ensure_ascii=False).encode())
            self._empty = False

    def end_of_records(self) -> None:
        """Complete the file of the subject."""
        if self._entry is not None:
            self._entry.write(b"\n]\n")
            self._entry.close()
            self._entry, self._subject = None, ""

    def file(self, path: str, size: int) -> Any:
        """A file of about `size` bytes to write into. It is compressed already."""
        info = self._info(path)
        info.compress_type = zipfile.ZIP_STORED
        return self._zip.open(info, "w", force_zip64=size > _LARGE)

    def close(self) -> None:
        """Complete the archive."""
        self._zip.close()

    def abandon(self) -> None:
        """Leave it as it is: without its end, nobody can take it for whole. Nothing where it is complete."""
        self._zip.fp = None  # else it would be completed when it is collected

    def _info(self, path: str) -> zipfile.ZipInfo:
        stem, dot, ending = path.rpartition(".")
        number = 1
        while path in self._names:
            number += 1
            path = f"{stem}-{number}{dot}{ending}"
        self._names.add(path)
        info = zipfile.ZipInfo(path, self._made_at.timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        return info
