"""Bundles of captured packets survive the wire, and hostile ones are refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import capture

packets = st.builds(
    capture.Packet,
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
)


@given(bundles)
def test_a_bundle_comes_back_as_it_was(bundle: capture.Bundle) -> None:
    assert capture.decode(capture.encode(bundle)) == bundle


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
    packet = capture.Packet(0, 0, 0, b"")
    with pytest.raises(ValueError, match="513 packets"):
        capture.encode(capture.Bundle(0, 0, (packet,) * 513))
    with pytest.raises(ValueError, match="range"):
        capture.encode(capture.Bundle(0, 0, (capture.Packet(-1, 0, 0, b""),)))
