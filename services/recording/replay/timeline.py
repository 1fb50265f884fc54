"""The place of each packet of a speaker in time.

Within a stretch of speech timestamps give the place: the network does not change them, and the media node corrects
those of clocks that jump (`contracts.capture`). The offset between the sender's clock and the wall clock is estimated
from the arrivals of the packets that were delayed least. It is estimated again after a pause, in a new session and,
against drift, every half minute.

Of a moment that two sessions of a speaker cover, the earlier session's audio is kept (`contracts.capture`). All packets
are there, so the place where that session ends is known to the sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from libs.audio.opus import RATE
from libs.audio.rtp import sequence_step, timestamp_step
from services.recording.adapters.spooled import Packets

_PAUSE: Final = 300 * RATE // 1000
"""A gap of this length, in arrivals or timestamps, may be a pause: the clocks are compared again."""
_LOST: Final = 20 * RATE // 1000
_AFTER_SILENCE: Final = 40 * RATE // 1000
"""The least correction after silence, where a shift is inaudible; it is above the jitter that remains."""
_IN_SPEECH: Final = 120 * RATE // 1000
"""The least correction in speech, where listeners hear it."""
_LOOK: Final = RATE
_LOOK_FARTHEST: Final = 10 * RATE
_LOOK_ROWS: Final = 1500
_DRIFT_EVERY: Final = 30 * RATE
_AT_ONCE: Final = 100 * RATE // 1000
"""A session that begins so long before the end of the one before it repeats what that one says. A session that begins
slightly early was only faster in transit, so it waits."""
_TOO_FAST: Final = 2 * RATE
"""Audio so far ahead of the wall clock comes from a sender that sends faster than real time."""


def place(packets: Packets, origin_ns: int) -> Iterator[tuple[int, int]]:
    """(row, position) of each packet to keep, in order, never overlapping.

    The position is in samples after `origin_ns` (ns since the Unix epoch), 0 or more. Duplicates are left out, and the
    excess of a sender that sends faster than real time.
    """
    by_source: dict[int, list[int]] = {}
    for row, source in enumerate(packets.source):
        by_source.setdefault(source, []).append(row)
    end = 0
    for rows in sorted(by_source.values(), key=lambda rows: packets.arrival[rows[0]]):
        for row, position in _place_source(packets, rows, origin_ns, end):
            yield row, position
            end = position + packets.samples[row]


def _place_source(packets: Packets, rows: list[int], origin_ns: int, end: int) -> Iterator[tuple[int, int]]:
    rows = _in_sequence(packets, rows)
    media = _unwrapped(packets, rows)
    wall = [_wall(packets.arrival[row], origin_ns) for row in rows]
    base = compared = 0
    catching_up = False
    for i, row in enumerate(rows):
        hole = media[i] - media[i - 1] - packets.samples[rows[i - 1]]
        waited = wall[i] - wall[i - 1]
        if i == 0:
            base, compared = _nearest(media, wall, i, _LOOK), media[i]
            catching_up = end - (base + media[i]) > _AT_ONCE
        elif hole >= _PAUSE or waited >= _PAUSE:
            late = max(waited, wall[i] - base - media[i], 0)  # also by what held back the packets before it
            found = _nearest(media, wall, i, min(_LOOK + late, _LOOK_FARTHEST))
            if abs(found - base) > (_AFTER_SILENCE if abs(hole) >= _LOST else _IN_SPEECH):
                base = found
            compared = media[i]
        elif media[i] - compared >= _DRIFT_EVERY:
            found = _nearest(media, wall, i, _DRIFT_EVERY)
            if found - base > _IN_SPEECH:
                base = found
            compared = media[i]
        position = base + media[i]
        if max(position, end) - wall[i] > _TOO_FAST:
            base, catching_up = _nearest(media, wall, i, _LOOK), True
            continue
        if position < end:
            if catching_up and end - position > packets.samples[row] // 2:
                continue
            base += end - position
            position = end
        catching_up = False
        yield row, position
        end = position + packets.samples[row]


def _in_sequence(packets: Packets, rows: list[int]) -> list[int]:
    """Rows in order of their sequence numbers, each number once."""
    extended: dict[int, int] = {}
    highest = packets.sequence[rows[0]]
    for row in rows:
        number = highest + sequence_step(highest, packets.sequence[row])
        extended.setdefault(number, row)
        highest = max(highest, number)
    return [extended[number] for number in sorted(extended)]


def _unwrapped(packets: Packets, rows: list[int]) -> list[int]:
    """Timestamps that keep rising where the 32 bits wrap."""
    result: list[int] = []
    for row in rows:
        timestamp = packets.timestamp[row]
        result.append(result[-1] + timestamp_step(result[-1], timestamp) if result else timestamp)
    return result


def _wall(arrival_ns: int, origin_ns: int) -> int:
    return (arrival_ns - origin_ns) * (RATE // 1000) // 1_000_000


def _nearest(media: list[int], wall: list[int], at: int, reach: int) -> int:
    """Wall clock minus sender's clock, from the packet delayed least within `reach` samples of audio after row `at`."""
    farthest = max(reach, _LOOK_FARTHEST)
    best = wall[at] - media[at]
    for i in range(at + 1, min(at + _LOOK_ROWS, len(media))):
        step = media[i] - media[i - 1]
        if (delay := wall[i] - wall[i - 1] - step) > _PAUSE:
            reach = min(reach + delay, farthest)  # held back again, before it had caught up
        if media[i] - media[at] >= reach or not -_PAUSE < step < _PAUSE:
            break
        best = min(best, wall[i] - media[i])
    return best
