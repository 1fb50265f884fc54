"""What tipping keeps of others."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from contracts.envelope import PersonRef
from contracts.people import v1 as people
from libs.ids import new_id
from services.tipping.projection import Stages
from tests.unit.transcription.test_stages import known, received


async def test_nothing_on_disk_tells_what_somebody_was_called_who_is_forgotten(tmp_path: Path) -> None:
    gone = PersonRef(id=new_id(), handle="quetzal", name="Quetzal")

    def files() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.iterdir()).lower()

    async with Stages(tmp_path / "stages.db") as stages:
        stages.take([received(known(gone), 1)], "epoch")
        assert b"quetzal" in files()
        stages.take([received(people.Forgotten(at=datetime.now(UTC), number=1, what=f"person:{gone.id}"), 2)], "epoch")
        assert b"quetzal" not in files()
