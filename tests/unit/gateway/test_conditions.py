"""Conditional requests for files are judged as RFC 9110, section 13, says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from services.gateway.http.conditions import range_holds, unmet
from services.gateway.http.entity_tags import strong_tags

TAG = '"a,b"'
CHANGED = datetime(1994, 11, 6, 8, 49, 37, 900_000, tzinfo=UTC)
THEN = "Sun, 06 Nov 1994 08:49:37 GMT"
BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
LATER = "Tue, 08 Nov 1994 08:49:37 GMT"
OTHER = '"other"'


def _headers(*pairs: tuple[str, str]) -> Headers:
    return Headers(raw=[(name.encode(), value.encode("latin-1")) for name, value in pairs])


@pytest.mark.parametrize(
    ("name", "value", "answer"),
    [
        ("if-match", TAG, None),
        ("if-match", f'"x", {TAG}', None),
        ("if-match", "*", None),
        ("if-match", OTHER, 412),
        ("if-match", f"W/{TAG}", 412),
        ("if-match", "a,b", 412),
        ("if-match", "", 412),
        ("if-unmodified-since", THEN, None),
        ("if-unmodified-since", LATER, None),
        ("if-unmodified-since", BEFORE, 412),
        ("if-unmodified-since", "yesterday", None),
        ("if-none-match", TAG, 304),
        ("if-none-match", f"W/{TAG}", 304),
        ("if-none-match", f"{OTHER},W/{TAG}", 304),
        ("if-none-match", "*", 304),
        ("if-none-match", f"{OTHER} , {OTHER}", None),
        ("if-none-match", '"a", "b"', None),
        ("if-none-match", f", ,\t{TAG},,", 304),
        ("if-none-match", f"{OTHER} {TAG}", None),
        ("if-match", f"{TAG}, nonsense", 412),
        ("if-modified-since", THEN, 304),
        ("if-modified-since", LATER, 304),
        ("if-modified-since", "Sunday, 06-Nov-94 08:49:37 GMT", 304),
        ("if-modified-since", "Sun Nov  6 08:49:37 1994", 304),
        ("if-modified-since", BEFORE, None),
        ("if-modified-since", "Sunday, 06-Nov-94 08:49:36 GMT", None),
        ("if-modified-since", f"{THEN}, {THEN}", None),
        ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 +0000", None),
        ("if-modified-since", "1994-11-06T08:49:37Z", None),
        ("if-modified-since", "Sun, 31 Feb 1994 08:49:37 GMT", None),
    ],
)
def test_one_condition(name: str, value: str, answer: int | None) -> None:
    assert unmet(_headers((name, value)), TAG, CHANGED) == answer


def test_a_list_of_blanks_is_read_in_a_moment() -> None:
    assert unmet(_headers(("if-match", ", " * 5000 + "x")), TAG, CHANGED) == 412
    assert unmet(_headers(("if-match", " \t" * 5000 + TAG)), TAG, CHANGED) is None
    assert strong_tags([", " * 5000 + TAG, "", ' ,W/"x"']) == [TAG.strip('"')]


@pytest.mark.parametrize(
    ("conditions", "answer"),
    [
        ([("if-match", TAG), ("if-unmodified-since", BEFORE)], None),
        ([("if-match", OTHER), ("if-unmodified-since", LATER)], 412),
        ([("if-match", TAG), ("if-none-match", TAG)], 304),
        ([("if-match", OTHER), ("if-none-match", TAG)], 412),
        ([("if-unmodified-since", BEFORE), ("if-modified-since", THEN)], 412),
        ([("if-unmodified-since", THEN), ("if-modified-since", THEN)], 304),
        ([("if-none-match", OTHER), ("if-modified-since", THEN)], None),
        ([("if-none-match", TAG), ("if-modified-since", BEFORE)], 304),
        ([("if-none-match", OTHER), ("if-none-match", TAG)], 304),
        ([("if-match", OTHER), ("if-match", TAG)], None),
        ([("if-modified-since", THEN), ("if-modified-since", THEN)], None),
    ],
)
def test_several_conditions_in_their_order(conditions: list[tuple[str, str]], answer: int | None) -> None:
    assert unmet(_headers(*conditions), TAG, CHANGED) == answer


@pytest.mark.parametrize(
    ("value", "holds"),
    [(TAG, True), (OTHER, False), (f"W/{TAG}", False), (THEN, True), (LATER, False), (BEFORE, False), ("*", False)],
)
def test_a_range_of_the_file_as_it_was(value: str, holds: bool) -> None:
    assert range_holds(_headers(("if-range", value)), TAG, CHANGED) is holds


def test_a_time_is_no_proof_within_the_second_of_the_change() -> None:
    now = datetime.now(UTC) + timedelta(hours=1)
    told = now.strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert not range_holds(_headers(("if-range", told)), TAG, now)
    assert range_holds(_headers(), TAG, now)


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_whatever_is_sent_is_judged(text: str) -> None:
    for name in ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"):
        headers = _headers((name, text))
        assert unmet(headers, TAG, CHANGED) in (None, 304, 412)
        assert range_holds(headers, TAG, CHANGED) in (True, False)
