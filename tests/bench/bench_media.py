"""The media plane: what forwarding costs beside a bare sendmmsg loop, how long packets are inside, what joins cost.

Every ratio to the floor is the median of pairs: the bare loop and the forwarder take turns, a second or so each, so
that whatever else runs on the machine meets both. CPU is the process's own, user and system, from the operating
system; on loopback the kernel's receiving side is part of it, for both. Where it is allowed, both run before other
processes (SCHED_RR), so that a busy machine costs neither of them its caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.harness import Reference, Row
from tests.bench.media.joining import CHROMIUM, aiortc_offer, crowd, join, stage
from tests.bench.media.rig import Rig, Stretch, build, preferred, rig

STRETCH_MS: Final = 800
SEEDS: Final = (1, 2, 3, 4, 5, 6, 7)
"""Phases of three talkers, a set for each pair: how often they meet depends on them."""
BUSY: Final = 0.70
PER_SECOND: Final = 50
JOINS: Final = 250
FULL: Final = 600
"""Joins as fast as they go."""
AT_ONCE: Final = 32

_Pairs = list[tuple[dict[str, int], Stretch]]


async def measure() -> list[Row]:
    """The rows of the media part, in about two and a half minutes."""
    loadgen = await build()
    return [
        *await _one_talker(loadgen, 1000),
        *await _one_talker(loadgen, 3000),
        *await _three_talkers(loadgen),
        *await _sixty(loadgen),
        *await _open_microphones(loadgen),
        *await _joins(loadgen),
    ]


async def _pairs(crowd: Rig, talkers: int, seeds: Sequence[int], *, segments: bool = False) -> _Pairs:
    return [
        (
            await crowd.floor(STRETCH_MS, talkers, seed, segments=segments),
            await crowd.talk(STRETCH_MS, talkers, seed),
        )
        for seed in seeds
    ]


def _floor_us(floor: dict[str, int]) -> float:
    return floor["cpu_ns"] / 1000 / max(1, floor["sent"])


def _ratio(pairs: _Pairs) -> float:
    return median(stretch.us_per_packet / _floor_us(floor) for floor, stretch in pairs)


def _cost(
    name: str, pairs: _Pairs, conditions: str, floor: str = "bare sendmmsg loop, same bytes, pace, readers"
) -> Row:
    """Microseconds per packet; the reference is scaled so that the row's ratio is the median of the pairs' ratios."""
    ours = median(stretch.us_per_packet for _, stretch in pairs)
    wrong = sum(stretch.heard[what] for _, stretch in pairs for what in ("missing", "late", "bad", "other"))
    checked = sum(stretch.heard["decrypted"] for _, stretch in pairs)
    lost = sum(stretch.server["forwarded"] - stretch.heard["packets"] for _, stretch in pairs)
    found = f"{lost} lost, {wrong} wrong or out of order, {checked:,} decrypted and compared"
    detail = f"{conditions}; {_scheduled()}median of {len(pairs)} pairs of {STRETCH_MS / 1000:g} s; {found}"
    return Row(name, ours, "us", detail, Reference(floor, ours / _ratio(pairs)))


def _scheduled() -> str:
    """How forwarder and bare loop are scheduled, for the conditions."""
    return "both SCHED_RR; " if preferred() else ""


async def _one_talker(loadgen: Path, listeners: int) -> list[Row]:
    async with rig(loadgen, listeners) as crowd:
        pairs = await _pairs(crowd, 1, SEEDS)
    conditions = f"{listeners:,} listeners of one Space, 1 talker, 20 ms packets, AES-128-GCM"
    rows = [_cost(f"CPU per forwarded packet, 1 talker, {listeners:,} listeners", pairs, conditions)]
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
        per_second = 50 * median(stretch.us_per_packet for _, stretch in pairs) / 1e6
        bare = per_second / _ratio(pairs)
        rows.append(
            Row("listeners held at 70 % of one core, 1 talker", BUSY / per_second, "",
                f"from the CPU of {listeners:,} listeners (the row above says what was lost), 50 packets/s each",
                Reference("what the bare loop carries at 70 %", BUSY / bare))
        )  # fmt: skip
    return rows


async def _three_talkers(loadgen: Path) -> list[Row]:
    conditions = "1,000 listeners, 3 talkers, libopus VBR speech at 32 kb/s"
    async with rig(loadgen, 1000, 3) as crowd:
        apart = await _pairs(crowd, 3, SEEDS[:5])
        aligned = await _pairs(crowd, 3, (0, 0))
        trains = await _pairs(crowd, 3, (0, 0), segments=True)
    rows = [
        _cost("CPU per forwarded packet, 3 talkers at random phases", apart,
              f"{conditions}, {len(apart)} sets of phases, {_together(apart)}"),
        _cost("CPU per forwarded packet, 3 talkers in step", aligned, f"{conditions}, {_together(aligned)}"),
        _cost("CPU per forwarded packet, 3 talkers in step, against UDP_SEGMENT", trains, conditions,
              "bare loop with UDP_SEGMENT, 3 packets a send"),
    ]  # fmt: skip
    for wait_ms in (4, 8):
        async with rig(loadgen, 1000, 3, coalesce_ms=wait_ms) as crowd:
            held = await _pairs(crowd, 3, SEEDS[:3])
        delay = median(stretch.delay_ms(0.5) for _, stretch in held)
        slowest = median(stretch.delay_ms(0.99) for _, stretch in held)
        said = f"{conditions}, {_together(held)}; delay p50 {delay:.1f} ms, p99 {slowest:.1f} ms"
        rows.append(_cost(f"CPU per forwarded packet, 3 talkers at random phases, coalesce_ms {wait_ms}", held, said))
    return rows


def _together(pairs: _Pairs) -> str:
    together = sum(stretch.server["together"] for _, stretch in pairs)
    return f"{together / max(1, sum(stretch.server['forwarded'] for _, stretch in pairs)):.0%} left together"


async def _sixty(loadgen: Path) -> list[Row]:
    """Seconds of CPU that a listener costs per second, with 20 and with 60 ms packets, in turns."""
    async with rig(loadgen, 1000) as short, rig(loadgen, 1000, repacketise_from=1) as long:
        turns = [(await short.talk(STRETCH_MS), await long.talk(STRETCH_MS)) for _ in range(4)]
    gain = median(a.server["cpu_ns"] / b.server["cpu_ns"] for a, b in turns)
    held = [BUSY * 1000 * STRETCH_MS * 1e6 / median(turn[at].server["cpu_ns"] for turn in turns) for at in (0, 1)]
    packets = median(b.server["forwarded"] / a.server["forwarded"] for a, b in turns)
    return [
        Row("listeners held at 70 % of one core with 60 ms packets", held[1], "",
            f"from the CPU of 1,000 listeners, 1 talker; {packets:.2f} of the packets",
            Reference("with 20 ms packets, in turns", held[1] / gain))
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


async def _joins(loadgen: Path) -> list[Row]:
    chromium, aiortc = CHROMIUM.read_text(), await aiortc_offer()
    async with stage() as (system, space):
        async with crowd(loadgen, system.url, space, chromium) as joining:
            await join(system, joining, 25, PER_SECOND)
            first = await join(system, joining, JOINS, PER_SECOND, settle=True)
            further = await join(system, joining, JOINS, PER_SECOND, settle=True)
            await joining.ask("leave")
        full = {}
        for name, offer in (("Chromium's", chromium), ("aiortc's", aiortc)):
            async with crowd(loadgen, system.url, space, offer, most=AT_ONCE) as joining:
                full[name] = await join(system, joining, FULL, 0)
                await joining.ask("leave")
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
    ]  # fmt: skip
