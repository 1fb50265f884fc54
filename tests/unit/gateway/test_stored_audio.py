"""Which part of a recording a `Range` header asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.http.stored_audio import parse_range


@given(st.text(max_size=40), st.integers(0, 10**9))
def test_any_range_lies_inside(header: str, size: int) -> None:
    part = parse_range(f"bytes={header}", size)
    if part is not None and part != "none":
        assert 0 <= part[0] < part[1] <= size


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=90-", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes=50-1000", (50, 100)),
        ("bytes=100-", "none"),
        ("bytes=-0", "none"),
        ("bytes=9-5", None),
        ("bytes=0-1,3-4", None),
        ("items=0-1", None),
    ],
)
def test_ranges(header: str, part: object) -> None:
    assert parse_range(header, 100) == part
