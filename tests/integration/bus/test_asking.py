"""Questions and answers between services."""

import asyncio
import json
import time

import pytest
from nats.aio.msg import Msg

from contracts import subjects
from contracts.commands import Accepted, Nothing
from contracts.people import v1 as people
from contracts.room import v1 as room
from libs.bus import Bus, BusSettings, CannotConnect, Handlers, Unavailable, connect
from libs.bus.serve import Serving
from libs.ids import new_id
from libs.refusal import Refusal
from libs.telemetry import configure_traces, span, trace_id
from tests.support.nats import NatsServer, free_port, settled
from tests.support.waiting import LIMIT, eventually, standstill

ME = new_id()


def sign_up(handle: str) -> people.SignUp:
    return people.SignUp(command_id="1", person_id=ME, handle=handle, display_name="Ann")


class People:
    """Stands for the people service."""

    def __init__(self) -> None:
        self.asked = 0
        self.trace: str | None = None
        self.hold = asyncio.Event()
        self.hold.set()
        self.table = Handlers("people")
        self.table.add(people.SignUp, self.sign_up)
        self.table.add(people.PersonQuery, self.person)

    async def sign_up(self, command: people.SignUp) -> Accepted[people.Person]:
        self.asked += 1
        self.trace = trace_id()
        await self.hold.wait()
        if command.handle == "taken":
            raise Refusal("handle_taken", "Choose another handle.")
        if command.handle == "bug":
            raise ZeroDivisionError
        person = people.Person(id=command.person_id, handle=command.handle, name=command.display_name)
        return Accepted(version=3, result=person)

    async def person(self, query: people.PersonQuery) -> people.Person:
        return people.Person(id=query.person_id, handle="ann", name="Ann")


@pytest.mark.parametrize("hot", [False, True])
async def test_a_command_is_answered_with_result_and_version(bus: Bus, hot: bool) -> None:
    async with bus.serve(People().table, hot=hot):
        answer = await bus.ask(sign_up("ann"))
        assert (answer.version, answer.result.handle) == (3, "ann")
        assert (await bus.ask(people.PersonQuery(person_id=ME))).result.id == ME


async def test_a_refusal_reaches_the_caller_as_it_was_raised(bus: Bus) -> None:
    async with bus.serve(People().table):
        with pytest.raises(Refusal) as no:
            await bus.ask(sign_up("taken"))
    assert (no.value.reason, no.value.detail, no.value.retry) == ("handle_taken", "Choose another handle.", False)


async def test_a_bug_is_refused_as_internal_with_the_trace_and_may_be_tried_again(bus: Bus) -> None:
    configure_traces("people")
    async with bus.serve(People().table):
        with span("request", "server", parent={}):
            trace = trace_id()
            with pytest.raises(Refusal) as no:
                await bus.ask(sign_up("bug"))
    assert (no.value.reason, no.value.retry) == ("internal", True)
    assert trace is not None
    assert trace in no.value.detail


async def test_the_trace_goes_on_in_the_service_that_answers(bus: Bus) -> None:
    configure_traces("people")
    there = People()
    async with bus.serve(there.table):
        with span("request", "server", parent={}):
            await bus.ask(sign_up("ann"))
            assert there.trace == trace_id()


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"[]", b'{"command_id":"1"}', b'{"command_id":"' + b"x" * 200 + b'"}']
)
async def test_a_malformed_request_is_refused_as_bad(bus: Bus, body: bytes) -> None:
    async with bus.serve(People().table):
        reply = await bus.request(subjects.command("people", "sign_up"), body, timeout=LIMIT)
    assert json.loads(reply.data)["reason"] == "bad_request"


async def test_nobody_who_was_asked_can_guess_where_the_next_answer_is_awaited(bus: Bus) -> None:
    asked: list[str] = []

    async def answer(msg: Msg) -> None:
        asked.append(msg.reply.rpartition(".")[2])
        await msg.respond(b"")

    await bus.listen("a.question", answer)
    for _ in range(3):
        await bus.request("a.question", b"", timeout=LIMIT)
    own = bus.nc.new_inbox().rpartition(".")[2]
    # nats-py's own names share twelve letters, and the rest is a number.
    assert len({name[:8] for name in (*asked, own)}) == 4


async def test_a_request_of_a_newer_version_is_refused_as_bad(bus: Bus) -> None:
    async with bus.serve(People().table):
        reply = await bus.request(subjects.command("people", "levitate"), b"{}", timeout=LIMIT)
    assert json.loads(reply.data)["reason"] == "bad_request"


async def test_nobody_there_is_unavailable_within_the_deadline(bus: Bus) -> None:
    async with standstill() as stood:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await bus.ask(sign_up("ann"), timeout=0.4)
        assert time.monotonic() - began < 2 + stood()


async def test_a_service_that_comes_a_moment_later_still_answers(bus: Bus) -> None:
    asking = asyncio.create_task(bus.ask(sign_up("ann")))
    await asyncio.sleep(0)
    async with bus.serve(People().table):
        assert (await asking).version == 3


async def request_once(bus: Bus) -> int:
    """The version in the answer to a command that is sent once, however long the answer takes."""
    body = sign_up("ann").model_dump_json().encode()
    reply = await bus.request(subjects.command("people", "sign_up"), body, timeout=2 * LIMIT)
    return int(json.loads(reply.data)["version"])


@pytest.mark.parametrize("hot", [False, True])
async def test_closing_finishes_what_is_being_answered(bus: Bus, hot: bool) -> None:
    there = People()
    there.hold.clear()
    serving = bus.serve(there.table, hot=hot)
    await serving.__aenter__()
    asking = [asyncio.create_task(request_once(bus)) for _ in range(20)]
    await eventually(lambda: there.asked == 20)
    closing = asyncio.create_task(serving.__aexit__(None, None, None))
    there.hold.set()
    assert await asyncio.gather(*asking) == [3] * 20
    await closing
    assert there.asked == 20
    with pytest.raises(Unavailable):
        await bus.ask(sign_up("ann"), timeout=0.2)


@pytest.mark.parametrize("hot", [False, True])
async def test_no_more_than_so_many_are_answered_at_once_and_the_rest_waits(bus: Bus, hot: bool) -> None:
    there = People()
    there.hold.clear()
    few = Serving(bus.broker, bus.nc, there.table, subjects.ANY, most=3, hot=hot)
    async with few:
        asking = [asyncio.create_task(request_once(bus)) for _ in range(10)]
        await eventually(lambda: there.asked == 3)
        await settled(bus.nc)
        assert there.asked == 3
        there.hold.set()
        assert await asyncio.gather(*asking) == [3] * 10
    assert there.asked == 10


@pytest.mark.parametrize("hot", [False, True])
async def test_closing_answers_what_waits_for_room_too(bus: Bus, hot: bool) -> None:
    there = People()
    there.hold.clear()
    few = Serving(bus.broker, bus.nc, there.table, subjects.ANY, most=2, hot=hot)
    await few.__aenter__()
    asking = [asyncio.create_task(request_once(bus)) for _ in range(9)]
    await settled(bus.nc)
    closing = asyncio.create_task(few.__aexit__(None, None, None))
    await settled(bus.nc)
    there.hold.set()
    await closing
    assert there.asked == 9
    assert await asyncio.gather(*asking) == [3] * 9


@pytest.mark.parametrize("hot", [False, True])
async def test_requests_for_which_there_is_no_room_are_left_out(
    bus: Bus, hot: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("libs.bus.serve._WAITING_BYTES", 1)
    there = People()
    there.hold.clear()
    async with Serving(bus.broker, bus.nc, there.table, subjects.ANY, most=1, hot=hot):
        asking = [asyncio.create_task(request_once(bus)) for _ in range(5)]
        await eventually(lambda: caplog.text.count("there is no room") == 3)
        there.hold.set()
        done, lost = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        assert await request_once(bus) == 3
        assert there.asked == 3
        for one in lost:
            one.cancel()
        await asyncio.gather(*lost, return_exceptions=True)
    assert {await one for one in done} == {3}


@pytest.mark.parametrize("hot", [False, True])
async def test_requests_go_on_after_nats_was_killed_and_started_again(nats: NatsServer, bus: Bus, hot: bool) -> None:
    async with bus.serve(People().table, hot=hot):
        for _ in range(2):
            nats.kill()
            asking = asyncio.create_task(bus.ask(sign_up("ann"), timeout=LIMIT))
            nats.start()
            assert (await asking).version == 3


async def test_partitioned_requests_reach_the_owner_of_the_partition(bus: Bus) -> None:
    space = new_id()
    table = Handlers("room")
    seen: list[str] = []

    @table.on(room.LeaveSpace)
    async def leave(command: room.LeaveSpace) -> Nothing:
        seen.append(command.space_id)
        return Nothing()

    partition = subjects.partition_of(space, bus.settings.partitions)
    leaving = room.LeaveSpace(command_id="1", actor=ME, space_id=space, session_id=new_id())
    async with bus.serve(table, route=str((partition + 1) % 16)):
        with pytest.raises(Unavailable):
            await bus.ask(leaving, timeout=0.2)
    async with bus.serve(table, route=str(partition)):
        await bus.ask(leaving)
    assert set(seen) == {space}  # asked again where the answer took a second


def test_a_service_answers_only_what_is_its_own_and_each_once() -> None:
    table = Handlers("room")
    with pytest.raises(TypeError, match="answered by people"):
        table.add(people.SignUp, People().sign_up)
    there = People()
    with pytest.raises(TypeError, match="has an answer already"):
        there.table.add(people.SignUp, there.sign_up)


async def test_a_dead_nats_at_start_is_one_clear_error_in_time() -> None:
    async with standstill() as stood:
        began = time.monotonic()
        with pytest.raises(CannotConnect, match=r"nats://127\.0\.0\.1:\d+ cannot be reached"):
            await connect("people", BusSettings(url=f"nats://127.0.0.1:{free_port()}", connect_timeout=0.5))
        assert time.monotonic() - began < 8 + stood(), "10 s are the default"


async def test_the_password_is_in_no_error() -> None:
    url = f"nats://people:secret@127.0.0.1:{free_port()}"
    with pytest.raises(CannotConnect) as error:
        await connect("people", BusSettings(url=url, connect_timeout=0.3))
    assert "secret" not in str(error.value)
