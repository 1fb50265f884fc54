"""What keys cost: to derive, to seal, to open, to ask for. The floor is AES-256-GCM on a key that is there already."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.people import v1
from libs.bus import Bus, BusSettings, connect
from libs.keyring import ErasureTarget, Lock, Tree
from libs.keyring.client import open_keyring
from libs.keyring.keys import Keys, open_keys
from libs.keyring.master import master_key
from libs.service import running
from services.people.main import compose
from services.people.settings import Settings
from tests.bench.harness import Reference, Row, quantile
from tests.support.nats import running_nats

TEXT = "What somebody says in one breath, as a caption has it: about eighty characters."
TIMES = 2_000
ASKED = 300
HOLES = 200


def _microseconds(work: Callable[[], object], times: int = TIMES) -> float:
    """The median time of one call."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return quantile(took, 0.5) * 1e6


def _fresh() -> Iterator[str]:
    return (f"caption/{number}" for number in count())


def _local() -> list[Row]:
    cipher, plain, nonce = AESGCM(os.urandom(32)), TEXT.encode(), os.urandom(12)
    box = cipher.encrypt(nonce, plain, b"name")
    sealing = Reference("AES-256-GCM alone", _microseconds(lambda: cipher.encrypt(nonce, plain, b"name")))
    opening = Reference("AES-256-GCM alone", _microseconds(lambda: cipher.decrypt(nonce, box, b"name")))
    tree = Tree.grown()
    holed = tree.without([f"caption/gone{number}" for number in range(HOLES)])
    lock = Lock("person:a|space:s", tree)
    known = lock.seal("title", TEXT)
    names, others, more = _fresh(), _fresh(), _fresh()
    kept = [lock.seal(name, TEXT) for name, _ in zip(_fresh(), range(TIMES), strict=False)]
    cold = iter(kept)
    reader = Lock("person:a|space:s", tree)
    return [
        Row("derive a unit's key", _microseconds(lambda: tree.key(next(names))), "us", "two segments, no hole"),
        Row("derive a unit's key beside holes", _microseconds(lambda: holed.key(next(others))), "us",
            f"{HOLES} destroyed units"),
        Row("seal words of a new unit", _microseconds(lambda: lock.seal(next(more), TEXT)), "us",
            f"{len(TEXT)} characters", sealing),
        Row("seal words of a unit in use", _microseconds(lambda: lock.seal("title", TEXT)), "us",
            f"{len(TEXT)} characters", sealing),
        Row("open words of another unit each time",
            _microseconds(lambda: reader.read(one := next(cold), one.unit)), "us", f"{len(TEXT)} characters", opening),
        Row("open words of a unit in use", _microseconds(lambda: lock.read(known, "title")), "us",
            f"{len(TEXT)} characters", opening),
        Row("take a unit out of a tree", _microseconds(lambda: tree.without(["caption/1"]), 200), "us", "in memory"),
        Row("bytes of nodes for each destroyed unit", len(holed.encode()) / HOLES, "B", f"{HOLES} of them"),
    ]  # fmt: skip


def _stored(folder: Path) -> list[Row]:
    keys: Keys = open_keys(
        folder / "keys" / "keyring.db",
        folder / "ledger" / "erasures.db",
        lambda begun: master_key(folder / "keys" / "master.key", "", begun=begun),
    )
    at, numbers = datetime.now(UTC), count()

    def unit() -> ErasureTarget:
        return ErasureTarget(f"person:a|space:s{next(numbers) % 100}", f"x{next(numbers)}")

    try:
        keys.give(["person:a|space:s"])
        return [
            Row("give out a lock", _microseconds(lambda: keys.give(["person:a|space:s"])), "us", "SQLite"),
            Row("make a lock", _microseconds(lambda: keys.give([f"person:a|space:s{next(numbers)}"]), 100), "us",
                "SQLite; a subject and a lock, each on disk"),
            Row("destroy a unit", _microseconds(lambda: keys.destroy([unit()], at), 100),
                "us", "SQLite; in the ledger, out of the keys and out of the log"),
        ]  # fmt: skip
    finally:
        keys.close()


async def _asked(bus: Bus) -> list[Row]:
    took: list[float] = []
    async with open_keyring(bus, "bench") as keyring:
        await keyring.locks([f"person:p{number}|space:s" for number in range(ASKED)])
        floor = []
        for number in range(ASKED):
            started = time.perf_counter()
            await bus.ask(v1.HostingPolicyQuery())
            floor.append(time.perf_counter() - started)
            query = v1.LocksQuery(holder="bench", locks=(f"person:p{number}|space:s",))
            started = time.perf_counter()
            await bus.ask(query)
            took.append(time.perf_counter() - started)
        started = time.perf_counter()
        for _ in range(TIMES):
            await keyring.lock("person:p1", "space:s")
        cached = (time.perf_counter() - started) / TIMES
    policy = Reference("another query to people", quantile(floor, 0.5) * 1e6)
    return [
        Row("ask for a lock", quantile(took, 0.5) * 1e6, "us", "through NATS, one at a time, everything in one process",
            policy),
        Row("take a lock that is in memory", cached * 1e6, "us", "one process"),
    ]  # fmt: skip


async def measure() -> list[Row]:
    """Every figure of keys."""
    rows = _local()
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        rows += _stored(Path(folder))
    with running_nats() as server:
        async with (
            running(Settings.read(server.env), compose),
            await connect("bench", BusSettings(url=server.url)) as bus,
        ):
            rows += await _asked(bus)
    return rows
