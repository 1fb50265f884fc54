"""The media plane: what forwarding costs beside a bare sendmmsg loop, how long packets are inside, what joins cost.

Every ratio to the floor is the median of pairs: the bare loop and the forwarder take turns, half a second each and now
one, now the other first, so that whatever else runs on the machine meets both; a first pair warms caches and pages and
is not counted. CPU is the process's own, user and system, from the operating
system; on loopback the kernel's receiving side is part of it, for both. Where it is allowed, both run before other
processes (SCHED_RR), so that a busy machine costs neither of them its caches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import httpx

from infra.launcher.errors import StartFailed
from tests.bench.harness import Reference, Row, say
from tests.bench.media import janus
from tests.bench.media.joining import CHROMIUM, aiortc_offer, crowd, hear, join, leave, stage
from tests.bench.media.profile import HOW_TO_GET_IT, OURS, record, shares, top
from tests.bench.media.rig import Rig, Stretch, build, preferred, rig

STRETCH_MS: Final = 800
PAIR_MS: Final = 400
SEEDS: Final = tuple(range(1, 13))
"""Phases of three talkers, a set for each pair: how often they meet depends on them."""
BUSY: Final = 0.70
PACKETS: Final = 50
"""A second, to each listener."""
HELD_MS: Final = 2000
PROFILE_S: Final = 2.0
MOST_HELD: Final = 8000
SHORT: Final = 3000
LONG: Final = 7500
"""Listeners with 20 and with 60 ms packets: about what seven tenths of a core carry, a fast machine's a little more."""
LOST: Final = 1e-4
"""What counts as no loss; a busy machine has readers that come late once."""
PER_SECOND: Final = 50
WARM: Final = 25
JOINS: Final = 250
FULL: Final = 500
"""Joins as fast as they go."""
AT_ONCE: Final = 32
FEW: Final = 60
"""Listeners that stock clients on the same machine can play."""

_Pairs = list[tuple[dict[str, int], Stretch]]


async def measure() -> list[Row]:
    """The rows of the media part, in under four minutes."""
    loadgen = await build()
    parts: list[tuple[str, Callable[[], Awaitable[list[Row]]]]] = [
        ("1,000 listeners, 1 talker", lambda: _one_talker(loadgen, 1000)),
        ("3,000 listeners, 1 talker, and as many as a core holds", lambda: _one_talker(loadgen, 3000)),
        ("3 talkers", lambda: _three_talkers(loadgen)),
        ("packets of 60 ms", lambda: _sixty(loadgen)),
        ("ten open microphones", lambda: _open_microphones(loadgen)),
        ("Janus", lambda: _janus(loadgen)),
        ("joins", lambda: _joins(loadgen)),
    ]
    rows = []
    for name, part in parts:
        say(name)
        try:
            rows += await part()
        except (OSError, RuntimeError, StartFailed, httpx.HTTPError) as error:
            # Its rows count as missed; those of the others are not lost with them.
            say(f"{name} failed: {error!r}")
    return rows


async def _pairs(crowd: Rig, talkers: int, seeds: Sequence[int], *, segments: bool = False) -> _Pairs:
    await crowd.floor(PAIR_MS, talkers, seeds[0], segments=segments)
    await crowd.talk(PAIR_MS, talkers, seeds[0])
    pairs = []
    for turn, seed in enumerate(seeds):
        if turn % 2:
            stretch = await crowd.talk(PAIR_MS, talkers, seed)
            floor = await crowd.floor(PAIR_MS, talkers, seed, segments=segments)
        else:
            floor = await crowd.floor(PAIR_MS, talkers, seed, segments=segments)
            stretch = await crowd.talk(PAIR_MS, talkers, seed)
        pairs.append((floor, stretch))
    return pairs


def _floor_us(floor: dict[str, int]) -> float:
    return floor["cpu_ns"] / 1000 / max(1, floor["sent"])


def _ratio(pairs: _Pairs) -> float:
    return median(stretch.us_per_packet / _floor_us(floor) for floor, stretch in pairs)


def _cost(
    name: str, pairs: _Pairs, conditions: str, floor: str = "bare sendmmsg loop, same bytes, pace, readers"
) -> Row:
    """Microseconds per packet; the reference is scaled so that the row's ratio is the median of the pairs' ratios."""
    ours = median(stretch.us_per_packet for _, stretch in pairs)
    wrong = sum(stretch.heard[what] for _, stretch in pairs for what in ("late", "bad", "other"))
    checked = sum(stretch.heard["decrypted"] for _, stretch in pairs)
    lost = sum(stretch.heard["missing"] for _, stretch in pairs)
    found = f"{lost} lost, {wrong} wrong or out of order, {checked:,} decrypted and compared"
    detail = f"{conditions}; {_scheduled()}median of {len(pairs)} pairs of {PAIR_MS / 1000:g} s; {found}"
    return Row(name, ours, "us", detail, Reference(floor, ours / _ratio(pairs)))


def _scheduled() -> str:
    """How forwarder and bare loop are scheduled, for the conditions."""
    return "both SCHED_RR; " if preferred() else ""


async def _one_talker(loadgen: Path, listeners: int) -> list[Row]:
    async with rig(loadgen, listeners) as crowd:
        pairs = await _pairs(crowd, 1, SEEDS)
        whole = median([_floor_us(await crowd.floor(PAIR_MS, whole=True)) for _ in range(3)])
        stacks = await _profile(crowd) if listeners > 1000 else None
    conditions = (
        f"{listeners:,} listeners of one Space, registered with keys that both sides compute (not joined over HTTP and "
        f"DTLS), 1 talker, 20 ms packets, AES-128-GCM, media.threads {crowd.threads}"
    )
    besides = f"{conditions}; the bare loop on a socket that never fragments: {whole:.2f} us"
    rows = [_cost(f"CPU per forwarded packet, 1 talker, {listeners:,} listeners", pairs, besides)]
    if listeners == 1000:
        rows += [
            Row(f"forwarding delay inside the server, 1,000 listeners, {name}",
                median(stretch.delay_ms(part) for _, stretch in pairs), "ms",
                f"{conditions}; {_scheduled()}from reading the packet until the kernel has each listener's copy",
                Reference("this part of the bare loop's packets at its CPU per packet",
                          part * listeners * median(_floor_us(floor) for floor, _ in pairs) / 1000))
            for name, part in (("p50", 0.5), ("p99", 0.99))
        ]  # fmt: skip
    else:
        per_second = PACKETS * median(stretch.us_per_packet for _, stretch in pairs) / 1e6
        rows += [_profiled(listeners, stacks), await _held(loadgen, round(BUSY / per_second, -1))]
    return rows


async def _profile(crowd: Rig) -> str | None:
    stacks, _ = await asyncio.gather(record(crowd.pid, PROFILE_S), crowd.talk(round(PROFILE_S * 1000) + STRETCH_MS))
    return stacks


def _profiled(listeners: int, stacks: str | None) -> Row:
    """Where a forwarded packet's CPU goes."""
    name = f"CPU of forwarding spent in our own code, {listeners:,} listeners"
    if stacks is None:
        return Row(name, None, "", HOW_TO_GET_IT)
    spent = shares(stacks)
    groups = ", ".join(f"{group} {share:.0%}" for group, share in spent.items())
    symbols = ", ".join(f"{symbol} {share:.0%}" for symbol, share in top(stacks, 8))
    ours = sum(share for group, share in spent.items() if group.startswith(OURS))
    return Row(name, ours * 100, "%", f"perf, {PROFILE_S:g} s; {groups}; most samples in {symbols}")


async def _held(loadgen: Path, listeners: float) -> Row:
    """Brings as many listeners as should take 70 % of a core, and looks at what they take; 0 where packets are lost."""
    count = min(MOST_HELD, int(listeners))
    async with rig(loadgen, count) as crowd:
        pairs = [(await crowd.floor(HELD_MS // 2), await crowd.talk(HELD_MS)) for _ in range(3)]
    share = median(stretch.us_per_packet for _, stretch in pairs) * PACKETS * count / 1e6
    due = len(pairs) * count * HELD_MS * PACKETS // 1000
    forwarded = sum(stretch.server["forwarded"] for _, stretch in pairs)
    lost = sum(stretch.heard["missing"] for _, stretch in pairs)
    held = count * BUSY / share if forwarded >= due and lost <= due * LOST else 0.0
    return Row(
        "listeners held at 70 % of one core, 1 talker", held, "",
        f"{count:,} listeners brought, {PACKETS} packets/s each for {len(pairs)} times {HELD_MS / 1000:g} s: "
        f"{share:.0%} of a core, {forwarded:,} packets forwarded, {lost} of them lost; "
        f"{_scheduled()}the bare loop in turns with it",
        Reference("what the bare loop carries at 70 %", count * BUSY / (share / _ratio(pairs))),
    )  # fmt: skip


async def _three_talkers(loadgen: Path) -> list[Row]:
    async with rig(loadgen, 1000, 3) as crowd:
        conditions = f"1,000 listeners, 3 talkers, libopus VBR speech at 32 kb/s, media.threads {crowd.threads}"
        apart = await _pairs(crowd, 3, SEEDS)
    # Where as many threads send as there are cores, the generator is interrupted between talkers who should be in step.
    async with rig(loadgen, 1000, 3, threads=1) as crowd:
        aligned = await _pairs(crowd, 3, (0,) * 4)
        trains = await _pairs(crowd, 3, (0,) * 4, segments=True)
    in_step = "1,000 listeners, 3 talkers, libopus VBR speech at 32 kb/s, media.threads 1"
    rows = [
        _cost("CPU per forwarded packet, 3 talkers at random phases", apart,
              f"{conditions}, {len(apart)} sets of phases, {_together(apart)}"),
        _cost("CPU per forwarded packet, 3 talkers in step", aligned, f"{in_step}, {_together(aligned)}"),
        _cost("CPU per forwarded packet, 3 talkers in step, against UDP_SEGMENT", trains, in_step,
              "bare loop with UDP_SEGMENT, 3 packets a send"),
    ]  # fmt: skip
    for wait_ms in (4, 8):
        async with rig(loadgen, 1000, 3, coalesce_ms=wait_ms) as crowd:
            held = await _pairs(crowd, 3, SEEDS[:6])
        delay = median(stretch.delay_ms(0.5) for _, stretch in held)
        slowest = median(stretch.delay_ms(0.99) for _, stretch in held)
        said = f"{conditions}, {_together(held)}; delay p50 {delay:.1f} ms, p99 {slowest:.1f} ms"
        rows.append(_cost(f"CPU per forwarded packet, 3 talkers at random phases, coalesce_ms {wait_ms}", held, said))
    return rows


def _together(pairs: _Pairs) -> str:
    together = sum(stretch.server["together"] for _, stretch in pairs)
    return f"{together / max(1, sum(stretch.server['forwarded'] for _, stretch in pairs)):.0%} left together"


async def _sixty(loadgen: Path) -> list[Row]:
    """As many listeners as nearly fill their share of a core, with 20 ms packets and with 60 ms ones, in turns."""
    async with rig(loadgen, SHORT) as short, rig(loadgen, LONG, repacketise_from=1) as long:
        turns = [(await short.talk(STRETCH_MS), await long.talk(STRETCH_MS)) for _ in range(5)]
    held = [
        median(BUSY * count * STRETCH_MS * 1e6 / turn[at].server["cpu_ns"] for turn in turns)
        for at, count in enumerate((SHORT, LONG))
    ]
    packets = median(b.server["forwarded"] / LONG / (a.server["forwarded"] / SHORT) for a, b in turns)
    lost = sum(stretch.heard["missing"] for turn in turns for stretch in turn)
    return [
        Row("listeners held at 70 % of one core with 60 ms packets", held[1], "",
            f"from the CPU of {LONG:,} listeners beside that of {SHORT:,}, 1 talker; each has {packets:.2f} of the "
            f"packets; {lost} lost",
            Reference("with 20 ms packets, in turns", held[0]))
    ]  # fmt: skip


async def _open_microphones(loadgen: Path) -> list[Row]:
    async with rig(loadgen, 100, 10) as crowd:
        # The first seconds belong to those whom the rig let talk at its start.
        await crowd.talk(1000, 1, silent=9)
        stretch = await crowd.talk(3000, 1, silent=9)
    return [
        Row("packets per second per listener, ten open microphones", stretch.heard["packets"] / 100 / 3, "/s",
            "100 listeners, 10 talkers that all send, 9 of them silence; 3 s")
    ]  # fmt: skip


async def _janus(loadgen: Path) -> list[Row]:
    """What the same load costs Janus VideoRoom, where it is installed."""
    name = "CPU per forwarded packet, Janus VideoRoom"
    executable = janus.find_janus()
    if executable is None:
        return [Row(name, None, "", janus.HOW_TO_GET_IT)]
    peer = await janus.measure(executable, FEW, 4.0)
    async with rig(loadgen, FEW) as crowd:
        pairs = await _pairs(crowd, 1, SEEDS[:3])
    ours, bare = median(stretch.us_per_packet for _, stretch in pairs), median(_floor_us(floor) for floor, _ in pairs)
    return [
        Row(name, peer.us_per_packet, "us",
            f"{FEW} listeners, 1 talker, 20 ms packets, AES-128-GCM; {peer.packets_per_second:,.0f} packets/s arrived "
            "at aiortc clients on the same cores; the distribution's package, whose libsrtp on NSS is slow; bare loop "
            f"{bare:.1f} us",
            Reference("the forwarder under the same load, in the same run", ours))
    ]  # fmt: skip


async def _joins(loadgen: Path) -> list[Row]:
    chromium, aiortc = CHROMIUM.read_text(), await aiortc_offer()
    async with stage() as (system, space):
        async with crowd(loadgen, system.url, space, chromium) as joining:
            await join(system, joining, WARM, PER_SECOND)
            first = await join(system, joining, JOINS, PER_SECOND, settle=True)
            further = await join(system, joining, JOINS, PER_SECOND, settle=True)
            each, counted = await hear(system, joining, 3.0)
            await leave(joining)
        full = {}
        for name, offer in (("Chromium's", chromium), ("aiortc's", aiortc)):
            async with crowd(loadgen, system.url, space, offer, most=AT_ONCE) as joining:
                full[name] = await join(system, joining, FULL, 0)
                await leave(joining)
    everything = "HTTP, SDP, ICE, DTLS with the certificate checked, first packet decrypted"
    paced = f"{JOINS} at {PER_SECOND}/s with Chromium's offer ({everything}); {first.describe()}"
    best = full["Chromium's"]
    return [
        Row("full joins per second and core", best.per_core(), "/s",
            f"CPU of all services, {best.split()}; {best.joined} joins, {AT_ONCE} at once, "
            f"{best.joined / best.seconds:.0f}/s on this machine with the generator beside them; Chromium's offer "
            f"({everything}); {best.describe()}",
            Reference("with aiortc's offer", full["aiortc's"].per_core())),
        Row("full joins per second and core, media alone", best.per_core("media"), "/s", "the same joins"),
        Row(f"full joins per second and core at {PER_SECOND}/s", first.per_core(), "/s",
            f"CPU of all services, {first.split()}; {paced}"),
        Row("first audio after the POST, p99", first.ms["audio"].p99, "ms",
            f"{paced}; the latest began {first.behind_ms:.0f} ms late; a packet every 20 ms"),
        Row("memory per listener", further.bytes_each / 1024, "KB",
            f"resident memory that the media process grew by for {JOINS} further listeners, 5 s after the last joined; "
            f"the first {JOINS} took {first.bytes_each / 1024:.0f} KB each, most of it for handshakes that later ones "
            "use again"),
        Row(f"CPU of the media process per packet, {WARM + 2 * JOINS} listeners that joined", each, "us",
            f"the whole process with its Python; one speaks over WebRTC, 3 s; {counted['missing']} of "
            f"{counted['packets']:,} missing, {counted['bad'] + counted['other']} wrong, {counted['decrypted']:,} "
            f"decrypted and compared; {counted['answered']} consent checks answered"),
    ]  # fmt: skip
