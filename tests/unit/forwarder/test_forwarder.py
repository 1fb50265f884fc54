"""The compiled module as Python sees it: what it promises, what it refuses, and how it ends."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TypeVar

import pytest
from aioice import stun
from rostrum_forwarder import Closed, Dtls, Event, Forwarder, IceCredentials, Reachable

from tests.support.waiting import LIMIT, eventually

ICE = IceCredentials(
    local_ufrag="ours",
    local_pwd="our password of 22 bytes",
    remote_ufrag="theirs",
    remote_pwd="their password of 22 bytes",
)
E = TypeVar("E", bound=Event)


@pytest.fixture
def forwarder() -> Iterator[Forwarder]:
    """One that runs on a free port."""
    running = Forwarder("127.0.0.1", 0)
    yield running
    running.close()


@pytest.fixture
def client() -> Iterator[socket.socket]:
    """A UDP socket with a time limit."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(LIMIT)
        yield bound


def until(forwarder: Forwarder, kind: type[E], within: float = LIMIT) -> E:
    """The next event of a type."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        select.select([forwarder.fileno()], [], [], 0.1)
        for event in forwarder.poll():
            if isinstance(event, kind):
                return event
    raise AssertionError(f"no {kind.__name__} within {within} s")


def checked(
    forwarder: Forwarder, client: socket.socket, password: str = ICE.local_pwd, to: str = "127.0.0.1"
) -> stun.Message:
    """The answer to a client's Binding request."""
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = "ours:theirs"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 1
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(password.encode())
    client.sendto(bytes(request), (to, forwarder.port))
    answer = stun.parse_message(client.recv(1500))
    assert answer.check_message_integrity(ICE.local_pwd.encode())
    return answer


@pytest.mark.parametrize(
    ("bound", "family", "to"),
    [("::1", socket.AF_INET6, "::1"), ("::", socket.AF_INET6, "::1"), ("::", socket.AF_INET, "127.0.0.1")],
)
def test_ipv6_and_ipv4_arrive_at_one_port_and_each_is_told_its_own_address(
    bound: str, family: socket.AddressFamily, to: str
) -> None:
    forwarder = Forwarder(bound, 0)
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.bind((to, 0))
            client.settimeout(LIMIT)
            add_speaker(forwarder)
            answer = checked(forwarder, client, to=to)
            assert answer.attributes["XOR-MAPPED-ADDRESS"] == client.getsockname()[:2]
            until(forwarder, Reachable)
    finally:
        forwarder.close()


def add_speaker(forwarder: Forwarder, session: int = 1) -> None:
    forwarder.add_publisher(
        session, space=7, owner=5, ice=ICE, payload_type=111, level_extension=1, muted=False, capture=True
    )


def test_the_stub_says_what_the_module_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "rostrum_forwarder"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_check_with_the_password_is_answered_and_dtls_is_carried_both_ways(
    forwarder: Forwarder, client: socket.socket
) -> None:
    add_speaker(forwarder)
    address = client.getsockname()
    assert checked(forwarder, client).attributes["XOR-MAPPED-ADDRESS"] == address
    reachable = until(forwarder, Reachable)
    assert (reachable.session, reachable.address) == (1, f"127.0.0.1:{address[1]}")
    client.sendto(b"\x16hello", ("127.0.0.1", forwarder.port))
    datagram = until(forwarder, Dtls)
    assert (datagram.session, datagram.datagram) == (1, b"\x16hello")
    forwarder.send_dtls(1, b"\x16answer")
    assert client.recv(1500) == b"\x16answer"
    forwarder.remove(1)
    closed = until(forwarder, Closed)
    assert (closed.session, closed.expired, closed.report.packets) == (1, False, 0)


async def test_a_check_with_another_password_gets_no_answer(forwarder: Forwarder, client: socket.socket) -> None:
    add_speaker(forwarder)
    client.setblocking(False)
    with pytest.raises(BlockingIOError):
        checked(forwarder, client, "a password that is wrong")
    await eventually(lambda: forwarder.stats()["stun_refused"] == 1)
    with pytest.raises(BlockingIOError):
        client.recv(1500)


async def test_a_flood_of_dtls_from_one_client_is_bounded_and_counted(
    forwarder: Forwarder, client: socket.socket
) -> None:
    add_speaker(forwarder)
    checked(forwarder, client)
    for number in range(200):
        client.sendto(b"\x16" + bytes([number]), ("127.0.0.1", forwarder.port))
    await eventually(lambda: forwarder.stats()["received"] == 201)
    waiting = [event for event in forwarder.poll(1000) if isinstance(event, Dtls)]
    assert len(waiting) == 24
    assert forwarder.stats()["dropped_dtls"] == 200 - 24


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="no such host"):
        Forwarder("no such host", 0)
    forwarder = Forwarder("127.0.0.1", 0)
    with pytest.raises(OSError, match=r"[Aa]ddress"):
        Forwarder("127.0.0.1", forwarder.port)
    with pytest.raises(ValueError, match="28 bytes"):
        forwarder.set_keys(1, receive=bytes(27), send=bytes(28))
    with pytest.raises(ValueError, match="slots"):
        forwarder.add_listener(
            1, space=7, owner=0, ice=ICE, payload_type=96, mid_extension=None, level_extension=None, slots=[]
        )
    with pytest.raises(ValueError, match="extension"):
        forwarder.add_publisher(
            1, space=7, owner=5, ice=ICE, payload_type=111, level_extension=15, muted=False, capture=False
        )
    with pytest.raises(OverflowError):
        forwarder.add_publisher(
            -1, space=7, owner=5, ice=ICE, payload_type=111, level_extension=1, muted=False, capture=False
        )
    forwarder.close()
    forwarder.close()


async def test_an_id_in_use_changes_nothing_and_is_counted(forwarder: Forwarder, client: socket.socket) -> None:
    add_speaker(forwarder)
    add_speaker(forwarder)
    await eventually(lambda: forwarder.stats()["refused_commands"])
    assert forwarder.stats()["sessions"] == 1
    assert checked(forwarder, client).message_class is stun.Class.RESPONSE
    assert list(forwarder.reports()) == [1]
