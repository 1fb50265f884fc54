"""Replays, safety copies and spools that earlier versions stored plainly are sealed by `rostrum migrate`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from contracts import object_names
from infra.commands.migrate import Context
from libs.bus import Bus
from libs.eventstore import Fact, Order, open_store
from libs.ids import new_id
from services.recording.adapters.spool import MAGIC, record, records_of
from services.recording.domain import facts
from services.recording.domain.recording import Recording
from services.recording.settings import Settings
from tests.integration.recording.stage import Stage, opened
from tests.support.at_rest import contents, named
from tests.support.service_process import ServiceProcess
from tests.support.waiting import eventually

MIX, VOICE, CAPTURED = (f"needle of a {what}".encode() * 5000 for what in ("mix", "voice", "bundle"))
AT = datetime.now(UTC)
MANY = 40


class Earlier:
    """What an earlier version left of two Spaces that are over, one of them deleted by its host, and of one that runs
    and one that failed."""

    def __init__(self, settings: Settings, speaker: str) -> None:
        self.objects = settings.var / "recordings"
        self.spool = settings.spool_path
        self.speaker = speaker
        self.shown, self.deleted, self.runs, self.failed = (new_id() for _ in range(4))

    def write(self) -> None:
        for space in (self.shown, self.deleted):
            self._file(self.objects / f"spaces/{space}/replay.m4a", MIX)
            self._file(self.objects / f"spaces/{space}/tracks/{self.speaker}.ogg", VOICE)
        for number in range(MANY):
            self._file(self._session(self.spool / self.runs, number), MAGIC + record(7, CAPTURED[: 1000 + number]))
        self._file(self._session(self.spool / ".failed" / self.failed, 0), MAGIC + record(7, CAPTURED))

    def happened(self, space: str) -> list[Fact]:
        track = facts.Track(
            person_id=self.speaker, object=f"spaces/{space}/tracks/{self.speaker}.ogg", offset_seconds=1, seconds=1,
            bytes=9,
        )  # fmt: skip
        done = facts.Finished(began_at=AT, seconds=4, bytes=9, mix=f"spaces/{space}/replay.m4a", tracks=(track,))
        deleted = [facts.Deleted(reason="host")] if space == self.deleted else []
        return [
            facts.Began(started_at=AT, title="On rivers"),
            facts.SpeakerNoted(person_id=self.speaker, consents=True, since=AT),
            facts.Ended(ended_at=AT),
            done,
            *deleted,
        ]

    def plain(self) -> list[str]:
        """The files that hold something that is not sealed."""
        return [
            path.name
            for folder in (self.objects, self.spool)
            for path, data in contents(folder)
            if any(audio[:1000] in data for audio in (MIX, VOICE, CAPTURED))
        ]

    def _file(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def _session(self, folder: Path, number: int) -> Path:
        return folder / self.speaker / f"{number:02d}.spool"


async def test_what_earlier_versions_stored_plainly_is_sealed_also_where_recording_is_killed_meanwhile(
    bus: Bus, stage: Stage, env: dict[str, str]
) -> None:
    settings = Settings.read(env)
    earlier = Earlier(settings, stage.host.id)
    await asyncio.to_thread(earlier.write)
    assert len(await asyncio.to_thread(earlier.plain)) == 4 + MANY + 1
    async with open_store(settings.store_place, Recording) as store:
        for space in (earlier.shown, earlier.deleted):
            happened: partial[list[Fact]] = partial(list, earlier.happened(space))
            await store.execute(space, Order(id=space, actor=None, at=AT), lambda _, h=happened: h(), lambda _: None)  # type: ignore[misc]
    async with ServiceProcess("recording", env) as recorder:
        run = Context(bus.nc, "recording")
        sealing = asyncio.create_task(run.seal())
        await eventually(lambda: named(earlier.spool, "*.before.bundles"))
        recorder.kill()
        await recorder.start()
        await sealing
        assert run.done.error is None
        assert await asyncio.to_thread(earlier.plain) == []

        for space in (earlier.shown, earlier.deleted):
            names = object_names.mix(space, 2), object_names.track(space, earlier.speaker)
            assert [await opened(bus, settings.var, name) for name in names] == [MIX, VOICE]
        assert stage.keyring is not None
        for folder, many in ((earlier.spool / earlier.runs, MANY), (earlier.spool / ".failed" / earlier.failed, 1)):
            seal = object_names.of_speaker(folder.name, earlier.speaker, object_names.SPOOL)
            lock = await stage.keyring.lock(*seal.subjects)
            bodies = [lock.open_bytes(seal.unit, body) for _, body in records_of(folder, earlier.speaker)]
            assert len(bodies) == many
            assert all(CAPTURED.startswith(body) for body in bodies)

        # Killed before it had removed what it had sealed.
        await asyncio.to_thread(earlier.write)
        again = Context(bus.nc, "recording")
        await again.seal()
        assert (again.done.error, again.done.sealed) == (None, MANY + 1)
        assert await asyncio.to_thread(earlier.plain) == []
        assert await opened(bus, settings.var, object_names.mix(earlier.shown, 2)) == MIX
