"""Where each packet of a speaker lies in time.

Within a stretch the RTP timestamps say it: they know nothing of the network. How the sender's clock lies against the
wall clock is learned from arrivals, by the packets that were delayed least, and anew after a pause, in a new session
and, against drift, every half minute.

Who speaks in two sessions at once is kept once (`contracts.capture`): where the earlier one ends is known here to the
sample, because all of it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from services.recording.adapters.opus import RATE
from services.recording.adapters.spool import Packets

_PAUSE: Final = 300 * RATE // 1000
"""A hole of this length, in arrivals or timestamps, may be a pause: the clocks are compared again."""
_LOST: Final = 20 * RATE // 1000
_AFTER_SILENCE: Final = 40 * RATE // 1000
"""After silence a shift is inaudible, so this much is corrected; it is above the jitter that remains."""
_IN_SPEECH: Final = 120 * RATE // 1000
"""In speech a correction is heard; only this much is worth it."""
_LOOK: Final = RATE
_LOOK_FARTHEST: Final = 10 * RATE
_LOOK_ROWS: Final = 1500
_DRIFT_EVERY: Final = 30 * RATE
_SEQUENCE_JUMP: Final = 3000
"""RTP sequence numbers farther apart (a minute) are another numbering."""
_AT_ONCE: Final = 100 * RATE // 1000
"""A session that begins so long before the end of the one before it says the same; one that begins by less before it
was only quicker on its way, and waits."""
_TOO_FAST: Final = 2 * RATE
"""Audio so far ahead of the wall clock comes from a sender that sends more than there is time."""


def place(packets: Packets, origin_ns: int) -> Iterator[tuple[int, int]]:
    """(row, position) of each packet to keep, in order, never overlapping.

    Position in samples after `origin_ns` (ns since the Unix epoch), 0 or more. Duplicates are left out, and what a
    sender that is faster than time sends in excess.
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
        elif not -_LOST <= hole < _PAUSE or waited >= _PAUSE:
            found = _nearest(media, wall, i, min(_LOOK + max(waited, 0), _LOOK_FARTHEST))
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
    """Rows in order of RTP sequence numbers, each number once (RFC 3550, appendix A.1, says how they wrap)."""
    extended: dict[int, int] = {}
    highest = number = 0
    for n, row in enumerate(rows):
        sequence = packets.sequence[row]
        if n == 0:
            number = highest = sequence
        else:
            step = (sequence - highest + 0x8000 & 0xFFFF) - 0x8000
            number = highest + step if abs(step) <= _SEQUENCE_JUMP else _next_like(highest, sequence)
        extended.setdefault(number, row)
        highest = max(highest, number)
    return [extended[number] for number in sorted(extended)]


def _next_like(highest: int, sequence: int) -> int:
    """The next number after `highest` that ends in `sequence`, with room before it for what comes late."""
    start = highest + 2 * _SEQUENCE_JUMP
    return start + ((sequence - start) & 0xFFFF)


def _unwrapped(packets: Packets, rows: list[int]) -> list[int]:
    """RTP timestamps that go on rising where the 32 bits wrap."""
    result: list[int] = []
    for row in rows:
        timestamp = packets.timestamp[row]
        if result:
            step = (timestamp - result[-1] + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
            result.append(result[-1] + step)
        else:
            result.append(timestamp)
    return result


def _wall(arrival_ns: int, origin_ns: int) -> int:
    return (arrival_ns - origin_ns) * (RATE // 1000) // 1_000_000


def _nearest(media: list[int], wall: list[int], at: int, reach: int) -> int:
    """Wall clock minus sender's clock, by the packet delayed least within `reach` samples of audio from row `at`."""
    best = wall[at] - media[at]
    for i in range(at + 1, min(at + _LOOK_ROWS, len(media))):
        step = media[i] - media[i - 1]
        if media[i] - media[at] >= reach or not -_PAUSE < step < _PAUSE or wall[i] - wall[i - 1] - step > _PAUSE:
            break
        best = min(best, wall[i] - media[i])
    return best
