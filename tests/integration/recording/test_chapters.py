"""The host sets the chapters of a replay, from what is proposed; they are words, sealed and forgotten as others are."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import av
import pytest

from contracts.people import v1 as people
from contracts.recording import v1
from contracts.room import v1 as room
from libs.bus import Bus
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import Service
from services.recording.settings import Settings
from tests.integration.recording.stage import Stage, opened_with, person
from tests.integration.recording.test_forms import made
from tests.support.needles import in_folder, needle
from tests.support.waiting import eventually
from tests.unit.recording.sounds import encode, noise, stream


async def chapters(bus: Bus, space_id: str, actor: str | None = None, *, proposed: bool = False) -> v1.Chapters:
    query = v1.ChaptersQuery(space_id=space_id, actor=actor, proposed=proposed)
    return (await bus.ask(query)).result


async def test_chapters_are_proposed_to_the_host_set_and_in_the_file_and_gone_with_the_replay_and_the_host(
    bus: Bus, stage: Stage, service: Service[Settings]
) -> None:
    guest, title, other_title = person("Gina"), needle(), needle()
    assert stage.keyring is not None
    await stage.start()
    await stage.join(guest)
    # The guest speaks for forty seconds, and then nobody else does.
    await stage.say(guest, stream(encode(noise(33)), at=0.5))
    pin = room.Pin(
        id=new_id(), url="https://example.org/delta", text="The delta", person=guest,
        pinned_at=stage.started_at + timedelta(seconds=30),
    )  # fmt: skip
    stage.pins.append(pin)
    await stage.end()
    await stage.ready()

    assert (await chapters(bus, stage.space_id)).chapters == ()
    with pytest.raises(Refusal, match="Only the host"):
        await chapters(bus, stage.space_id, guest.id, proposed=True)
    offered = (await chapters(bus, stage.space_id, stage.host.id, proposed=True)).chapters
    assert [(round(one.seconds), one.title, one.person and one.person.name, one.url) for one in offered] == [
        (0, "", "Gina", None),
        (30, "The delta", None, pin.url),
    ]

    async def order(*given: v1.GivenChapter, by: str | None = stage.host.id) -> None:
        command = v1.SetChapters(command_id=new_id(), actor=by, space_id=stage.space_id, chapters=given)
        await bus.ask(command)

    led, named = v1.GivenChapter(seconds=0, person_id=guest.id), v1.GivenChapter(seconds=30.5, title=title, url=pin.url)
    await order(led, named)
    found = await chapters(bus, stage.space_id)
    assert [(one.seconds, one.title, one.person and one.person.name) for one in found.chapters] == [
        (0, "", "Gina"),
        (30.5, title, None),
    ]
    assert found.seconds == pytest.approx(33.5, abs=0.1)
    assert (await stage.replay()).chapters
    event = await stage.told(v1.ChaptersChanged)
    assert event.chapters == 2
    first = await made(bus, stage.space_id, "m4a", stage.host.id)
    with av.open(BytesIO(await opened_with(stage.keyring, service.settings.var, first.object))) as container:
        assert [one["metadata"]["title"] for one in container.chapters()] == ["Gina", title]

    await order(led, v1.GivenChapter(seconds=31, title=other_title))
    second = await made(bus, stage.space_id, "m4a", stage.host.id)
    assert second.object != first.object, "it is made anew with other chapters"
    folder = service.settings.var / "recordings"
    await eventually(lambda: not (folder / first.object).exists())
    assert in_folder(service.settings.var, [title, other_title]) == {}, "words are stored sealed"

    await bus.ask(people.DestroySubjects(command_id=new_id(), subjects=(f"person:{stage.host.id}",)))
    await eventually(lambda: not (folder / second.object).exists())
    assert (await chapters(bus, stage.space_id)).chapters == ()
    await bus.ask(v1.DeleteReplay(command_id=new_id(), actor=stage.host.id, operator=True, space_id=stage.space_id))
    with pytest.raises(Refusal, match="was deleted"):
        await chapters(bus, stage.space_id)
