"""The forms in which replays are downloaded: made when they are first asked for, destroyed when they are outdated."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Callable
from copy import copy
from datetime import datetime
from pathlib import Path
from typing import Final

from contracts import object_names
from contracts.replay_forms import FORMS
from libs.aio import Rounds
from libs.bus import Unavailable
from libs.commands import Executor
from libs.eventstore import Fact, Store
from libs.keyring import Expired
from libs.object_store import ObjectStoreError, StoredObjects
from libs.refusal import Refusal
from services.recording.adapters.spool import Spool, StorageFullError
from services.recording.app.audio_keys import AudioKeys
from services.recording.app.builds import Builds, KeysDroppedError
from services.recording.domain import chapters as domain
from services.recording.domain.forms import FormMade
from services.recording.domain.recording import Recording
from services.recording.projection import KeptSpaces
from services.recording.replay.build import BuildError
from services.recording.replay.form import Chapter, FormJob

_log = logging.getLogger(__name__)
_WAIT: Final = 1.0
"""Seconds that somebody who asks for a form waits for it; then they ask again."""
_WAITING: Final = 50
"""Forms that may wait to be made; they are made one after another."""
_TRIES: Final = 5
_PAUSE: Final = 60.0
_NOT_NOW: Final = (BuildError, ObjectStoreError, StorageFullError, Unavailable, Expired, OSError)


class FormsOfReplays:
    """Makes forms of mixes, and destroys those that are outdated, keys first.

    A form has words in it: what the Space is called, who hosts it, its chapters. So it is sealed under keys of the host
    and of the Space, and made anew after each change of these. What is owed is found again after a restart.
    """

    def __init__(
        self,
        store: Store[Recording],
        executor: Executor[Recording],
        kept: KeptSpaces,
        objects: StoredObjects,
        spool: Spool,
        audio_keys: AudioKeys,
        builds: Builds,
        called: Callable[[str], str],
        chapters: Callable[[Recording], Awaitable[list[domain.Chapter]]],
        outdated: asyncio.Event,
    ) -> None:
        """`called` says what somebody is called; it raises Refusal while that is not known. `chapters` opens those of
        a replay. `outdated` is set when a form is."""
        self._store = store
        self._executor = executor
        self._kept = kept
        self._objects = objects
        self._spool = spool
        self._audio_keys = audio_keys
        self._builds = builds
        self._called = called
        self._chapters = chapters
        self._wanted: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._awaited: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._rounds = Rounds(
            self._look, log=_log, later="outdated files are destroyed later",
            away=(ObjectStoreError, Refusal, Unavailable, OSError), pause=_PAUSE, wake=outdated,
        )  # fmt: skip

    def trouble(self) -> str | None:
        """What keeps outdated forms from being destroyed now, for a readiness check."""
        return self._rounds.trouble()

    async def get(self, space_id: str, form: str, actor: str | None) -> FormMade:
        """A form of a Space's mix for somebody, made where it is not there.

        Refuses as `Recording.may_download` does, and: not_ready, too_many_requests, unavailable.
        """
        recording = await self._store.read(space_id, copy)
        recording.may_download(actor)
        if (made := recording.forms.made.get(form)) is not None:
            return made
        done = self._want(space_id, form)
        await asyncio.wait((done,), timeout=_WAIT)
        if done.done():
            done.result()
            recording = await self._store.read(space_id, copy)
            recording.may_download(actor)
            if (made := recording.forms.made.get(form)) is not None:
                return made
        raise Refusal("not_ready", "This file is being made; ask again in a moment.", retry=True)

    def _want(self, space_id: str, form: str) -> asyncio.Future[None]:
        key = space_id, form
        if (known := self._awaited.get(key)) is not None:
            return known
        if len(self._awaited) >= _WAITING:
            raise Refusal("too_many_requests", "Many files are being made; ask again later.", retry=True)
        self._awaited[key] = done = asyncio.get_running_loop().create_future()
        done.add_done_callback(lambda future: future.cancelled() or future.exception())  # seen, though nobody waits
        self._wanted.put_nowait(key)
        return done

    async def run(self) -> None:
        """Make what is asked for, one after another, for ever."""
        await asyncio.to_thread(self._spool.sweep_forms)
        while True:
            space_id, form = key = await self._wanted.get()
            done = self._awaited[key]
            try:
                await self._make_in_the_end(space_id, form)
                done.set_result(None)
            except Refusal as no:
                done.set_exception(no)
            except _NOT_NOW as error:
                _log.error("the %s of %s could not be made: %s", form, space_id, error)
                done.set_exception(Refusal("unavailable", "This file could not be made; ask again later.", retry=True))
            finally:
                del self._awaited[key]

    async def _make_in_the_end(self, space_id: str, form: str) -> None:
        for _ in range(_TRIES):
            try:
                await self._make(space_id, form)
                return
            except (
                KeysDroppedError,
                Expired,
            ):
                # Perhaps of another unit of the same lock: then the keys are there still.
                _log.info("the %s of %s is begun anew: a key was destroyed", form, space_id)

    async def _make(self, space_id: str, form: str) -> None:
        before = await self._store.read(space_id, copy)
        if before.finished is None or before.lacks_mix or form in before.forms.made:
            return
        started = time.monotonic()
        name = object_names.form(space_id, before.host, before.forms.count + 1, FORMS[form].extension)
        keys = await self._audio_keys.to_form(before, name)
        if keys is None:
            raise Refusal("replay_unknown", "There is nothing of this replay to download.")
        self._spool.must_have_room()
        out = self._spool.form(space_id)
        try:
            await asyncio.to_thread(_emptied, out)
            await self._objects.fetch(before.finished.mix, out / "mix")
            job = FormJob(
                form=form,
                mix=out / "mix",
                key=keys.mix,
                tags={
                    "title": keys.title,
                    "artist": self._called(before.host),
                    "date": f"{before.finished.began_at:%Y-%m-%d}",
                },
                chapters=[
                    Chapter(seconds=one.seconds, title=one.title or self._called(one.person_id or ""))
                    for one in await self._chapters(before)
                ],
                seconds=before.finished.seconds,
                sealed=keys.form,
                out=out,
            )
            async with self._builds.form(job, keys.locks) as (building, made):
                await self._objects.put(name, made.path, object_names.SEALED_TYPE)
                await self._builds.confirm(building)
                fact = FormMade(form=form, object=name, host=before.host, bytes=made.bytes, sha384=made.sha384)

                def decide(recording: Recording, _: datetime) -> list[Fact]:
                    return recording.form_made(fact, before) if building.holds else []

                if not await self._executor.by_itself(space_id, decide):
                    await self._objects.remove([name])
                    return
        finally:
            await asyncio.to_thread(shutil.rmtree, out, True)
        _log.info("the %s of %s is made in %.1f s", form, space_id, time.monotonic() - started)

    async def erase_person(self, person_id: str) -> None:
        """Give out no form that has words of a person. Raises Refusal."""
        await self._kept.catch_up(self._store)
        for space_id in self._kept.forms_of(person_id):
            await self._executor.by_itself(space_id, lambda r, _: r.outdate_forms())

    async def destroy_outdated(self) -> None:
        """Destroy what is outdated, from before and from now on, for ever."""
        await self._rounds.run()

    async def _look(self) -> None:
        await self._kept.catch_up(self._store)
        for space_id in self._kept.outdated_forms():
            recording = await self._store.read(space_id, copy)
            outdated = recording.forms.outdated
            for name in outdated:
                await self._audio_keys.destroy_object(name)
            # Those too that a crash left before anybody knew of them, but for the one that is being made.
            shown = {one.object for one in recording.forms.made.values()}
            making = object_names.form(space_id, recording.host, recording.forms.count + 1, "").removesuffix(".sealed")
            there = await self._objects.names(object_names.forms(space_id))
            left = [name for name in there if name not in shown and not name.startswith(making)]
            await self._objects.remove(list(dict.fromkeys((*outdated, *left))))
            await self._executor.by_itself(space_id, lambda r, _, gone=outdated: r.forms_removed(gone))  # type: ignore[misc]


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
