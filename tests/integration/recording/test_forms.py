"""The mix is downloaded in forms that are made when they are asked for, and gone when the replay or its host is."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
import pytest

from contracts.people import v1 as people
from contracts.recording import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.keyring import Destroyed
from libs.refusal import Refusal
from libs.service import Service
from services.recording.settings import Settings
from tests.integration.recording.stage import Stage, opened_with, person
from tests.support.waiting import eventually
from tests.unit.recording.sounds import encode, speech, stream


async def made(bus: Bus, space_id: str, form: str, actor: str | None) -> v1.ReplayForm:
    """A form, asked for until it is made."""

    async def there() -> v1.ReplayForm | None:
        try:
            query = v1.ReplayFormQuery(space_id=space_id, form=form, actor=actor)
            return (await bus.ask(query, timeout=5)).result
        except Refusal as no:
            if no.reason == "not_ready":
                return None
            raise

    return await eventually(there)


def stored(service: Service[Settings], space_id: str) -> list[Path]:
    folder = service.settings.var / "recordings" / "spaces" / space_id / "forms"
    return sorted(path for path in folder.rglob("*") if path.is_file())


async def test_a_form_is_made_when_it_is_asked_for_and_gone_with_its_replay_and_with_its_host(
    bus: Bus, stage: Stage, service: Service[Settings]
) -> None:
    other = Stage(bus)
    other.host = other.hosted_by = stage.host  # the same host has another Space
    other.stage, other.keyring = [], stage.keyring
    guest = person("Gina")
    assert stage.keyring is not None
    for one in (stage, other):
        await one.start()
        await one.join(guest)
        await one.say(guest, stream(encode(speech("slt", 2)), at=1))
        await one.end()
    for one in (stage, other):
        await one.ready()

    form = await made(bus, stage.space_id, "m4a", stage.host.id)
    data = await opened_with(stage.keyring, service.settings.var, form.object)
    assert len(data) == form.bytes
    with av.open(BytesIO(data)) as container:
        tags = {name: container.metadata[name] for name in ("title", "artist", "date")}
    assert tags == {"title": "On rivers", "artist": "Hanna", "date": f"{stage.started_at:%Y-%m-%d}"}
    assert data[2000:2100] not in stored(service, stage.space_id)[0].read_bytes()
    assert (await made(bus, stage.space_id, "m4a", stage.host.id)).object == form.object, "it is made once"

    with pytest.raises(Refusal, match="does not let others"):
        await made(bus, stage.space_id, "mp3", guest.id)
    allow = v1.AllowDownloads(command_id=new_id(), actor=stage.host.id, space_id=stage.space_id, allowed=True)
    await bus.ask(allow)
    assert (await stage.replay()).downloads
    mp3 = await made(bus, stage.space_id, "mp3", guest.id)
    track = v1.ReplayFormQuery(space_id=stage.space_id, form="opus", person_id=guest.id, actor=None)
    assert (await bus.ask(track)).result.object == (await stage.replay()).tracks[0].object
    of_other = await made(bus, other.space_id, "opus", stage.host.id)

    await bus.ask(v1.DeleteReplay(command_id=new_id(), actor=stage.host.id, space_id=stage.space_id))
    with pytest.raises(Refusal, match="was deleted"):
        await made(bus, stage.space_id, "m4a", stage.host.id)
    await eventually(lambda: not stored(service, stage.space_id))
    for name in (form.object, mp3.object):
        (service.settings.var / "recordings" / name).write_bytes(b"put back from a backup" * 10)
        with pytest.raises(Destroyed):
            await opened_with(stage.keyring, service.settings.var, name)

    await bus.ask(people.DestroySubjects(command_id=new_id(), subjects=(f"person:{stage.host.id}",)))
    await eventually(lambda: not stored(service, other.space_id))
    (service.settings.var / "recordings" / of_other.object).write_bytes(b"put back from a backup" * 10)
    with pytest.raises(Destroyed):
        await opened_with(stage.keyring, service.settings.var, of_other.object)
    with pytest.raises(Refusal, match="nothing of this replay"):
        await made(bus, other.space_id, "opus", stage.host.id)
