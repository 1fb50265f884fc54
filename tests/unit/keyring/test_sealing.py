"""What is sealed opens under its own key and name, whole and in ranges; anything else is refused."""

from __future__ import annotations

import os
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.keyring import (
    HEADER,
    Destroyed,
    Expired,
    Lock,
    ObjectReader,
    ObjectWriter,
    Sealed,
    Tampered,
    Tree,
    Words,
    ends_of,
    open_object,
    seal_object,
)
from libs.keyring.objects import CHUNK

ROOT = bytes(range(32))
KEY = bytes(32)
SEALED_CHUNK = CHUNK + 16


def lock(name: str = "person:a|space:s") -> Lock:
    return Lock(name, Tree.grown(ROOT))


def test_words_that_are_erased_or_damaged_are_gone_and_the_others_legible(caplog: pytest.LogCaptureFixture) -> None:
    held = Lock("person:a|space:s", Tree.grown(ROOT).without(["gone"]))
    words = held.seal("name", "Ann")
    assert held.legible(words, "name") == "Ann"
    assert held.legible("plain", "name") == "plain"
    assert held.legible(Sealed(unit="gone", box=words.box), "gone") is None
    assert caplog.records == []
    for damaged in (Sealed(unit="name", box=words.box[:-1]), Sealed(unit="bio", box=words.box)):
        assert held.legible(damaged, "name") is None
    assert len(caplog.records) == 2


# ---- words ------------------------------------------------------------------------------------------


def test_words_open_in_their_place_and_nowhere_else() -> None:
    sealed = lock().seal("pin/1", "Grüße 👋")
    assert lock().read(sealed, "pin/1") == "Grüße 👋"
    moved = Sealed(unit="pin/2", box=sealed.box)
    for words, unit, where in ((moved, "pin/2", lock()), (sealed, "pin/2", lock()), (sealed, "pin/1", lock("space:s"))):
        with pytest.raises(Tampered):
            where.read(words, unit)


@given(st.integers(min_value=0), st.integers(0, 7))
def test_one_changed_bit_is_refused(at: int, bit: int) -> None:
    box = bytearray(lock().seal("title", "Tea").box)
    box[at % len(box)] ^= 1 << bit
    with pytest.raises(Tampered):
        lock().read(Sealed(unit="title", box=bytes(box)), "title")


def test_the_same_words_are_sealed_differently_each_time() -> None:
    assert lock().seal("title", "Tea") != lock().seal("title", "Tea")


def test_plain_words_of_an_earlier_version_are_read_as_they_are() -> None:
    assert lock().read("Tea", "title") == "Tea"


def test_a_fact_holds_either_and_tells_them_apart() -> None:
    class Titled(msgspec.Struct):
        title: Words

    sealed = lock().seal("title", "Tea")
    for words in ("Tea", sealed, "{}"):
        assert msgspec.json.decode(msgspec.json.encode(Titled(words)), type=Titled).title == words


def test_a_sealed_text_opens_for_ever() -> None:
    sealed = msgspec.json.decode(b'{"unit":"title","box":"AYq1conxxKoiJmmFP+Vq0pjc4sGiJqusZQ2nEzS4pbY="}', type=Sealed)
    assert lock().read(sealed, "title") == "Tea"


def test_a_lock_is_of_no_use_after_its_time_and_after_a_drop() -> None:
    time = 0.0
    timed = Lock("space:s", Tree.grown(ROOT), until=10.0, now=lambda: time)
    sealed = timed.seal("title", "Tea")
    timed.renew(Tree.grown(ROOT), 20.0)
    time = 19.9
    assert timed.read(sealed, "title") == "Tea"
    time = 20.0
    with pytest.raises(Expired):
        timed.read(sealed, "title")
    dropped = lock()
    sealed = dropped.seal("title", "Tea")
    dropped.drop()
    with pytest.raises(Expired):
        dropped.read(sealed, "title")


def test_a_renewed_lock_has_lost_what_was_destroyed() -> None:
    renewed = Lock("space:s", Tree.grown(ROOT), until=10.0)
    sealed = renewed.seal("title", "Tea")
    renewed.renew(Tree.grown(ROOT).without(["title"]), 20.0)
    with pytest.raises(Destroyed):
        renewed.read(sealed, "title")


def test_a_lock_of_a_destroyed_subject_says_so() -> None:
    gone = Lock("space:s", None)
    assert gone.destroyed
    with pytest.raises(Destroyed):
        gone.seal("title", "Tea")


# ---- objects ----------------------------------------------------------------------------------------

SIZES = st.one_of(
    st.integers(0, 100),
    st.integers(1, 4).flatmap(lambda chunks: st.integers(chunks * CHUNK - 2, chunks * CHUNK + 2)),
)


@settings(max_examples=50, deadline=None)
@given(SIZES, st.data())
def test_ranges_read_only_their_chunks(size: int, data: st.DataObject) -> None:
    plain = os.urandom(size)
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=4)))
    writer = ObjectWriter(KEY, b"x")
    sealed = b"".join(writer.write(plain[a:b]) for a, b in pairwise([0, *cuts, size])) + writer.finish()
    assert open_object(KEY, b"x", sealed) == plain
    begin, end = ends_of(len(sealed))
    reader = ObjectReader(KEY, b"x", len(sealed), sealed[:HEADER], sealed[begin:end])
    assert reader.length == size
    if size:
        start = data.draw(st.integers(0, size - 1))
        stop = data.draw(st.integers(start + 1, size))
        first, last = reader.span(start, stop)
        chunks = (stop - 1) // CHUNK - start // CHUNK + 1
        assert (chunks - 1) * SEALED_CHUNK < last - first <= chunks * SEALED_CHUNK
        assert reader.open(start, stop, sealed[first:last]) == plain[start:stop]


def chunks_of(sealed: bytes) -> list[bytes]:
    return [sealed[at : at + SEALED_CHUNK] for at in range(HEADER, len(sealed), SEALED_CHUNK)]


PLAIN = os.urandom(3 * CHUNK + 100)
WHOLE = seal_object(KEY, b"x", PLAIN)
HEAD, (ONE, TWO, THREE, FOUR) = WHOLE[:HEADER], chunks_of(WHOLE)
OTHER = seal_object(KEY, b"x", PLAIN)
DAMAGED = {
    "cut within a chunk": WHOLE[:-1],
    "cut between chunks": HEAD + ONE + TWO + THREE,
    "cut to its header": HEAD,
    "cut within its header": HEAD[:5],
    "reordered": HEAD + TWO + ONE + THREE + FOUR,
    "a chunk twice": HEAD + ONE + ONE + TWO + THREE + FOUR,
    "a chunk left out": HEAD + ONE + THREE + FOUR,
    "a chunk of another object": HEAD + ONE + chunks_of(OTHER)[1] + THREE + FOUR,
    "the header of another object": OTHER[:HEADER] + ONE + TWO + THREE + FOUR,
    "the last chunk alone": HEAD + FOUR,
    "something behind it": WHOLE + b"x",
    "a bit changed": WHOLE[:70_000] + bytes([WHOLE[70_000] ^ 1]) + WHOLE[70_001:],
    "another version": b"rostrum\x02" + WHOLE[8:],
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_object_is_refused(how: str) -> None:
    with pytest.raises(Tampered):
        open_object(KEY, b"x", DAMAGED[how])


def test_an_object_is_of_its_key_and_name() -> None:
    for key, name in ((bytes(31) + b"\1", b"x"), (KEY, b"y")):
        with pytest.raises(Tampered):
            open_object(key, name, WHOLE)


def test_a_cut_object_is_refused_even_for_a_range_that_is_there() -> None:
    cut = HEAD + ONE + TWO
    begin, end = ends_of(len(cut))
    with pytest.raises(Tampered):
        ObjectReader(KEY, b"x", len(cut), cut[:HEADER], cut[begin:end])


def test_a_lock_writes_and_reads_objects() -> None:
    writer = lock().writer("replay/track/1")
    sealed = writer.write(PLAIN) + writer.finish()
    begin, end = ends_of(len(sealed))
    reader = lock().reader("replay/track/1", len(sealed), sealed[:HEADER], sealed[begin:end])
    first, last = reader.span(10, 20)
    assert reader.open(10, 20, sealed[first:last]) == PLAIN[10:20]


def test_a_reader_is_dropped_with_its_lock() -> None:
    held, data = lock(), os.urandom(3 * CHUNK)
    writer = held.writer("replay/track")
    sealed = writer.write(data) + writer.finish()
    start, end = ends_of(len(sealed))

    def read() -> ObjectReader:
        return held.reader("replay/track", len(sealed), sealed[:HEADER], sealed[start:end])

    readers = [read(), read()]
    held.renew(Tree.grown(ROOT), 1.0)  # as it was
    assert all(reader.holds for reader in readers)
    held.renew(Tree.grown(ROOT).without(["pin/1"]), 1.0)
    assert not any(reader.holds for reader in readers)
    again = read()
    assert again.open(0, again.length, sealed[HEADER:]) == data
    held.drop()
    for reader in (*readers, again):
        with pytest.raises(Expired):
            reader.open(0, 1, sealed[HEADER : HEADER + SEALED_CHUNK])


def test_the_key_of_one_unit_opens_what_the_lock_sealed_for_it_and_nothing_else() -> None:
    key = lock().key_of("replay/spool")
    assert key.open_bytes(lock().seal_bytes("replay/spool", b"Tea")) == b"Tea"
    writer = key.writer()
    sealed = writer.write(b"Tea") + writer.finish()
    assert lock().reader("replay/spool", len(sealed), sealed[:HEADER], sealed[HEADER:]).length == len(b"Tea")
    with pytest.raises(Tampered):
        lock().reader("replay/track", len(sealed), sealed[:HEADER], sealed[HEADER:])
    for other in (lock().seal_bytes("replay/track", b"Tea"), lock("space:s").seal_bytes("replay/spool", b"Tea")):
        with pytest.raises(Tampered):
            key.open_bytes(other)
