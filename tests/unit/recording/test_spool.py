"""The spool keeps what it said it kept, whatever happens to the process and the disk."""

from __future__ import annotations

import itertools
import os
import random
import resource
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.recording.adapters import spool, spooled
from tests.unit.recording.keys import captured, spool_key
from tests.unit.recording.sounds import bundles, encode, noise, stream

SPACE, PERSON, SESSION = "a" * 26, "b" * 26, "c" * 26
OPEN = spool_key(SPACE, PERSON).open_bytes


def entries(packets: list[bytes], *, first: int = 1) -> list[spool.SpoolEntry]:
    return [
        spool.SpoolEntry(SPACE, PERSON, SESSION, first + n, captured(SPACE, PERSON, body))
        for n, body in enumerate(bundles(stream(packets, at=1)))
    ]


def kept(store: spool.Spool) -> list[bytes]:
    with spooled.read(store.folder(SPACE), PERSON, OPEN) as packets:
        return [packets.payload(row) for row in range(len(packets))]


def test_what_was_added_is_read_in_order(tmp_path: Path) -> None:
    store, packets = spool.Spool(tmp_path), encode(noise(2))
    for entry in entries(packets):
        store.append([entry])
    assert kept(store) == packets
    assert spooled.people(store.folder(SPACE)) == [PERSON]
    assert store.spaces() == [SPACE]


def test_what_was_spooled_by_an_earlier_version_is_read(tmp_path: Path) -> None:
    """Never edited: spools are of this form."""
    stored = bytes.fromhex(
        "5253504f4f4c310a"  # the magic
        "2d00000068d348f52a00000000000000"  # length, checksum, sequence
        "010002000000f323845bd718cdab0000"  # the bundle
        "00000000581b0000ffff0300f8fffe"
        "2d4e0000181f0000000002000801"
    )
    path = tmp_path / SPACE / PERSON / f"{SESSION}.spool"
    path.parent.mkdir(parents=True)
    path.write_bytes(stored)
    with spooled.read(tmp_path / SPACE, PERSON, OPEN) as packets:
        assert [packets.payload(row) for row in range(len(packets))] == [b"\xf8\xff\xfe", b"\x08\x01"]
        assert list(packets.arrival) == [1_790_000_000_000_000_000, 1_790_000_000_020_013_000]
        assert (list(packets.timestamp), list(packets.sequence)) == ([7000, 7960], [65535, 0])
    store = spool.Spool(tmp_path)
    store.append(entries([b"\xf8\xff\xfe"] * 3))  # the same session goes on in this version
    assert kept(store) == [b"\xf8\xff\xfe"] * 4 + [b"\x08\x01"]


def test_what_is_spooled_is_sealed_and_of_this_form(tmp_path: Path) -> None:
    store, packets = spool.Spool(tmp_path), encode(noise(1))
    (first, *more) = entries(packets)
    store.append([first, *more])
    (path,) = store.folder(SPACE).glob("*/*")
    data = path.read_bytes()
    assert path.name == f"{SESSION}.bundles"
    rest = struct.pack("<Q", first.sequence) + first.body
    assert data.startswith(b"RSPOOL1\n" + struct.pack("<II", len(first.body), zlib.crc32(rest)) + rest)
    assert not [packet for packet in packets if len(packet) > 16 and packet in data]


def test_spaces_are_removed_while_others_are_spooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "sync", lambda _: None)
    monkeypatch.setattr(os, "fdatasync", lambda _: None)
    store, body = spool.Spool(tmp_path), b"sealed"
    store.append([spool.SpoolEntry(SPACE, PERSON, f"{n:026d}", n, body) for n in range(2_000)])
    over = threading.Event()

    def speak() -> None:
        sessions = itertools.count(2_000)
        while not over.is_set():
            store.append([spool.SpoolEntry(SPACE, PERSON, f"{next(sessions):026d}", 1, body)])

    switching = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(1) as threads:
            speaking = threads.submit(speak)
            try:
                for _ in range(20):
                    store.remove_space("e" * 26)
            finally:
                over.set()
            speaking.result()
    finally:
        sys.setswitchinterval(switching)


def test_what_another_key_sealed_is_left_out(tmp_path: Path) -> None:
    store, packets = spool.Spool(tmp_path), encode(noise(1))
    (first, *more) = entries(packets)
    foreign = first._replace(body=captured(SPACE, "e" * 26, b"x"))
    store.append([foreign, first, *more])
    with spooled.read(store.folder(SPACE), PERSON, OPEN) as read:
        assert [read.payload(row) for row in range(len(read))] == packets
        assert read.malformed == 1


def test_bundles_that_come_again_are_read_once(tmp_path: Path) -> None:
    store, packets = spool.Spool(tmp_path), encode(noise(2))
    everything = entries(packets)
    store.append(everything)
    store.append(everything[3:9])
    store.append([entry._replace(sequence=entry.sequence + 1000) for entry in everything[:4]])
    assert kept(store) == packets


def test_somebody_who_connected_more_often_than_files_may_be_open_is_read_whole(tmp_path: Path) -> None:
    store, packets = spool.Spool(tmp_path), encode(noise(1))
    (bundle, *_) = entries(packets)
    store.append(bundle._replace(session_id=f"{n:026d}", sequence=n) for n in range(60))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = os.open(os.devnull, os.O_RDONLY)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 20, before[1]))
        found = kept(store)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        os.close(opened)
    assert found == payloads_of(bundle) * 60


def test_a_torn_end_is_cut_off_wherever_it_tore(tmp_path: Path) -> None:
    packets = encode(noise(1))
    everything = entries(packets)
    whole = spool.Spool(tmp_path / "whole")
    whole.append(everything)
    (path,) = whole.folder(SPACE).glob("*/*.bundles")
    data = path.read_bytes()
    rng = random.Random(1)
    for cut in [*rng.sample(range(len(data)), 40), 0, 1, 7, 8, 9, len(data) - 1]:
        torn = spool.Spool(tmp_path / f"torn{cut}")
        target = torn.folder(SPACE) / PERSON / f"{SESSION}.bundles"
        target.parent.mkdir(parents=True)
        target.write_bytes(data[:cut])
        before = kept(torn)
        assert before == packets[: len(before)]
        torn.append(everything)  # they come again, because they were not acknowledged
        assert kept(torn) == packets


def test_a_damaged_record_ends_what_is_believed(tmp_path: Path) -> None:
    store, packets = spool.Spool(tmp_path), encode(noise(1))
    store.append(entries(packets))
    (path,) = store.folder(SPACE).glob("*/*.bundles")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    before = kept(store)
    assert 0 < len(before) < len(packets)
    assert before == packets[: len(before)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip("only root can mount a small disk here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_and_nothing_is_half_written(small_disk: Path) -> None:
    store = spool.Spool(small_disk / "spool")
    store.open_space(SPACE)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(128 * 1024))
    packets = [bytes([0x78]) + bytes([n % 256]) * 1000 for n in range(400)]
    everything = entries(packets)
    stored, trouble = add_until_full(store, everything)
    assert "No space left" in trouble
    assert kept(store) == [packet for entry in everything[:stored] for packet in payloads_of(entry)]
    os.unlink(ballast)
    more, _ = add_until_full(store, everything[stored:])
    assert more
    assert kept(store) == [packet for entry in everything[: stored + more] for packet in payloads_of(entry)]


def add_until_full(store: spool.Spool, entries: list[spool.SpoolEntry]) -> tuple[int, str]:
    """How many were stored, and what was said of the next."""
    for n, entry in enumerate(entries):
        try:
            store.append([entry])
        except spool.StorageFullError as error:
            return n, str(error)
    raise AssertionError("the disk is larger than that")


def payloads_of(entry: spool.SpoolEntry) -> list[bytes]:
    from contracts.capture import decode

    return [packet.payload for packet in decode(OPEN(entry.body)).packets]


def test_a_space_that_is_done_leaves_nothing_behind(tmp_path: Path) -> None:
    store = spool.Spool(tmp_path)
    store.append(entries(encode(noise(0.2))))
    store.remove_space(SPACE)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".removed-x" / "y").mkdir(parents=True)
    store.sweep()
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_finished_is_kept_aside(tmp_path: Path) -> None:
    store = spool.Spool(tmp_path)
    store.append(entries(encode(noise(0.2))))
    aside = store.set_aside(SPACE)
    assert aside is not None
    assert spooled.people(aside) == [PERSON]
    assert store.spaces() == []
    assert store.set_aside("d" * 26) is None


def test_what_is_built_of_a_space_is_nothing_that_was_captured(tmp_path: Path) -> None:
    store = spool.Spool(tmp_path)
    store.append(entries(encode(noise(0.2))))
    before = store.size(SPACE)
    (store.folder(SPACE) / "build").mkdir()
    (store.folder(SPACE) / "build" / "replay.m4a.sealed").write_bytes(b"built")
    assert store.size(SPACE) == before
    assert spooled.people(store.folder(SPACE)) == [PERSON]


def test_two_recorders_do_not_share_a_spool(tmp_path: Path) -> None:
    spool.Spool(tmp_path).lock()
    with pytest.raises(spool.SpoolTakenError, match="another recorder"):
        spool.Spool(tmp_path).lock()
