"""A message that a consumer gave up on is kept, looked at, and tried again when its cause is gone."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from contracts import subjects
from contracts.presence import v1 as presence
from libs.bus import Bus, Poison, Received, each
from libs.bus.dead_letters import Letter, bury, read_letters
from libs.bus.origin import mark
from libs.ids import new_id
from tests.support.command import CommandOutput, rostrum
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, eventually

SPACE = new_id()
PRESENCE = [subjects.events_of("presence")]
POISON = {3, 7}


class Consumer:
    """Takes in numbers; some are too much for it while `ill`."""

    def __init__(self) -> None:
        self.handled: dict[int, Received] = {}
        """By number: a message may come twice."""
        self.ill = True

    async def one(self, received: Received) -> None:
        number = received.event.model_dump()["listeners"]
        if self.ill and number in POISON:
            raise Poison(f"number {number}") if number == 3 else ValueError(f"number {number}")
        self.handled[number] = received


async def publish(bus: Bus, count: int) -> None:
    at = datetime.now(UTC)
    await bus.publish_events(
        [(presence.Counted(at=at, space_id=SPACE, listeners=n, on_stage=0), f"c{n}") for n in range(count)],
        timeout=2 * LIMIT,
    )


async def letters(bus: Bus, consumer: str = "*") -> list[Letter]:
    return [letter async for letter in read_letters(bus.js, consumer)]


async def until_buried(bus: Bus, count: int) -> list[Letter]:
    async def enough() -> list[Letter] | None:
        found = await letters(bus)
        return found if len(found) >= count else None

    return await eventually(enough)


async def dlq(nats: NatsServer, *arguments: str) -> CommandOutput:
    """`rostrum dlq`."""
    return await rostrum("dlq", *arguments, env={"ROSTRUM_NATS_URL": nats.url})


async def test_exactly_the_poison_is_kept_and_handled_once_its_cause_is_gone(nats: NatsServer, bus: Bus) -> None:
    consumer, bystander = Consumer(), Consumer()
    bystander.ill = False
    async with (
        bus.consume("people-ill", each(consumer.one), filters=PRESENCE, max_deliver=2, retry_delay=0.02),
        bus.consume("people-well", each(bystander.one), filters=PRESENCE),
    ):
        await publish(bus, 200)
        found = await until_buried(bus, len(POISON))
        await eventually(lambda: len(consumer.handled) >= 200 - len(POISON) and len(bystander.handled) >= 200)
        assert sorted(consumer.handled) == [n for n in range(200) if n not in POISON]
        assert sorted(letter.headers["ce-id"] for letter in found) == ["c3", "c7"]

        code, out, _ = await dlq(nats, "list")
        assert code == 0
        assert out.count("people-ill") == 2
        assert "Poison: number 3" in out
        code, out, _ = await dlq(nats, "show", str(found[0].number), "--json")
        shown = json.loads(out)
        assert (code, shown["consumer"], shown["body"]["space_id"]) == (0, "people-ill", SPACE)

        # While the cause is there, a letter stays where it is, and makes no second one.
        code, out, errors = await dlq(nats, "retry", str(found[0].number))
        assert (code, out) == (1, "")
        assert errors.count("\n") == 1
        assert "not handled: Poison: number 3" in errors
        assert len(await letters(bus)) == len(POISON)

        consumer.ill = False
        code, out, _ = await dlq(nats, "retry", "--all", "--json")
        assert code == 0
        assert [json.loads(line)["handled"] for line in out.splitlines()] == [True, True]
        assert await letters(bus) == []
        assert sorted(consumer.handled) == list(range(200))
        again = consumer.handled[3]
        assert again.sequence == 4
        assert again.headers["ce-id"] == "c3"
        assert subjects.HEADER_REASON not in again.headers
        assert await bus.last_sequence() == 200, "nothing was published to the stream: nobody else hears of it twice"


async def test_a_letter_stays_while_nobody_takes_it(nats: NatsServer, bus: Bus) -> None:
    consumer = Consumer()
    async with bus.consume("people-ill", each(consumer.one), filters=PRESENCE):
        await publish(bus, 4)
        await until_buried(bus, 1)
    code, _, errors = await dlq(nats, "retry", "--all")
    assert code == 1
    assert "people does not run" in errors
    assert len(await letters(bus)) == 1


async def test_a_handler_is_never_in_a_batch_and_a_letter_at_once(nats: NatsServer, bus: Bus) -> None:
    inside, at_once, ill = 0, 0, True

    async def handle(received: Received) -> None:
        nonlocal inside, at_once
        if ill and received.id == "c3":
            raise Poison("c3")
        inside += 1
        at_once = max(at_once, inside)
        await bus.nc.flush()
        inside -= 1

    async with bus.consume("people-busy", each(handle), filters=PRESENCE, batch=5):
        await publish(bus, 400)
        await until_buried(bus, 1)
        ill = False
        code, _, errors = await dlq(nats, "retry", "--all")
        assert (code, errors) == (0, "")
    assert at_once == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "77"), "there is no dead letter 77"),
        (("retry", "77"), "there is no dead letter 77"),
        (("retry",), "say which letters"),
    ],
)
async def test_what_is_wrong_is_one_line(nats: NatsServer, bus: Bus, arguments: tuple[str, ...], said: str) -> None:
    code, out, errors = await dlq(nats, *arguments)
    assert code != 0
    assert out == ""
    assert said in errors
    assert errors.count("\n") == 1


async def test_no_other_message_is_taken_in_the_place_of_a_letter(bus: Bus) -> None:
    guesses = ("people-x:CAPTURE:7", "people:people-x:CAPTURE:7", "7")
    for guess in guesses:
        address = subjects.dead_letter("people", "another")
        await bus.js.publish(address, b"", headers=mark("people", {"Nats-Msg-Id": guess}))
    for _ in range(2):
        await bury(bus, "people-x", subjects.CAPTURE_STREAM, 7, datetime.now(UTC), "capture.v1.a.b", {}, b"", "odd")
    assert [letter.consumer for letter in await letters(bus)] == ["another"] * len(guesses) + ["people-x"]
