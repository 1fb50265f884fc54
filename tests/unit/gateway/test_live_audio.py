"""What a gateway has in memory of Spaces that are played."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from contracts import object_names
from libs.keyring import lock_name
from libs.keyring.rows import ErasureTarget
from services.gateway.app.live_audio import LiveAudio, _Station

ONE, OTHER = "a" * 26, "b" * 26


def unit(seal: object_names.Seal) -> ErasureTarget:
    return ErasureTarget(lock_name(*seal.subjects), seal.unit)


@pytest.mark.parametrize(
    ("erased", "left"),
    [
        (unit(object_names.of_live(ONE, 0)), {OTHER}),
        (unit(object_names.of_speaker(ONE, "p" * 26, object_names.REPLAY)), {OTHER}),
        (ErasureTarget(f"space:{ONE}"), {OTHER}),
        (ErasureTarget("person:" + "p" * 26), set[str]()),
        (ErasureTarget(lock_name(f"space:{ONE}"), "pin/x"), {ONE, OTHER}),
    ],
)
async def test_of_what_is_destroyed_it_drops_what_may_be_heard_in_it_and_nothing_of_another_space(
    erased: ErasureTarget, left: set[str]
) -> None:
    audio = LiveAudio(cast(Any, None), 1.0)
    for space_id in (ONE, OTHER):
        audio._stations[space_id] = _Station(space_id, datetime.now(UTC), 0, 6, b"", False)
    audio.forget(erased)
    assert set(audio._stations) == left
