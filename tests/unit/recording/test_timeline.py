"""Where packets lie in time, whatever the network did to them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from services.recording.adapters import spool, spooled
from services.recording.replay import timeline
from tests.unit.recording.keys import captured, spool_key
from tests.unit.recording.sounds import BASE_NS, FRAME, Sent, bundles, stream

SPACE, PERSON = "0" * 26, "1" * 26
PACKET = bytes([0x78]) + b"speech"  # CELT, 20 ms


def placed(folder: Path, *sessions: Sequence[Sent], origin_ns: int = BASE_NS) -> list[tuple[int, float]]:
    """(number in the order sent, seconds) of every packet that is kept; sessions are numbered on."""
    store = spool.Spool(folder)
    numbers: dict[bytes, int] = {}
    for n, sent in enumerate(sessions):
        marked = [replace(s, payload=s.payload + f"{n}/{i}".encode()) for i, s in enumerate(sent)]
        numbers |= {s.payload: len(numbers) + i for i, s in enumerate(marked)}
        session = f"{n:026d}"
        entries = [
            spool.SpoolEntry(SPACE, PERSON, session, n * 100_000 + i, captured(SPACE, PERSON, body))
            for i, body in enumerate(bundles(marked, ssrc=100 + n))
        ]
        store.append(entries)
    with spooled.read(store.folder(SPACE), PERSON, spool_key(SPACE, PERSON).open_bytes) as packets:
        rows = list(timeline.place(packets, origin_ns))
        ends = [(position, position + packets.samples[row]) for row, position in rows]
        assert all(a[1] <= b[0] for a, b in pairwise(ends)), "packets overlap"
        return [(numbers[packets.payload(row)], round(position / 48_000, 6)) for row, position in rows]


def sent(count: int, *, at: float = 1.0, timestamp: int = 7_000, sequence: int = 100) -> list[Sent]:
    return stream([PACKET] * count, at=at, timestamp=timestamp, sequence=sequence)


def in_time(count: int, *, at: float = 1.0) -> list[tuple[int, float]]:
    """What `sent` becomes where nothing goes wrong."""
    return [(n, round(at + n * 0.02, 6)) for n in range(count)]


def test_packets_in_time_lie_where_they_were_sent(tmp_path: Path) -> None:
    assert placed(tmp_path, sent(100)) == in_time(100)


def test_jitter_makes_no_gap_and_no_drift(tmp_path: Path) -> None:
    rng = random.Random(1)
    shaken = [replace(s, arrival=s.arrival + rng.expovariate(1 / 0.03)) for s in sent(3000)]
    result = placed(tmp_path, shaken)
    assert [n for n, _ in result] == list(range(3000))
    start = result[0][1]
    assert abs(start - 1) < 0.005
    assert all(position == pytest.approx(start + n * 0.02) for n, position in result)


def test_a_network_that_stalls_for_two_seconds_makes_no_gap(tmp_path: Path) -> None:
    stalled = [replace(s, arrival=max(s.arrival, 8.0 + i * 1e-5) if 6 < s.arrival < 8 else s.arrival)
               for i, s in enumerate(sent(600))]  # fmt: skip
    assert placed(tmp_path, stalled) == in_time(600)


@pytest.mark.parametrize("stalls", [2, 3, 8])
def test_a_network_that_stalls_again_before_it_caught_up_shifts_nothing(tmp_path: Path, stalls: int) -> None:
    """Between stalls of 600 ms one packet comes through."""
    ends = [6 + 0.6 * (n + 1) for n in range(stalls)]
    stalled = sent(900)
    first = next(i for i, s in enumerate(stalled) if s.arrival >= 6)
    for i, s in enumerate(stalled):
        if 6 <= s.arrival < ends[-1]:
            end = ends[min(i - first, stalls - 1)]
            stalled[i] = replace(s, arrival=end + i * 1e-5)
    assert placed(tmp_path, stalled) == in_time(900)


def test_lost_packets_leave_their_time_empty(tmp_path: Path) -> None:
    lossy = [s for i, s in enumerate(sent(200)) if i not in (3, 50, 51, 52) and not 100 <= i < 130]
    result = placed(tmp_path, lossy)
    kept = [i for i in range(200) if i not in (3, 50, 51, 52) and not 100 <= i < 130]
    assert [round(position, 4) for _, position in result] == [round(1 + i * 0.02, 4) for i in kept]


def test_reordered_and_repeated_packets_come_once_and_in_order(tmp_path: Path) -> None:
    rng = random.Random(2)
    late = [replace(s, arrival=s.arrival + rng.choice((0, 0, 0, 0.07, 0.3))) for s in sent(500)]
    late += [replace(late[i], arrival=late[i].arrival + 0.05) for i in range(0, 500, 7)]
    result = placed(tmp_path, late)
    assert [round(position, 4) for _, position in result] == [round(1 + i * 0.02, 4) for i in range(500)]


def test_numbers_that_wrap_go_on(tmp_path: Path) -> None:
    wrapping = sent(200, timestamp=2**32 - 50 * FRAME, sequence=65_500)
    assert placed(tmp_path, wrapping) == in_time(200)


def test_after_a_mute_the_wall_clock_counts_even_where_the_sender_stood_still(tmp_path: Path) -> None:
    running = sent(100) + sent(100, at=11, timestamp=7_000 + 500 * FRAME, sequence=600)
    frozen = sent(100) + sent(100, at=11, timestamp=7_000 + 100 * FRAME, sequence=200)
    for n, both in enumerate((running, frozen)):
        result = placed(tmp_path / str(n), both)
        assert result[99][1] == pytest.approx(1 + 99 * 0.02)
        assert result[100][1] == pytest.approx(11, abs=0.001)
        assert result[199][1] == pytest.approx(11 + 99 * 0.02, abs=0.001)


def test_a_pause_with_jitter_after_it_is_off_by_less_than_it_is_heard(tmp_path: Path) -> None:
    rng = random.Random(3)
    both = sent(100) + sent(100, at=11, timestamp=7_000 + 500 * FRAME, sequence=600)
    shaken = [replace(s, arrival=s.arrival + rng.expovariate(1 / 0.03)) for s in both]
    assert placed(tmp_path, shaken)[100][1] == pytest.approx(11, abs=0.02)


def test_dtx_does_not_move_speech(tmp_path: Path) -> None:
    rng = random.Random(4)
    talk = [s for i, s in enumerate(sent(3000)) if i % 500 < 250 or i % 20 == 0]
    shaken = [replace(s, arrival=s.arrival + rng.uniform(0, 0.035)) for s in talk]
    expected = [1 + i * 0.02 for i in range(3000) if i % 500 < 250 or i % 20 == 0]
    result = [position for _, position in placed(tmp_path, shaken)]
    assert max(abs(a - b) for a, b in zip(result, expected, strict=True)) < 0.02


def test_a_new_session_is_aligned_anew_and_joins_the_track(tmp_path: Path) -> None:
    first, second = sent(100), sent(100, at=20, timestamp=99, sequence=60_000)
    result = placed(tmp_path, first, second)
    assert len(result) == 200
    assert result[100][0] == 100
    assert result[100][1] == pytest.approx(20)


def test_a_session_that_replaces_another_waits_for_its_last_packet(tmp_path: Path) -> None:
    first, second = sent(100), sent(100, at=2.97, timestamp=99, sequence=60_000)
    result = placed(tmp_path, first, second)
    assert len(result) == 200
    assert result[100][1] == pytest.approx(3.0)


@pytest.mark.parametrize("both", [0.2, 1.0, 1.9, 2.5, 5.0])
@pytest.mark.parametrize("apart", [0.0, 0.007, 0.0193])
def test_what_was_captured_at_two_nodes_at_once_is_kept_once(tmp_path: Path, both: float, apart: float) -> None:
    rng = random.Random(6)
    moves_at = 1 + 10 - both
    old = [replace(s, arrival=s.arrival + rng.expovariate(1 / 0.005)) for s in sent(500)]
    new = sent(500, at=moves_at + apart, timestamp=99, sequence=60_000)
    new = [replace(s, arrival=s.arrival + rng.expovariate(1 / 0.005)) for s in new]
    result = placed(tmp_path, old, new)
    # Everything of the old connection, then of the new one what was said after it, at its time.
    assert [n for n, _ in result[:500]] == list(range(500))
    assert [n for n, _ in result[500:]] == list(range(1000 - len(result[500:]), 1000))
    assert max(b - a for (_, a), (_, b) in pairwise(result)) < 0.04, "nothing is missing"
    assert result[-1][1] == pytest.approx(moves_at + apart + 499 * 0.02, abs=0.015), "nothing is said later than it was"


@pytest.mark.parametrize("ppm", [-300, 300])
def test_a_clock_that_drifts_stays_near_the_wall_clock(tmp_path: Path, ppm: int) -> None:
    # Ten minutes: 180 ms. A slow clock is put right in speech; a fast one could only lose audio, and waits for a pause.
    drifting = [replace(s, arrival=1 + (s.arrival - 1) * (1 + ppm / 1e6)) for s in sent(30_000)]
    result = placed(tmp_path, drifting)
    assert len(result) == 30_000
    assert abs(result[-1][1] - drifting[-1].arrival) < (0.13 if ppm > 0 else 0.2)


def test_a_sender_faster_than_time_cannot_make_the_replay_longer(tmp_path: Path) -> None:
    flood = [Sent(1 + i * 0.002, 7_000 + i * FRAME, 100 + i, PACKET) for i in range(5000)]
    result = placed(tmp_path, flood)
    assert 300 < len(result) < 5000
    assert result[-1][1] < 11 + 3


def test_random_numbers_from_a_hostile_sender_stay_within_its_time(tmp_path: Path) -> None:
    rng = random.Random(5)
    wild = [Sent(1 + i * 0.02, rng.getrandbits(32), rng.getrandbits(16), PACKET) for i in range(1000)]
    result = placed(tmp_path, wild)
    assert result
    assert all(0 <= position < 24 for _, position in result)


def test_another_stream_in_a_continuous_session_makes_no_gap_and_no_shift(tmp_path: Path) -> None:
    packets = [replace(s, payload=PACKET + str(n).encode()) for n, s in enumerate(sent(400))]
    # The second stream is 60 ms later on its way, which is no pause.
    later = [replace(s, arrival=s.arrival + 0.06) for s in packets[200:]]
    bodies = [*bundles(packets[:200], ssrc=1, continuous=True), *bundles(later, ssrc=2, continuous=True)]
    store = spool.Spool(tmp_path)
    store.append(
        spool.SpoolEntry(SPACE, PERSON, "0" * 26, n, captured(SPACE, PERSON, body)) for n, body in enumerate(bodies)
    )
    with spooled.read(store.folder(SPACE), PERSON, spool_key(SPACE, PERSON).open_bytes) as read:
        rows = list(timeline.place(read, BASE_NS))
        assert [read.payload(row) for row, _ in rows] == [s.payload for s in packets]
        assert [position for _, position in rows] == [48_000 + n * FRAME for n in range(400)]


def test_a_clock_that_jumped_back_in_an_older_capture_loses_nothing(tmp_path: Path) -> None:
    jumped = sent(200) + sent(200, at=5, timestamp=7_000 + 150 * FRAME, sequence=300)
    assert placed(tmp_path, jumped) == in_time(400)


def test_another_numbering_in_an_older_capture_loses_nothing(tmp_path: Path) -> None:
    anew = sent(200) + sent(200, at=5, timestamp=7_000 + 200 * FRAME, sequence=40_000)
    assert placed(tmp_path, anew) == in_time(400)


def test_audio_from_before_the_start_begins_at_the_start(tmp_path: Path) -> None:
    assert placed(tmp_path, sent(10), origin_ns=BASE_NS + 1_100_000_000)[0] == (0, 0)
