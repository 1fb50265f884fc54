"""Deletes the names of erased people from the stream of events and from dead letters.

Two types of events hold names; all others hold ids. NATS overwrites a message that is deleted this way in its file.
When a stream is filled again, people publishes no such event of an erased person, so nothing must be deleted twice. At
each start the eraser reads from the beginning of the stream who is erased. It keeps only notes of which messages
NATS is deleting: if NATS is killed meanwhile, the launcher overwrites them before it starts NATS again
(`infra.nats.overwriting`). Where NATS runs elsewhere, the eraser finds out itself what became of them.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Final

import nats.errors
from nats.js.api import RawStreamMsg
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from contracts import subjects
from contracts.people import v1 as people
from infra.eraser.notes import Note, Notes
from libs.bus import Bus
from libs.bus.anew import StreamPlace, follow_anew
from libs.bus.dead_letters import read_letters
from libs.bus.follow import follow_raw
from libs.bus.stored import Stored
from libs.bus.tail import is_lossless

_log = logging.getLogger(__name__)
_NAMING: Final = (people.Registered.name, people.ProfileChanged.name)
"""The events of people that hold handles and names."""
_ERASED: Final = subjects.event("people", "*", people.Erased.name)
_BATCH: Final = 100
_LETTERS: Final = 30.0
"""Seconds between two looks for letters that were given up since."""
_PAUSE: Final = 0.5
_PATIENCE: Final = 5.0
_NO_MESSAGE: Final = 10037
"""JetStream's err_code for "no message found"; a stream that is not there has another one."""
_NO_SEQUENCE: Final = 10043
"""The same where a message is to be deleted that is gone."""
_TROUBLE: Final = (nats.errors.Error, JetStreamError, TimeoutError, OSError)


class Eraser:
    """Follows who is erased, and deletes. `run` and `watch_letters` are tasks for life."""

    def __init__(self, bus: Bus, notes: Notes) -> None:
        self._bus = bus
        self._notes = notes
        self._gone: set[str] = set()
        """Subjects of the events that name erased people."""
        self._looked_at = 0
        """Letters up to here were looked at, for all who were gone then."""
        self._look = asyncio.Event()
        self._epoch = ""
        """Which stream of events it is."""
        self._target: int | None = None
        self._sequence = 0

    def lack(self) -> str | None:
        """For readiness: None when everybody is done who was erased before the start."""
        if self._target is None:
            return "waiting for the stream"
        return None if self._sequence >= self._target else "erasing people"

    async def run(self) -> None:
        """Delete the events that name whoever is erased, for ever."""
        await self._until_done(self._look_at_notes)

        async def begin(reset: str | None) -> StreamPlace:
            self._sequence = 0
            self._epoch = await self._bus.stream_epoch()
            self._target = await self._last()
            return StreamPlace(self._epoch)

        def follow(*, after: int, epoch: str | None) -> AsyncIterator[list[Stored]]:
            return follow_raw(self._bus, subjects.EVENTS_STREAM, [_ERASED], after, epoch, _BATCH)

        async for batch in follow_anew(self._bus, "the eraser", begin, follow):
            persons = [message.subject.split(".")[3] for message in batch if message.published]
            naming = [subjects.event("people", person, name) for person in persons for name in _NAMING]
            for subject in naming:
                await self._until_done(partial(self._delete_events, subject))
            await self._until_done(self._look_at_notes)  # NATS may have been killed meanwhile
            self._gone.update(naming)
            self._looked_at = 0  # they may be in letters of any age
            self._look.set()
            self._sequence = batch[-1].sequence

    async def watch_letters(self) -> None:
        """Delete the letters that hold such events, for ever."""
        while True:
            self._look.clear()
            await self._until_done(self._delete_letters)
            try:
                await asyncio.wait_for(self._look.wait(), _LETTERS)
            except TimeoutError:
                continue

    # -- what was being deleted --------------------------------------------------------------------------------

    async def _look_at_notes(self) -> None:
        """Find out what became of the messages that were being deleted when this process ended, and say of which of
        them nobody knows whether they were overwritten."""
        left: list[Note] = []
        for note in await asyncio.to_thread(self._notes.read):
            if note.epoch and note.epoch != await self._bus.stream_epoch(note.stream):
                self._notes.remove(note)  # the stream was made anew since, and its files with it
            elif await self._is_there(note):
                continue  # it is deleted again, with all others of that person
            elif note.server and note.server == self._server():
                # That process was not killed, and did not say that it failed. It overwrites a message that it deletes
                # before it says anything else of the stream.
                self._notes.remove(note)
            else:
                left.append(note)
        if left:
            _log.error(
                "names of erased people may be left in NATS's files, as it failed while it deleted them: start rostrum "
                "up again, or, where NATS runs elsewhere, make the stream anew with rostrum rebuild --anew",
                extra={"messages": [f"{note.stream} {note.sequence}" for note in left]},
            )

    def _server(self) -> str:
        """The id of the NATS process that keeps the streams, if it is known: in a cluster it may be another one than
        answers."""
        nc = self._bus.nc
        return str(nc._server_info.get("server_id", "")) if is_lossless(nc) else ""

    async def _is_there(self, note: Note) -> bool:
        try:
            await self._bus.js.get_msg(note.stream, note.sequence)
        except NotFoundError as error:
            if error.err_code != _NO_MESSAGE:
                raise
            return False
        return True

    # -- deleting ----------------------------------------------------------------------------------------------

    async def _until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
                return
            except _TROUBLE as error:
                if self._bus.nc.is_closed:
                    return
                _log.warning("what is erased is deleted later", extra={"why": str(error) or type(error).__name__})
                await asyncio.sleep(_PAUSE)

    async def _delete_events(self, subject: str) -> None:
        deleted = 0
        while (message := await self._next(subject)) is not None:
            await self._delete(subjects.EVENTS_STREAM, self._epoch, message.seq or 0)
            deleted += 1
        if deleted:
            _log.info("%d events of %s are deleted", deleted, subject)

    async def _next(self, subject: str) -> RawStreamMsg | None:
        """The first event of a subject that is left."""
        try:
            return await self._bus.js.get_msg(subjects.EVENTS_STREAM, seq=1, subject=subject, next=True)
        except NotFoundError as error:
            if error.err_code != _NO_MESSAGE:  # then it is the stream that is not there
                raise
            return None

    async def _delete_letters(self) -> None:
        gone, after = frozenset(self._gone), self._looked_at
        info = await self._bus.js.stream_info(subjects.DEAD_LETTER_STREAM)
        end = info.state.last_seq
        if not gone or end <= after:
            return
        letters = read_letters(self._bus.js, after=after)
        found = [letter.number async for letter in letters if letter.origin in gone]
        for number in found:
            await self._delete(subjects.DEAD_LETTER_STREAM, self._bus.epoch_of(info), number)
        if found:
            _log.info("%d dead letters are deleted", len(found))
        if gone == self._gone:
            self._looked_at = end

    async def _delete(self, stream: str, epoch: str, sequence: int) -> None:
        """Delete a message and overwrite it."""
        note = Note(stream, sequence, epoch, self._server())
        await asyncio.to_thread(self._notes.add, note)
        order = json.dumps({"seq": sequence, "no_erase": False}).encode()
        reply = await self._bus.nc.request(
            f"{self._bus.settings.api}.STREAM.MSG.DELETE.{stream}", order, timeout=_PATIENCE
        )
        if (error := json.loads(reply.data).get("error")) is not None:  # also where it is gone: it is looked at again
            if error.get("err_code") != _NO_SEQUENCE:
                await asyncio.to_thread(self._notes.add, note._replace(server=""))  # it may not be overwritten
            raise JetStreamError(error.get("description", ""))
        self._notes.remove(note)

    async def _last(self) -> int:
        try:
            return (await self._bus.js.get_last_msg(subjects.EVENTS_STREAM, _ERASED)).seq or 0
        except NotFoundError:
            return 0
