"""Bundles of captured packets survive the wire, and hostile ones are refused."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import capture

packets = st.builds(
    capture.CapturedPacket,
    arrival_us=st.integers(0, 2**32 - 1),
    timestamp=st.integers(0, 2**32 - 1),
    sequence=st.integers(0, 2**16 - 1),
    payload=st.binary(max_size=1275),
)
bundles = st.builds(
    capture.Bundle,
    base_ns=st.integers(0, 2**64 - 1),
    ssrc=st.integers(0, 2**32 - 1),
    packets=st.lists(packets, max_size=8).map(tuple),
    last=st.booleans(),
    continuous=st.booleans(),
)


@given(bundles)
def test_a_bundle_comes_back_as_it_was(bundle: capture.Bundle) -> None:
    assert capture.decode(capture.encode(bundle)) == bundle


def test_a_bundle_is_written_as_it_always_was() -> None:
    """Never edited: bundles of this form lie in streams and spools."""
    body = bytes.fromhex(
        "010002000000f323845bd718cdab0000"  # version, flags, count, base, ssrc
        "00000000581b0000ffff0300f8fffe"  # arrival, timestamp, sequence, length, payload
        "2d4e0000181f0000000002000801"
    )
    packets = (
        capture.CapturedPacket(0, 7000, 65535, b"\xf8\xff\xfe"),
        capture.CapturedPacket(20_013, 7960, 0, b"\x08\x01"),
    )
    bundle = capture.Bundle(1_790_000_000_000_000_000, 0xABCD, packets)
    assert capture.encode(bundle) == body
    assert capture.decode(body) == bundle
    continuous = replace(bundle, continuous=True)
    assert capture.encode(continuous) == body[:1] + b"\2" + body[2:]


@given(bundles)
def test_payloads_lie_in_the_body_where_their_offsets_say(bundle: capture.Bundle) -> None:
    body = capture.encode(bundle)
    assert [packet for _, packet in bundle.payloads()] == list(bundle.packets)
    assert [body[at : at + len(packet.payload)] for at, packet in bundle.payloads()] == [
        packet.payload for packet in bundle.packets
    ]


@given(bundles, st.integers(0, 200))
def test_a_torn_bundle_is_refused(bundle: capture.Bundle, cut: int) -> None:
    body = capture.encode(bundle)
    if cut < len(body):
        with pytest.raises(ValueError, match="bundle"):
            capture.decode(body[:cut])
    with pytest.raises(ValueError, match="after the last packet"):
        capture.decode(body + b"x")


@given(st.binary(max_size=300))
def test_junk_never_does_worse_than_a_refusal(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        capture.decode(body)


def test_a_bundle_past_its_bounds_is_not_sent() -> None:
    packet = capture.CapturedPacket(0, 0, 0, b"")
    with pytest.raises(ValueError, match="513 packets"):
        capture.encode(capture.Bundle(0, 0, (packet,) * 513))
    with pytest.raises(ValueError, match="range"):
        capture.encode(capture.Bundle(0, 0, (capture.CapturedPacket(-1, 0, 0, b""),)))
