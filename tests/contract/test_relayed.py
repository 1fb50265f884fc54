"""Messages between media nodes survive the wire, and hostile ones are refused."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import relayed
from contracts.relayed import Message, RelayedKind

packets = st.builds(
    relayed.RelayedPacket,
    ssrc=st.integers(0, 2**32 - 1),
    timestamp=st.integers(0, 2**32 - 1),
    sequence=st.integers(0, 2**16 - 1),
    level=st.none() | st.integers(0, 255),
    loudness=st.integers(0, 255),
    payload=st.binary(min_size=1, max_size=1275),
    missing=st.integers(0, relayed.MOST_MISSING),
)
messages = st.lists(packets, max_size=8).map(
    lambda packets: Message(RelayedKind.AUDIO, tuple(packets)) if packets else Message(RelayedKind.HERE)
)
EXAMPLE = Message(RelayedKind.AUDIO, (relayed.RelayedPacket(7, 960, 65_535, 0x9E, 194, b"\x78\x01"),))
EXAMPLE_BYTES = bytes.fromhex("01020100" "07000000" "c0030000" "ffff" "9e" "01" "c2" "0200" "7801")  # fmt: skip


def test_the_format_is_what_it_was() -> None:
    assert relayed.encode(EXAMPLE) == EXAMPLE_BYTES
    assert relayed.decode(EXAMPLE_BYTES) == EXAMPLE
    overtaking = Message(RelayedKind.AUDIO, (replace(EXAMPLE.packets[0], missing=4),))
    assert relayed.encode(overtaking) == EXAMPLE_BYTES[:15] + b"\x09" + EXAMPLE_BYTES[16:]
    assert [relayed.encode(Message(kind)) for kind in (RelayedKind.HERE, RelayedKind.GONE)] == [
        b"\1\0\0\0",
        b"\1\1\0\0",
    ]


@given(messages)
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    assert relayed.decode(relayed.encode(message)) == message


@given(messages, st.integers(0, 200))
def test_a_torn_message_is_refused(message: Message, cut: int) -> None:
    body = relayed.encode(message)
    if cut < len(body):
        with pytest.raises(ValueError, match=r"message|packets"):
            relayed.decode(body[:cut])
    with pytest.raises(ValueError, match="after the last packet"):
        relayed.decode(body + b"\0")


@given(st.binary(max_size=400))
def test_junk_is_a_message_or_refused(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert relayed.decode(body).kind in RelayedKind


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\2\0\0\0",
        b"\1\4\0\0",
        b"\1\3\1\0",
        b"\1\2\0\0",
        b"\1\0\1\0",
        b"\1\2\xff\xff",
        b"\1" * (relayed.MAX_BYTES + 1),
    ],
)
def test_what_is_out_of_bounds_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        relayed.decode(body)


def test_what_could_not_be_read_is_not_written() -> None:
    packet = EXAMPLE.packets[0]
    for message in (
        Message(RelayedKind.AUDIO),
        Message(RelayedKind.HERE, (packet,)),
        Message(RelayedKind.AUDIO, (packet,) * (relayed.MAX_PACKETS + 1)),
        Message(RelayedKind.AUDIO, (relayed.RelayedPacket(1, 1, 1, None, 0, b""),)),
        Message(RelayedKind.AUDIO, (replace(packet, missing=8),)),
        Message(RelayedKind.AUDIO, (relayed.RelayedPacket(2**32, 1, 1, None, 0, b"a"),)),
    ):
        with pytest.raises(ValueError):
            relayed.encode(message)
