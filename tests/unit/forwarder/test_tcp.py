"""The forwarder's TCP port as strangers and odd clients meet it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from aioice import stun
from rostrum_forwarder import Dtls, Forwarder, Reachable

from tests.support.waiting import LIMIT
from tests.unit.forwarder.test_forwarder import ICE, add_speaker, until

MOST = 64
"""Connections of one address that have not passed a check (`PER_NETWORK` of `tcp/half_open.rs`)."""


@pytest.fixture
def forwarder() -> Iterator[Forwarder]:
    """One with a TCP port and a speaker's session."""
    running = Forwarder("127.0.0.1", 0, tcp_port=0)
    add_speaker(running)
    yield running
    running.close()


def connect(forwarder: Forwarder) -> socket.socket:
    """A connection with a time limit."""
    assert forwarder.tcp_port
    return socket.create_connection((forwarder.host, forwarder.tcp_port), timeout=LIMIT)


def framed(packet: bytes) -> bytes:
    return len(packet).to_bytes(2) + packet


def receive(client: socket.socket) -> bytes | None:
    """The next packet; None at the end of the connection."""
    try:
        data = client.recv(2, socket.MSG_WAITALL)
        return client.recv(int.from_bytes(data), socket.MSG_WAITALL) if data else None
    except ConnectionError:
        return None


def check(password: str = ICE.local_pwd) -> bytes:
    """A client's Binding request."""
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = "ours:theirs"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 1
    request.add_message_integrity(password.encode())
    return bytes(request)


def passes(client: socket.socket) -> stun.Message:
    """The answer to a check that it sent."""
    answer = receive(client)
    assert answer is not None
    message = stun.parse_message(answer)
    assert message.check_message_integrity(ICE.local_pwd.encode())
    return message


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_check_is_answered_with_the_peers_own_address_and_dtls_is_carried_both_ways(host: str) -> None:
    forwarder = Forwarder(host, 0, tcp_port=0)
    add_speaker(forwarder)
    with connect(forwarder) as client:
        client.sendall(framed(check()))
        host, port = client.getsockname()[:2]
        assert passes(client).attributes["XOR-MAPPED-ADDRESS"] == (host, port)
        shown = f"[{host}]" if ":" in host else host
        assert until(forwarder, Reachable).address == f"{shown}:{port}"
        client.sendall(framed(b"\x16hello"))
        assert until(forwarder, Dtls).datagram == b"\x16hello"
        forwarder.send_dtls(1, b"\x16answer")
        assert receive(client) == b"\x16answer"
    forwarder.close()


def test_a_stream_cut_anywhere_and_null_packets_change_nothing(forwarder: Forwarder) -> None:
    with connect(forwarder) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in framed(b"") + framed(check()) + framed(b""):
            client.sendall(bytes([byte]))
        passes(client)
        client.sendall(framed(b"\x16one") + framed(b"") + b"\x00")
        assert until(forwarder, Dtls).datagram == b"\x16one"
        client.sendall(b"\x04\x16two")
        assert until(forwarder, Dtls).datagram == b"\x16two"


@pytest.mark.parametrize("first", [b"\x16hello", b"\x80\x6f" + bytes(60), b"GET / HTTP/1.1\r\n\r\n", b"\x00\x01junk"])
def test_dtls_rtp_and_junk_before_a_check_end_the_connection_and_reach_nobody(
    forwarder: Forwarder, first: bytes
) -> None:
    with connect(forwarder) as client:
        client.sendall(framed(first) + framed(check()))
        assert receive(client) is None
    assert not [event for event in forwarder.poll() if isinstance(event, Dtls | Reachable)]
    assert forwarder.stats()["received"] == 0


def test_a_frame_that_no_packet_fills_ends_the_connection(forwarder: Forwarder) -> None:
    for start in (b"", framed(check())):
        with connect(forwarder) as client:
            client.sendall(start + (1501).to_bytes(2))
            while receive(client) is not None:
                pass


def test_connections_of_one_address_without_a_check_are_bounded(forwarder: Forwarder) -> None:
    waiting = [connect(forwarder) for _ in range(MOST)]
    try:
        with connect(forwarder) as refused:
            assert receive(refused) is None
        waiting[0].sendall(framed(check()))
        passes(waiting[0])
        with connect(forwarder) as client:
            client.sendall(framed(check()))
            passes(client)
    finally:
        for connection in waiting:
            connection.close()


def test_what_one_connection_passed_is_nothing_for_another(forwarder: Forwarder) -> None:
    with connect(forwarder) as client:
        client.sendall(framed(check()))
        passes(client)
        for before in (b"", framed(check("a password that is wrong"))):
            with connect(forwarder) as stranger:
                stranger.sendall(before + framed(b"\x16hello"))
                assert receive(stranger) is None
        client.sendall(framed(check()))
        passes(client)
    assert not [event for event in forwarder.poll() if isinstance(event, Dtls)]
