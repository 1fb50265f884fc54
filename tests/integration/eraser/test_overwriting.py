"""What NATS was killed over while it deleted it leaves no bytes in its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from infra.nats.highwayhash import highwayhash64
from infra.nats.overwriting import overwrite
from tests.support.at_rest import contents
from tests.support.nats import NatsServer, running_nats
from tests.support.waiting import LIMIT

STREAM = "NAMES"
SIZES = (0, 1, 2, 3, 4, 7, 15, 16, 17, 29, 31, 32, 33, 1000)


def body(number: int) -> bytes:
    return f"needle-{number:03d}".encode() + b"x" * SIZES[number % len(SIZES)]


def held(server: NatsServer, number: int) -> bool:
    return any(f"needle-{number:03d}".encode() in data for _, data in contents(server.directory / "jetstream"))


async def ask(client: Client, what: str, **question: Any) -> dict[str, Any]:
    reply = await client.request(f"$JS.API.STREAM.{what}.{STREAM}", json.dumps(question).encode(), timeout=LIMIT)
    answer: dict[str, Any] = json.loads(reply.data)
    return answer


async def killed_over(server: NatsServer, sequence: int) -> None:
    """NATS has written down that a message is gone, has not overwritten it yet, and is killed."""
    in_the_way = put_in_the_way(server.directory / "jetstream")
    client = await nats.connect(server.url)
    answer = await ask(client, "MSG.DELETE", seq=sequence, no_erase=False)
    assert "temporary file" in answer["error"]["description"]
    await client.close()
    server.kill()
    leave_half_a_copy(in_the_way)


def put_in_the_way(folder: Path) -> Path:
    """What keeps NATS from writing the one block anew that is in a folder."""
    (block,) = folder.rglob("1.blk")
    path = Path(f"{block}.tmp")
    path.mkdir()
    return path


def leave_half_a_copy(in_the_way: Path) -> None:
    in_the_way.rmdir()
    in_the_way.write_bytes(body(2))


async def test_a_message_that_nats_was_killed_over_is_overwritten_before_it_starts_again() -> None:
    last = 3 * len(SIZES)
    with running_nats() as server:
        client = await nats.connect(server.url)
        await client.jetstream().add_stream(name=STREAM, subjects=["names.>"])
        for number in range(1, last + 1):
            headers = {"Marked": "yes"} if number % 2 else None
            await client.jetstream().publish(f"names.{number}", body(number), headers=headers)
        await client.close()
        gone = [1, 16, 17, last]
        for sequence in gone:
            await killed_over(server, sequence)
            server.start()
            client = await nats.connect(server.url)
            assert " found" in (await ask(client, "MSG.DELETE", seq=sequence, no_erase=False))["error"]["description"]
            await client.close()
            assert held(server, sequence)
            server.kill()
            assert overwrite(server.directory / "jetstream", STREAM, [sequence]) == {sequence}
            assert not held(server, sequence)
            server.start()

        client = await nats.connect(server.url)
        for number in range(1, last + 1):
            if number in gone:
                with pytest.raises(NotFoundError):
                    await client.jetstream().get_msg(STREAM, number)
            else:
                assert (await client.jetstream().get_msg(STREAM, number)).data == body(number)
        state = (await client.jetstream().stream_info(STREAM)).state
        assert (state.messages, state.last_seq) == (last - len(gone), last)
        assert (await client.jetstream().publish("names.new", b"")).seq == last + 1
        await client.close()


def test_the_hash_is_the_one_that_its_authors_publish() -> None:
    # `highwayhash_test.cc` in google/highwayhash: key 0..31, data 0..n.
    key, data = bytes(range(32)), bytes(range(64))
    for length, wanted in ((0, 0x907A56DE22C26E53), (1, 0x7EAB43AAC7CDDD78), (2, 0xB8D0569AB0B53D62)):
        assert int.from_bytes(highwayhash64(key, data[:length]), "little") == wanted
