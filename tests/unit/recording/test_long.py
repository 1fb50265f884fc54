"""A Space of an hour is built in the memory of a Space of a minute."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contracts import object_names
from services.recording.adapters import spool
from services.recording.replay.build import BuildJob, build
from tests.unit.recording.keys import captured, key_of, recorded
from tests.unit.recording.sounds import BASE_NS, FRAME, bundles, encode, noise, stream

SPACE, PERSON = "a" * 26, "b" * 26


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_an_hour_is_built_in_little_memory(tmp_path: Path) -> None:
    minute = encode(noise(60))[:3000]
    store = spool.Spool(tmp_path / "spool")
    for n in range(60):
        sent = stream(minute, at=n * 60, timestamp=n * 3000 * FRAME, sequence=n * 3000)
        store.append(
            spool.SpoolEntry(SPACE, PERSON, "c" * 26, n * 1000 + i, captured(SPACE, PERSON, body))
            for i, body in enumerate(bundles(sent))
        )
    out = tmp_path / "out"
    await asyncio.to_thread(out.mkdir)
    job = BuildJob(
        space_id=SPACE, title="long", began_ns=BASE_NS, people={PERSON: recorded(SPACE, PERSON, "B")},
        mix=key_of(object_names.of_mix(SPACE, 1)), spool=store.folder(SPACE), out=out,
    )  # fmt: skip
    pids: list[int] = []
    building = asyncio.create_task(build(job, lambda process: pids.append(process.pid)))
    most = 0
    while not building.done():
        await asyncio.wait({building}, timeout=0.05)
        most = max(most, *map(high_water, pids), 0)
    built = await building
    assert built.tracks[0].packets == 180_000
    assert built.samples / 48_000 == pytest.approx(3600, abs=0.1)
    assert 10_000 < most < 300_000  # KiB


def high_water(pid: int) -> int:
    """The most memory that a process had so far, in KiB; 0 of one that has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
