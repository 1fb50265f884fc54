"""Replays are built by a process of their own, which is ended when a key that it has is destroyed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contracts import object_names
from libs.keyring import ErasureTarget, lock_name
from services.recording.adapters import spool
from services.recording.app.builds import Building, KeysDroppedError
from services.recording.replay.build import BuildJob, NothingCapturedError
from services.recording.replay.sealed import opened
from tests.unit.recording.keys import captured, key_of, recorded
from tests.unit.recording.sounds import BASE_NS, bundles, encode, noise, stream

SPACE, PERSON, OTHER = "a" * 26, "b" * 26, "d" * 26
LOCKS = frozenset(lock_name(*object_names.of_speaker(SPACE, who).subjects) for who in (PERSON, OTHER))
MIX = key_of(object_names.of_mix(SPACE, 1))


def job(folder: Path, *people: str) -> BuildJob:
    """Build of what two people said."""
    store = spool.Spool(folder / "spool")
    for number, who in enumerate((PERSON, OTHER)):
        bodies = bundles(stream(encode(noise(2, number)), at=1))
        store.append(
            spool.SpoolEntry(SPACE, who, "c" * 26, number * 100 + i, captured(SPACE, who, body))
            for i, body in enumerate(bodies)
        )
    out = folder / "out"
    out.mkdir()
    return BuildJob(
        space_id=SPACE, title="Tea", began_ns=BASE_NS, people={who: recorded(SPACE, who, "Somebody") for who in people},
        mix=MIX, spool=store.folder(SPACE), out=out,
    )  # fmt: skip


async def test_what_is_built_is_sealed_and_has_those_alone_whose_keys_are_given(tmp_path: Path) -> None:
    wanted = await asyncio.to_thread(job, tmp_path, PERSON)
    built = await Building(LOCKS).build(wanted)
    (track,) = built.tracks
    assert track.person_id == PERSON
    for path, key, size in ((built.mix, MIX, built.bytes), (track.path, wanted.people[PERSON].track, track.bytes)):
        with opened(path, key) as file:
            data = file.read()
        assert len(data) == size
        assert (b"ftyp" if path == built.mix else b"OggS") in data[:12]
        assert data[:1000] not in path.read_bytes()
    assert {path.name for path in wanted.out.iterdir()} == {built.mix.name, track.path.name}


async def test_a_build_ends_at_once_where_one_of_its_keys_is_destroyed(tmp_path: Path) -> None:
    wanted = await asyncio.to_thread(job, tmp_path, PERSON, OTHER)
    building = Building(LOCKS)
    going_on = asyncio.create_task(building.build(wanted))
    building.drop(ErasureTarget("person:somebody-else"))
    assert building.holds
    building.drop(ErasureTarget(f"person:{OTHER}"))
    with pytest.raises(KeysDroppedError):
        await going_on
    assert not building.holds


async def test_where_nobodys_keys_are_left_there_is_nothing_to_build(tmp_path: Path) -> None:
    wanted = await asyncio.to_thread(job, tmp_path)
    with pytest.raises(NothingCapturedError):
        await Building(LOCKS).build(wanted)
