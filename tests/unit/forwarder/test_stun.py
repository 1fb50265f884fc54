"""Checks as a STUN library that is not ours writes and reads them (RFC 8489, 8445)."""

from __future__ import annotations

import binascii
import select
import socket
import struct
import time
from typing import Any

import pytest
from aioice import stun
from rostrum_forwarder import Forwarder

from tests.support.waiting import LIMIT
from tests.unit.forwarder.test_forwarder import ICE, add_speaker, checked, client, forwarder

__all__ = ["client", "forwarder"]

HIGH = (110 << 24) | (60_000 << 8) | 255
Raw = tuple[int, bytes]


def check(*raw: Raw, after: Raw | None = None, **attributes: Any) -> bytes:
    """A client's Binding request with further attributes, and one behind MESSAGE-INTEGRITY."""
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes = {"USERNAME": "ours:theirs", "PRIORITY": 1, "ICE-CONTROLLING": 1}
    request.attributes |= {name.replace("_", "-"): value for name, value in attributes.items()}
    data = bytes(request) + b"".join(map(attribute, raw))
    data += attribute((0x0008, stun.message_integrity(data, ICE.local_pwd.encode())))
    data += b"" if after is None else attribute(after)
    data = stun.set_body_length(data, len(data) - 20 + 8)
    return data + attribute((0x8028, struct.pack("!I", binascii.crc32(data) ^ stun.FINGERPRINT_XOR)))


def attribute(raw: Raw) -> bytes:
    """One attribute, padded."""
    return struct.pack("!HH", raw[0], len(raw[1])) + raw[1] + bytes(-len(raw[1]) % 4)


def unknown(answer: bytes) -> list[int]:
    """The types in UNKNOWN-ATTRIBUTES, which aioice does not read."""
    at = 20
    while at < len(answer):
        kind, length = struct.unpack_from("!HH", answer, at)
        if kind == 0x000A:
            return list(struct.unpack_from(f"!{length // 2}H", answer, at + 4))
        at += 4 + length + -length % 4
    return []


def asked(client: socket.socket, request: bytes, forwarder: Forwarder) -> tuple[stun.Message, bytes]:
    """The answer to a request, authentic."""
    client.sendto(request, ("127.0.0.1", forwarder.port))
    data = client.recv(1500)
    answer = stun.parse_message(data)
    assert answer.transaction_id == request[8:20]
    assert answer.check_message_integrity(ICE.local_pwd.encode())
    return answer, data


@pytest.mark.parametrize(
    "raw",
    [
        [(0x0003, b"\0\0\0\6")],  # CHANGE-REQUEST (RFC 5780)
        [(0x0019, b"\x11\0\0\0"), (0x000D, b"\0\0\2X")],  # of TURN (RFC 8656)
        [(0x7FFF, b"")],
        [(0x7FFF, b"12345"), (0x7FFF, b"67"), (0x0026, b"x")],
        [(0x001E, bytes(32))],  # USERHASH (RFC 8489, section 14.4)
        [(0x4000 + number, b"") for number in range(8)],
    ],
)
def test_what_had_to_be_understood_is_refused_and_named(
    forwarder: Forwarder, client: socket.socket, raw: list[Raw]
) -> None:
    add_speaker(forwarder)
    answer, data = asked(client, check(*raw), forwarder)
    assert (answer.message_class, answer.error_code) == (stun.Class.ERROR, 420)
    assert unknown(data) == list(dict.fromkeys(kind for kind, _ in raw))
    assert "FINGERPRINT" in answer.attributes


def test_of_many_unknown_attributes_some_are_named(forwarder: Forwarder, client: socket.socket) -> None:
    add_speaker(forwarder)
    _, data = asked(client, check(*[(0x4000 + number, b"") for number in range(100)]), forwarder)
    assert unknown(data) == [0x4000 + number for number in range(8)]


@pytest.mark.parametrize(
    "request_",
    [
        check((0x8000, b"x"), (0xC057, b"\0\0\0\1"), (0xFFFF, b"")),  # must be passed over
        check(SOFTWARE="aioice"),
        check(after=(0x7FFF, b"x")),  # behind MESSAGE-INTEGRITY nothing counts (RFC 8489, section 14.5)
        check((0x0014, b"example.org"), (0x0015, b"nonce")),  # of STUN itself
        check((0x0006, b"others:theirs"), (0x0024, bytes(4))),  # the first of each counts (section 14)
        check(),
    ],
    # The bytes differ in every process.
    ids=["passed over", "software", "behind integrity", "of STUN itself", "again", "plain"],
)
def test_everything_else_is_answered_as_ever(forwarder: Forwarder, client: socket.socket, request_: bytes) -> None:
    add_speaker(forwarder)
    answer, _ = asked(client, request_, forwarder)
    assert answer.message_class is stun.Class.RESPONSE
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == client.getsockname()


def test_what_is_not_understood_makes_no_address_known(forwarder: Forwarder, client: socket.socket) -> None:
    add_speaker(forwarder)
    asked(client, check((0x7FFF, b"")), forwarder)
    before = forwarder.stats()["unvalidated"]
    client.sendto(b"\x16\xfe\xfd" + bytes(10), ("127.0.0.1", forwarder.port))
    until_counted(forwarder, "unvalidated", before + 1)


def until_counted(forwarder: Forwarder, name: str, count: int) -> None:
    """Waits until a counter has a value."""
    end = time.monotonic() + LIMIT
    while forwarder.stats()[name] != count:
        assert time.monotonic() < end, forwarder.stats()
        select.select([], [], [], 0.01)


def test_a_refused_check_of_an_attacker_gets_nothing(forwarder: Forwarder, client: socket.socket) -> None:
    add_speaker(forwarder)
    broken = bytearray(check((0x7FFF, b"")))
    broken[-20] ^= 1
    data = bytes(broken[:-8])
    data += attribute((0x8028, struct.pack("!I", binascii.crc32(data) ^ stun.FINGERPRINT_XOR)))
    client.sendto(data, ("127.0.0.1", forwarder.port))
    until_counted(forwarder, "stun_refused", 1)
    client.setblocking(False)
    with pytest.raises(BlockingIOError):
        client.recv(1500)


def test_a_nomination_whose_check_back_was_lost_takes_effect_without_another(
    forwarder: Forwarder, client: socket.socket
) -> None:
    add_speaker(forwarder)
    checked(forwarder, client)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(LIMIT)
        requests: list[stun.Message] = []
        began = time.monotonic()
        other.sendto(check(PRIORITY=HIGH, USE_CANDIDATE=None), ("127.0.0.1", forwarder.port))
        while len(requests) < 2:
            message = stun.parse_message(other.recv(1500))
            if message.message_class is stun.Class.REQUEST:
                requests.append(message)
        took = time.monotonic() - began
        assert took >= 0.45, "RTO is 500 ms"
        assert requests[0].transaction_id == requests[1].transaction_id
        assert requests[0].attributes["USERNAME"] == "theirs:ours"
        answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, requests[1].transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = ("127.0.0.1", forwarder.port)
        answer.add_message_integrity(ICE.remote_pwd.encode())
        assert forwarder.stats()["moved"] == 0
        other.sendto(bytes(answer), ("127.0.0.1", forwarder.port))
        until_counted(forwarder, "moved", 1)
        forwarder.send_dtls(1, b"\x16 to the new address")
        while (heard := other.recv(1500))[0] < 4:  # a check back that was sent again meanwhile
            pass
        assert heard == b"\x16 to the new address"
