"""Server-sent live events: a snapshot first, then everything as it happens, to whom it is for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contracts.captions.v1 import Partial
from contracts.discovery.v1 import BarChanged, SpaceCard
from contracts.media.v1 import Speaking
from contracts.presence.v1 import Counted, Renewal
from contracts.room import v1 as room
from contracts.tipping.v1 import TipOffered
from contracts.transcription import v1 as transcription
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.client import Client
from tests.integration.gateway.conftest import Running, running_gateway
from tests.support.nats import NatsServer, settled
from tests.support.waiting import LIMIT


async def test_begins_with_a_snapshot_and_misses_nothing_after_it(gateway: Running, behind: Backend) -> None:
    host, guest = a_person("Host"), a_person("Guest")
    space = behind.add(host)
    async with gateway.client() as client, client.events(f"/v1/spaces/{space.id}/events") as events:
        first = await events.next()
        assert (first.event, first.data["id"], first.data["listeners"]) == ("snapshot", space.id, 7)
        sequence = await behind.emit(room.StageJoined(**behind.next(space), person=guest, role=room.Role.SPEAKER))
        told = await events.next()
        assert (told.event, told.sequence, told.data["person"]["name"]) == ("room.stage_joined", sequence, "Guest")


async def test_an_event_that_the_snapshot_has_already_is_not_told_again(gateway: Running, behind: Backend) -> None:
    slow, space = a_person("Slow"), behind.add(a_person("Host"))
    path = f"/v1/spaces/{space.id}/events"
    asked, may_answer, answers = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(query: room.SpaceQuery) -> room.Space:
        if query.actor == slow.id:
            asked.set()
            await may_answer.wait()
            answers.set()
        return behind.spaces[query.space_id]

    async def listen(client: Client) -> list[str]:
        async with client.events(path) as events:
            return [f"{told.event} {told.data.get('version')}" for told in await events.until("room.unmuted")]

    behind.on(room.SpaceQuery, answer)
    async with gateway.client() as quick, gateway.client(slow.id) as client, quick.events(path) as witness:
        listening = asyncio.create_task(listen(client))
        await asked.wait()
        await behind.emit(room.StageJoined(**behind.next(space), person=a_person("Guest"), role=room.Role.SPEAKER))
        await behind.emit(Counted(space_id=space.id, at=datetime.now(UTC), listeners=8, on_stage=1))
        await witness.until("presence.counted")
        may_answer.set()
        await answers.wait()
        await behind.emit(room.Unmuted(**behind.next(space), person_id=space.host.id))
        assert await listening == ["snapshot 3", "presence.counted None", "room.unmuted 4"]


async def test_a_role_counts_from_the_event_that_gives_it(gateway: Running, behind: Backend) -> None:
    host, guest = a_person("Host"), a_person("Guest")
    space = behind.add(host)
    async with gateway.client(guest.id) as client, client.events(f"/v1/spaces/{space.id}/events") as events:
        await events.until("snapshot")
        stranger = a_person("Stranger")
        await behind.emit(room.SpeakRequested(**behind.next(space), person=stranger))
        await behind.emit(room.StageJoined(**behind.next(space), person=guest, role=room.Role.COHOST))
        await behind.emit(room.RequestDeclined(**behind.next(space), person_id=stranger.id))
        await behind.emit(room.StageLeft(**behind.next(space), person_id=guest.id))
        await behind.emit(room.SpeakRequested(**behind.next(space), person=stranger))
        await behind.emit(room.Muted(**behind.next(space), person_id=host.id))
        told = [one.event for one in await events.until("room.muted")]
        assert told == ["room.stage_joined", "room.request_declined", "room.stage_left", "room.muted"]


async def test_a_tip_reaches_payer_and_recipient_and_nobody_else(gateway: Running, behind: Backend) -> None:
    host, payer, other = a_person("Host"), a_person("Payer"), a_person("Other")
    space = behind.add(host)
    path = f"/v1/spaces/{space.id}/events"
    async with (
        gateway.client(host.id) as host_client, host_client.events(path) as hosts,
        gateway.client(payer.id) as payer_client, payer_client.events(path) as payers,
        gateway.client(other.id) as other_client, other_client.events(path) as others,
    ):  # fmt: skip
        for events in (hosts, payers, others):
            await events.until("snapshot")
        tip = TipOffered(
            person_id=host.id, version=1, at=datetime.now(UTC), tip_id=new_id(), space_id=space.id, payer=payer,
            provider="paypal", amount_minor=500, currency="EUR",
        )  # fmt: skip
        await behind.emit(tip)
        await behind.emit(room.Muted(**behind.next(space), person_id=host.id))
        both = ["tipping.tip_offered", "room.muted"]
        assert [told.event for told in await hosts.until("room.muted")] == both
        assert [told.event for told in await payers.until("room.muted")] == both
        assert [told.event for told in await others.until("room.muted")] == ["room.muted"]
    # The same out of the stream's history: it is keyed by the recipient, and the payer is told all the same.
    for person, expected in ((payer, both), (other, both[1:])):
        start = f"{await behind.bus.stream_epoch()}-0"
        async with gateway.client(person.id) as client, client.events(path, start) as events:
            assert [told.event for told in await events.until("room.muted")] == expected


async def test_everything_from_the_beginning_where_it_is_asked_for(gateway: Running, behind: Backend) -> None:
    host = a_person("Host")
    space = behind.add(host)
    sent = [
        await behind.emit(room.Unmuted(**behind.next(space), person_id=host.id)),
        await behind.emit(room.RemovalRecorded(**behind.next(space), person_id=new_id(), explanation="spam")),
        await behind.emit(room.Muted(**behind.next(space), person_id=host.id)),
    ]
    async with gateway.client() as client, client.events(f"/v1/spaces/{space.id}/events", last_event_id="0") as events:
        assert [(await events.next()).sequence for _ in range(2)] == [sent[0], sent[2]]
        sent.append(await behind.emit(room.Unmuted(**behind.next(space), person_id=host.id)))
        assert (await events.next()).sequence == sent[3]


@pytest.mark.parametrize("kept", ["complete", "none", "unknown"])
async def test_once_a_space_is_over_its_history_has_words_only_while_there_is_a_transcript(
    gateway: Running, behind: Backend, kept: str
) -> None:
    host = a_person("Host")
    space = behind.add(host, settings=room.Settings(title="Tea", captions=True))
    at = datetime.now(UTC)
    here: dict[str, Any] = {"space_id": space.id, "at": at}
    caption = transcription.Caption(id="c-1", person=host, lang="en", text="Hello.", start_at=at, end_at=at)
    own: dict[str, Any] = {"caption_id": "c-1", "person_id": host.id, "text": "Hullo.", "by": host.id}
    words = [
        transcription.Captioned(**here, version=1, caption=caption),
        transcription.CaptionCorrected(**here, version=2, **own),
        transcription.OwnCaptionCorrected(**here, version=2, **own, heard="Hello."),
        transcription.CaptionRestored(
            **here, version=3, caption_id="c-1", person_id=host.id, text="Hello.", reason="rejected"
        ),
    ]
    for event in words:
        await behind.emit(event)
    path = f"/v1/spaces/{space.id}/events"
    told = [f"{event.context}.{event.name}" for event in words]

    async def answer(query: transcription.TranscriptQuery) -> transcription.Transcript:
        if kept == "unknown":
            raise Refusal("unavailable", "Too many changes at once; try again.", retry=True)
        return transcription.Transcript(space_id=space.id, state="none" if kept == "none" else "complete")

    behind.on(transcription.TranscriptQuery, answer)
    async with gateway.client(host.id) as client:
        async with client.events(path, last_event_id="0") as events:
            assert [(await events.next()).event for _ in told] == told, "while it is live"
        await behind.emit(room.Ended(**behind.next(space)))
        async with client.events(path, last_event_id="0") as events:
            after = [event.event for event in await events.until("room.ended")]
    assert after == ([*told, "room.ended"] if kept == "complete" else ["room.ended"])


async def test_once_an_ephemeral_space_is_over_its_history_tells_how_it_ended_and_nothing_else(
    gateway: Running, behind: Backend
) -> None:
    host, guest = a_person("Host"), a_person("Guest")
    space = behind.add(host, settings=room.Settings(title="Tea", ephemeral=True))
    path = f"/v1/spaces/{space.id}/events"
    await behind.emit(room.StageJoined(**behind.next(space), person=guest, role=room.Role.SPEAKER))
    await behind.emit(room.Removed(**behind.next(space), person_id=guest.id))
    async with gateway.client(host.id) as client:
        async with client.events(path, last_event_id="0") as events:
            live = [event.event for event in await events.until("room.removed")]
            assert live == ["room.stage_joined", "room.removed"]
            await behind.emit(room.Ended(**behind.next(space)))
            assert (await events.next()).event == "room.ended"
        async with client.events(path, last_event_id="0") as events:
            assert (await events.next()).event == "room.ended"
        async with client.events(path) as events:
            first = await events.next()
        assert (first.data["settings"]["title"], first.data["removed"]) == (room.TITLE_REMOVED, [])
    # Who was removed may look at what is left.
    async with gateway.client(guest.id) as client, client.events(path, last_event_id="0") as events:
        assert (await events.next()).event == "room.ended"


async def test_partial_captions_are_told_as_they_come_and_kept_nowhere(gateway: Running, behind: Backend) -> None:
    host = a_person("Host")
    space = behind.add(host)
    at = datetime.now(UTC)
    partial = Partial(space_id=space.id, at=at, caption_id="c-1", person=host, lang="en", text="Hel", start_at=at)
    path = f"/v1/spaces/{space.id}/events"
    async with gateway.client() as client, client.events(path) as events:
        start = (await events.next()).id
        await behind.emit(partial)
        told = await events.next()
        assert (told.event, told.id, told.data["text"]) == ("captions.partial", "", "Hel"), (
            "it has no id to resume from"
        )
        await behind.emit(room.Unmuted(**behind.next(space), person_id=host.id))
        assert (await events.next()).event == "room.unmuted"
    for last in (start, "0"):
        async with gateway.client() as client, client.events(path, last_event_id=last) as events:
            assert [one.event for one in await events.until("room.unmuted")] == ["room.unmuted"]
    for stream in await behind.bus.js.streams_info():
        assert stream.config.name is not None
        for sequence in range(1, stream.state.last_seq + 1):
            message = await behind.bus.js.get_msg(stream.config.name, sequence)
            assert b"Hel" not in (message.data or b"")


async def test_changes_of_the_live_bar_reach_their_person(gateway: Running, behind: Backend) -> None:
    one, other = a_person("One"), a_person("Other")
    space = behind.add(a_person("Host"))
    async with gateway.client(one.id) as client, client.events("/v1/live-bar/events") as events:
        assert (await events.next()).event == "snapshot"
        for person in (other, one):
            changed = BarChanged(person_id=person.id, space_id=space.id, card=None, at=datetime.now(UTC))
            sequence = await behind.emit(changed)
        told = await events.next()
        assert (told.event, told.data["person_id"], told.sequence) == ("discovery.bar_changed", one.id, sequence)
    async with gateway.client() as nobody:
        assert (await nobody.http.get("/v1/live-bar/events")).status_code == 401


async def test_the_history_of_a_live_bar_has_no_card_of_a_space_that_is_deleted_or_was_ephemeral_and_is_over(
    gateway: Running, behind: Backend
) -> None:
    one, host = a_person("One"), a_person("Host")
    kept = behind.add(host)
    live, over = (behind.add(host, settings=room.Settings(title="Tea", ephemeral=True)) for _ in range(2))
    deleted = behind.add(host)
    for space in (deleted, over, live, kept):
        card = SpaceCard.of(behind.spaces[space.id])
        await behind.emit(BarChanged(person_id=one.id, space_id=space.id, card=card, at=datetime.now(UTC)))
    await behind.emit(room.Ended(**behind.next(over)))
    await behind.emit(BarChanged(person_id=one.id, space_id=over.id, card=None, at=datetime.now(UTC)))
    del behind.spaces[deleted.id]
    async with gateway.client(one.id) as client, client.events("/v1/live-bar/events", last_event_id="0") as events:
        told = [await events.next() for _ in range(3)]
    assert [(event.data["space_id"], event.data["card"] is None) for event in told] == [
        (live.id, False),
        (kept.id, False),
        (over.id, True),
    ]


async def test_an_open_stream_renews_its_session_and_a_closed_one_does_not(
    nats: NatsServer, behind: Backend, tmp_path: Path
) -> None:
    space = behind.add(a_person("Host"))
    path = f"/v1/spaces/{space.id}/events"
    renewed: asyncio.Queue[set[str]] = asyncio.Queue()
    hidden: set[bool] = set()

    async def hear(msg: object) -> None:
        renewal = Renewal.model_validate_json(msg.data)  # type: ignore[attr-defined]
        renewed.put_nowait({lease.session_id for lease in renewal.leases})
        hidden.update(lease.hidden for lease in renewal.leases)

    await behind.bus.nc.subscribe("presence.v1.0", cb=hear)
    await settled(behind.bus.nc)
    async with (
        asyncio.timeout(2 * LIMIT),
        running_gateway(nats.url, tmp_path, renew_seconds=0.1) as gateway,
        gateway.client() as client,
        client.events(path, session=(secret := gateway.sessions.bound(new_id(), space.id, None))) as staying,
    ):
        stays = gateway.sessions.known_as(secret, space.id, None)
        another = gateway.sessions.bound(new_id(), space.id, None)
        closes = gateway.sessions.known_as(another, space.id, None)
        await staying.next()
        async with client.events(path, session=another) as closing:
            await closing.next()
            for _ in range(3):
                while await renewed.get() != {closes, stays}:
                    pass
        # The rounds go on, for the other one alone.
        in_a_row = 0
        while in_a_row < 3:
            in_a_row = in_a_row + 1 if await renewed.get() == {stays} else 0
    # Sessions that were opened before this gateway started: whether their people hide is not known here.
    assert hidden == {True}


async def test_a_rebuilt_stream_resets_clients(gateway: Running, behind: Backend) -> None:
    host = a_person("Host")
    space = behind.add(host)
    path = f"/v1/spaces/{space.id}/events"
    async with gateway.client() as client:
        async with client.events(path) as events:
            old = await events.next()
            await behind.emit(room.Unmuted(**behind.next(space), person_id=host.id))
            await events.until("room.unmuted")
            await behind.bus.js.delete_stream("EVENTS")
            await behind.bus.declare()
            told = await events.until("snapshot")
            assert [one.event for one in told] == ["reset", "snapshot"]
            assert told[-1].id.partition("-")[0] != old.id.partition("-")[0]
            await behind.emit(room.Muted(**behind.next(space), person_id=host.id))
            assert (await events.next()).event == "room.muted"
        for stale in (old.id, "nonsense", f"{told[-1].id}999"):
            async with client.events(path, stale) as events:
                assert [(await events.next()).event for _ in range(2)] == ["reset", "snapshot"]


async def test_bounds_how_many_streams_are_open(nats: NatsServer, behind: Backend, tmp_path: Path) -> None:
    host = a_person("Host")
    space = behind.add(host)
    path = f"/v1/spaces/{space.id}/events"
    async with (
        running_gateway(nats.url, tmp_path, streams=2, streams_per_person=1) as gateway,
        gateway.client(host.id) as client,
        gateway.client() as nobody,
    ):
        async with client.events(path) as events:
            await events.next()
            refused = await client.http.get(path)
            assert (refused.status_code, refused.json()["reason"]) == (429, "too_many_requests")
            assert int(refused.headers["retry-after"]) >= 1
            async with nobody.events(path) as others:
                await others.next()
                full = await nobody.http.get(path)
                assert (full.status_code, full.json()["reason"]) == (503, "unavailable")
                assert int(full.headers["retry-after"]) >= 1
        assert (await nobody.http.get("/healthz")).status_code == 200


async def test_speaking_reaches_an_anonymous_listener(gateway: Running, behind: Backend) -> None:
    host = a_person("Host")
    space = behind.add(host)
    async with gateway.client() as client, client.events(f"/v1/spaces/{space.id}/events") as events:
        await events.until("snapshot")
        speaking = Speaking(space_id=space.id, node_id="n", at=datetime.now(UTC), person_ids=(host.id,))
        await behind.emit(speaking)
        told = await events.next()
        assert (told.event, told.data["person_ids"]) == ("media.speaking", [host.id])
