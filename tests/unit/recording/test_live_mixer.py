"""The process that mixes all Spaces that run."""

from __future__ import annotations

from queue import Queue

from services.recording.replay.live import HOLD, PART, WARM
from services.recording.replay.live_mixer import Advance, Begin, FromMixer, LiveMixer, Made
from tests.support.waiting import LIMIT
from tests.unit.recording.sounds import BASE_NS, RATE

_PART_NS = PART * 1_000_000_000 // RATE
_TOO_HIGH = 2**32
"""A number of a part that no fragment can have."""


def test_what_is_wrong_with_one_space_stops_the_mix_of_no_other() -> None:
    told: Queue[FromMixer | None] = Queue()
    mixer = LiveMixer(lambda _, one: told.put(one))
    try:
        until = 3 * _PART_NS + (WARM + HOLD + RATE) * 1_000_000_000 // RATE
        for space, next in (("bad", _TOO_HIGH), ("good", 0)):
            mixer.tell(Begin(space, BASE_NS, 0, next))
            mixer.tell(Advance(space, BASE_NS + next * _PART_NS + until))
        found = told.get(timeout=LIMIT)
        while not isinstance(found, Made):
            assert found is not None, "it has ended"
            found = told.get(timeout=LIMIT)
        assert (found.space_id, found.number) == ("good", 0)
    finally:
        mixer.close()
