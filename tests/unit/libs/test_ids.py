"""Ids sort by time, never repeat, and say what is wrong with one that is not one."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.ids import from_uuid, is_id, made_at, new_id, new_uuid, to_number, to_uuid
from tests.support.waiting import LIMIT

FORKED = """
import os
from libs.ids import new_id
new_id()
child = os.fork()
os.write(1, (" ".join(new_id() for _ in range(20)) + "\\n").encode())
if child:
    os.waitpid(child, 0)
"""


def test_ids_of_one_process_rise_strictly() -> None:
    ids = [new_id() for _ in range(5_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_an_id_is_the_text_of_a_uuid_of_version_7() -> None:
    uuid = new_uuid()
    assert uuid.version == 7
    assert uuid.variant == "specified in RFC 4122"
    assert to_uuid(from_uuid(uuid)) == uuid
    assert len(from_uuid(uuid)) == 26


def test_an_id_tells_when_it_was_made() -> None:
    assert abs(made_at(new_id()) - datetime.now(UTC)) < timedelta(seconds=5)


def test_known_text_of_a_known_uuid() -> None:
    assert from_uuid(UUID(int=0)) == "0" * 26
    assert from_uuid(UUID(int=2**128 - 1)) == "7" + "z" * 25


@pytest.mark.parametrize("text", ["", "0" * 25, "0" * 27, "u" * 26, "8" + "0" * 25, "A" * 26])
def test_what_is_no_id_is_refused(text: str) -> None:
    assert not is_id(text)
    with pytest.raises(ValueError, match=r"an id|of an id"):
        to_uuid(text)


def test_a_forked_child_makes_other_ids_than_its_parent() -> None:
    # In an interpreter of its own: a fork of this one, with its threads and what they hold, might never come back.
    told = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=True, timeout=LIMIT)
    ours, theirs = (set(line.split()) for line in sorted(told.stdout.splitlines()))
    assert len(ours) == len(theirs) == 20
    assert ours.isdisjoint(theirs)


def test_a_number_for_an_id_sorts_like_it_and_is_below_2_to_63() -> None:
    made = [new_id() for _ in range(128)]  # so many of one millisecond cannot meet
    numbers = [to_number(one) for one in made]
    assert len(set(numbers)) == len(made)
    assert sorted(numbers, key=lambda number: number >> 23) == numbers
    assert 0 < min(numbers) < max(numbers) < 2**63
    assert to_number("01jd3v8q2m7x4k9t6r5w0yabcd") == 5306324677787200909
    with pytest.raises(ValueError, match="26"):
        to_number("x")
