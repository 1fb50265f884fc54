"""A tree of keys from which single ones can be taken out for ever.

Every unit has a key without anything being stored for it: from a random root, each bit of the unit's place chooses one
of two children (Goldreich, Goldwasser, Micali, "How to Construct Random Functions", 1986). To destroy a unit is to
replace the stored node above it by the siblings along its path: nobody can walk down to it again, and every other key
stays as it was ("puncturing": Boneh and Waters, "Constrained Pseudorandom Functions", 2013).

The place of a unit is made of its segments: 64 bits of the segment's SHA-256, then one bit that says whether the key is
meant (0) or what lies below (1). So a whole group is destroyed by one path too, and destroying what lies below a
segment leaves the segment's own key. Two units share a place with probability 2^-64; their keys differ all the same,
since the name goes into the key, but they are destroyed together.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, Self

from libs.keyring.errors import Destroyed
from libs.keyring.names import segments_of

NODE: Final = 32
"""Bytes of a node, and of a key."""
_SEGMENT: Final = 64
_DEEPEST: Final = 3 * (_SEGMENT + 1)
_GROUPS: Final = 16
_VERSION: Final = b"\x01"
_LEFT: Final = b"rostrum tree\x00"
_RIGHT: Final = b"rostrum tree\x01"

_Place = tuple[int, int]
"""A number of bits, and their value."""


@lru_cache(maxsize=4096)
def _group(unit: str) -> _Place:
    """Where the unit and everything below it is; the empty name is the whole tree."""
    length = value = 0
    for segment in segments_of(unit) if unit else ():
        if length:
            length, value = length + 1, value << 1 | 1
        digest = hashlib.sha256(segment.encode()).digest()
        length, value = length + _SEGMENT, value << _SEGMENT | int.from_bytes(digest[:8])
    return length, value


def _child(node: bytes, right: int) -> bytes:
    # One block of SHA-256 over an input of one length: a pseudorandom generator, and a quarter of the time of an HMAC.
    return hashlib.sha256((_RIGHT if right else _LEFT) + node).digest()


class Tree:
    """The nodes that are left of a lock's tree. Unchangeable: `without` makes another one."""

    __slots__ = ("_groups", "_lengths", "_nodes")

    def __init__(self, nodes: Mapping[_Place, bytes]) -> None:
        self._nodes = dict(nodes)
        self._lengths = sorted({length for length, _ in self._nodes})
        self._groups: dict[str, bytes] = {}
        """Nodes of whole groups that were walked to: where a transcript is sealed, each caption has half the way."""

    @classmethod
    def grown(cls, root: bytes | None = None) -> Self:
        """A whole tree from a random root."""
        return cls({(0, 0): os.urandom(NODE) if root is None else root})

    def key(self, unit: str) -> bytes:
        """The key of a unit, 32 bytes. Raises Destroyed, and ValueError where it is no name of a unit."""
        segments_of(unit)
        length, value = _group(unit)
        length, value = length + 1, value << 1
        depth, node = self._above(length, value)
        if node is None:
            raise Destroyed(f"the key of {unit} is destroyed")
        group = unit.rpartition("/")[0]
        if group and depth < (begins := _group(group)[0] + 1):
            depth, node = begins, self._walked(group, node, depth, begins, value >> (length - begins))
        node = _down(node, depth, length, value)
        # HKDF-Expand (RFC 5869) to one block.
        return hmac.digest(node, b"rostrum unit " + unit.encode() + b"\x01", "sha256")

    def _walked(self, group: str, node: bytes, depth: int, length: int, value: int) -> bytes:
        found = self._groups.get(group)
        if found is None:
            if len(self._groups) >= _GROUPS:
                self._groups.clear()
            found = self._groups[group] = _down(node, depth, length, value)
        return found

    def has(self, unit: str) -> bool:
        """Whether a unit's key can be derived."""
        length, value = _group(unit)
        return self._above(length + 1, value << 1)[1] is not None

    def without(self, units: Iterable[str]) -> Self:
        """The tree without these units and all that lies below them; the empty name takes everything."""
        nodes = dict(self._nodes)
        for unit in units:
            length, value = _group(unit)
            for place in [(n, v) for n, v in nodes if n >= length and v >> (n - length) == value]:
                del nodes[place]
            for depth in range(length):
                node = nodes.pop((depth, value >> (length - depth)), None)
                if node is not None:
                    _puncture(nodes, node, depth, length, value)
                    break
        return type(self)(nodes)

    def _above(self, length: int, value: int) -> tuple[int, bytes | None]:
        for depth in self._lengths:
            if depth > length:
                break
            if (node := self._nodes.get((depth, value >> (length - depth)))) is not None:
                return depth, node
        return 0, None

    def __len__(self) -> int:
        return len(self._nodes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and self._nodes == other._nodes

    __hash__ = None  # type: ignore[assignment]  # secrets are kept in no set

    def encode(self) -> bytes:
        """The nodes as bytes: a version, then for each one the number of its bits, the bits, and 32 bytes."""
        parts = [_VERSION]
        for (length, value), node in sorted(self._nodes.items()):
            parts += [bytes((length,)), value.to_bytes((length + 7) // 8), node]
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The tree that `encode` wrote. Raises ValueError."""
        if data[:1] != _VERSION:
            raise ValueError("these are no nodes of this version")
        nodes: dict[_Place, bytes] = {}
        at = 1
        while at < len(data):
            length = data[at]
            size = (length + 7) // 8
            end = at + 1 + size + NODE
            value = int.from_bytes(data[at + 1 : at + 1 + size])
            if end > len(data) or length > _DEEPEST or value >> length or (length, value) in nodes:
                raise ValueError("these nodes are damaged")
            nodes[length, value] = data[at + 1 + size : end]
            at = end
        return cls(nodes)


def _down(node: bytes, depth: int, length: int, value: int) -> bytes:
    """The node at (length, value) from the one above it at `depth`."""
    for left in range(length - depth - 1, -1, -1):
        node = _child(node, value >> left & 1)
    return node


def _puncture(nodes: dict[_Place, bytes], node: bytes, depth: int, length: int, value: int) -> None:
    """Put in the place of a node what it covers, without what lies at (length, value)."""
    for at in range(depth + 1, length + 1):
        path = value >> (length - at)
        nodes[at, path ^ 1] = _child(node, path & 1 ^ 1)
        node = _child(node, path & 1)
