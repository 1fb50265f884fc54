"""A unit that is taken out of a tree has no key any more, and every other one keeps its own."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.keyring import Destroyed, Tree

ROOT = bytes(range(32))
SEGMENT = st.text("abcdefgh0123456789_.:-", min_size=1, max_size=12)
UNIT = st.lists(SEGMENT, min_size=1, max_size=3).map("/".join)
UNITS = st.lists(UNIT, min_size=1, max_size=25, unique=True)


def below(unit: str, others: list[str]) -> bool:
    """Whether a unit is one of these, or lies below one of them."""
    return any(unit == other or unit.startswith(f"{other}/") for other in others)


def reachable(tree: Tree, bits: int, value: int) -> bool:
    """Whether anything that is left stands above a place, read from the bytes alone."""
    data, at = tree.encode()[1:], 0
    while at < len(data):
        length = data[at]
        size = (length + 7) // 8
        prefix = int.from_bytes(data[at + 1 : at + 1 + size])
        if length <= bits and value >> (bits - length) == prefix:
            return True
        at += 1 + size + 32
    return False


def place(unit: str) -> tuple[int, int]:
    """Where the key of a unit is, computed as the module's description says."""
    text = "".join(
        f"{int.from_bytes(hashlib.sha256(segment.encode()).digest()[:8]):064b}1" for segment in unit.split("/")
    )
    return len(text), int(text[:-1] + "0", 2)


@given(UNITS, st.data())
def test_what_is_destroyed_has_no_key_and_everything_else_keeps_its(units: list[str], data: st.DataObject) -> None:
    whole = Tree.grown(ROOT)
    keys = {unit: whole.key(unit) for unit in units}
    assert len(set(keys.values())) == len(units)
    gone = data.draw(st.lists(st.sampled_from(units), unique=True, max_size=10))
    left = whole
    for unit in gone:  # one after another, as it happens
        left = left.without([unit])
    assert left == whole.without(gone)
    for unit in units:
        if below(unit, gone):
            assert not left.has(unit)
            assert not reachable(left, *place(unit))
            with pytest.raises(Destroyed):
                left.key(unit)
        else:
            assert left.key(unit) == keys[unit]
    assert Tree.decode(left.encode()) == left


@given(UNITS)
def test_no_key_and_no_node_above_one_is_in_what_remains(units: list[str]) -> None:
    whole = Tree.grown(ROOT)
    left = whole.without(units).encode()
    assert ROOT not in left
    assert all(whole.key(unit) not in left for unit in units)


def test_a_group_goes_with_everything_below_it_and_its_own_key_does_not_go_with_those() -> None:
    whole = Tree.grown(ROOT)
    without_one = whole.without(["transcript/1"])
    assert without_one.key("transcript") == whole.key("transcript")
    assert without_one.key("transcript/2") == whole.key("transcript/2")
    assert not without_one.has("transcript/1")
    without_all = without_one.without(["transcript"])
    assert not any(without_all.has(unit) for unit in ("transcript", "transcript/1", "transcript/2", "transcript/3/x"))
    assert without_all.has("title")
    assert len(without_all) == 64  # what the single one took is free again


def test_the_empty_name_takes_everything_and_stays_taken() -> None:
    left = Tree.grown(ROOT).without([""])
    assert len(left) == 0
    assert not Tree.decode(left.encode()).without(["x"]).has("y")


def test_keys_are_for_ever() -> None:
    # Anything sealed needs these: they may never change.
    whole = Tree.grown(ROOT)
    assert whole.key("title").hex() == "c00b6403a6dcaf546b34ca79f8357f04ea39ed89c82fbefa676ce6bcc0d4c7d6"
    assert (
        whole.without(["pin/1"]).key("pin/2").hex()
        == "a9dda80e2af90a75ecdd975ed089bde9d9b6db9dcddf29dc387d782ccb75e851"
    )


@pytest.mark.parametrize("cut", [0, 5, 20, 33, -1])
def test_damaged_nodes_are_refused(cut: int) -> None:
    data = Tree.grown(ROOT).without(["a"]).encode()
    with pytest.raises(ValueError, match="nodes"):
        Tree.decode(data[:cut])
    with pytest.raises(ValueError, match="damaged"):
        Tree.decode(data + data[1:])


@pytest.mark.parametrize("name", ["", "a//b", "/a", "a/b/c/d", "a b", "x" * 81, "ä"])
def test_what_is_no_name_of_a_unit_has_no_key(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        Tree.grown(ROOT).key(name)
