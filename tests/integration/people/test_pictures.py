"""A person's picture: told to everybody by its address, sealed where it is stored, and gone with the next one or with
the person."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts import object_names, pictures, subjects
from contracts.people import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.object_store import ObjectStoreError, StoredObjects
from libs.refusal import Refusal
from libs.service import running
from services.people.main import compose
from services.people.settings import Settings
from tests.integration.people.asking import profile, sign_up
from tests.integration.people.test_erasing import erase
from tests.integration.people.test_moderation import suspend
from tests.support.nats import NatsServer
from tests.support.personal_data import held
from tests.support.waiting import eventually

DATA = b"RIFFneedle of a pictureWEBP" * 100


def wanted(person: str, picture: str = "", *, key: str = "", data: bytes = DATA) -> v1.ChangePicture:
    sizes = tuple(v1.PictureSize(side=side, data=data + bytes([side % 251])) for side in pictures.SIDES)
    return v1.ChangePicture(command_id=key or new_id(), actor=person, picture_id=picture or new_id(), sizes=sizes)


def stored(server: NatsServer, person: str) -> set[str]:
    """The names of somebody's pictures in the object store."""
    folder = Path(server.env["ROSTRUM_VAR"]) / object_names.FOLDER
    return {str(path.relative_to(folder)) for path in folder.glob(f"people/{person}/*")}


def names_of(person: str, picture: str) -> set[str]:
    return {object_names.picture(person, picture, side) for side in pictures.SIDES}


@pytest.mark.usefixtures("people")
async def test_everybody_is_told_its_address_and_the_one_before_is_gone(bus: Bus, server: NatsServer) -> None:
    ann, bob = await sign_up(bus, "ann"), await sign_up(bus, "bob")
    assert ann.picture is None
    one, two = new_id(), new_id()
    changed = (await bus.ask(wanted(ann.id, one, key="k"))).result
    assert changed.picture == pictures.address_of(ann.id, one)
    assert (await bus.ask(wanted(ann.id, one, key="k"))).result == changed, "sent again, it happens once"
    assert stored(server, ann.id) == names_of(ann.id, one)
    folder = Path(server.env["ROSTRUM_VAR"]) / object_names.FOLDER
    kept = {name: (folder / name).read_bytes() for name in stored(server, ann.id)}
    assert all(b"needle" not in data for data in kept.values())
    with pytest.raises(Refusal):
        await bus.ask(wanted(ann.id, one, key="k", data=DATA[::-1]))
    assert kept == {name: (folder / name).read_bytes() for name in stored(server, ann.id)}, "it was another picture"
    (found,) = (await bus.ask(v1.PeopleQuery(actor=bob.id, words="ann"))).result.people
    assert found.picture == changed.picture
    (about,) = [one for one in await held(bus, v1.HeldQuery, ann.id) if one.subject == "profile"]
    assert about.file is not None
    assert about.file.object == object_names.picture(ann.id, one, max(pictures.SIDES))

    assert (await bus.ask(wanted(ann.id, two))).result.picture == pictures.address_of(ann.id, two)
    assert stored(server, ann.id) == names_of(ann.id, two)
    assert (await bus.ask(v1.RemovePicture(command_id=new_id(), actor=ann.id))).result.picture is None
    await eventually(lambda: not stored(server, ann.id))
    told: list[str | None] = []
    async for batch in bus.follow(filters=[subjects.event("people", ann.id, v1.ProfileChanged.name)]):
        told += [one.event.picture for one in batch if isinstance(one.event, v1.ProfileChanged)]
        if len(told) == 3:
            break
    assert told == [pictures.address_of(ann.id, one), pictures.address_of(ann.id, two), None]
    assert (await profile(bus, ann.id)).picture is None


@pytest.mark.usefixtures("people")
async def test_operators_remove_it_and_the_log_and_the_person_are_told_why(bus: Bus, server: NatsServer) -> None:
    ann, operator = await sign_up(bus, "ann"), await sign_up(bus, "operator")
    remove = v1.TakePictureAway(
        command_id=new_id(), actor=operator.id, operator=True, person_id=ann.id, explanation="It shows somebody else."
    )
    await bus.ask(remove.model_copy(update={"command_id": new_id()}))  # there is none
    await bus.ask(wanted(ann.id))
    await suspend(bus, ann)
    await bus.ask(remove)
    await bus.ask(remove)
    assert (await profile(bus, ann.id)).picture is None
    await eventually(lambda: not stored(server, ann.id))
    log = (await bus.ask(v1.LogQuery(operator=True, person_id=ann.id))).result.entries
    (entry,) = [one for one in log if one.act == "picture_removed"]
    assert (entry.actor_id, entry.explanation) == (operator.id, "It shows somebody else.")
    assert (entry.what, entry.before, entry.after, entry.undoable) == ("picture", "the person's", "none", False)
    told = [one.fields for one in await held(bus, v1.HeldQuery, ann.id) if one.subject == "account"]
    assert {"event": "picture_taken_away", "explanation": "It shows somebody else."} in told


@pytest.mark.usefixtures("people")
async def test_what_is_refused_is_not_stored(bus: Bus, server: NatsServer) -> None:
    ann = await sign_up(bus, "ann")
    one = new_id()
    await bus.ask(wanted(ann.id, one))
    await suspend(bus, ann)
    stranger = new_id()
    for command, why in (
        (wanted(ann.id), "suspended"),
        (wanted(stranger), "person_unknown"),
        (v1.RemovePicture(command_id=new_id(), actor=ann.id), "suspended"),
        (wanted(ann.id).model_copy(update={"sizes": wanted(ann.id).sizes[:1]}), "invalid"),
    ):
        with pytest.raises(Refusal, match=why):
            await bus.ask(command)
    assert stored(server, ann.id) == names_of(ann.id, one)
    assert not stored(server, stranger)


@pytest.mark.usefixtures("people")
async def test_of_a_picture_that_cannot_be_stored_whole_nothing_stays(
    bus: Bus, server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = StoredObjects.put

    async def all_but_the_last(self: StoredObjects, name: str, content: Path | bytes, media_type: str) -> None:
        if name.endswith(f".{pictures.SIDES[-1]}.webp.sealed"):
            raise ObjectStoreError(f"{name}: there is no room")
        await put(self, name, content, media_type)

    ann, one = await sign_up(bus, "ann"), new_id()
    await bus.ask(wanted(ann.id, one))
    monkeypatch.setattr(StoredObjects, "put", all_but_the_last)
    with pytest.raises(Refusal, match="unavailable"):
        await bus.ask(wanted(ann.id))
    await eventually(lambda: stored(server, ann.id) == names_of(ann.id, one))
    assert (await profile(bus, ann.id)).picture == pictures.address_of(ann.id, one)


@pytest.mark.usefixtures("people")
async def test_what_a_crash_left_goes_with_whoever_never_had_a_picture(bus: Bus, server: NatsServer) -> None:
    ann = await sign_up(bus, "ann")
    left = Path(server.env["ROSTRUM_VAR"]) / object_names.FOLDER / object_names.picture(ann.id, new_id(), 128)
    left.parent.mkdir(parents=True)
    left.write_bytes(DATA)
    await erase(bus, ann, confirmation="ann")
    await eventually(lambda: not left.exists())


async def test_it_goes_with_the_person_also_where_people_is_stopped_meanwhile(bus: Bus, server: NatsServer) -> None:
    settings = Settings.read(server.env)
    async with running(settings, compose):
        ann, bob = await sign_up(bus, "ann"), await sign_up(bus, "bob")
        for person in (ann, bob):
            await bus.ask(wanted(person.id))
        await erase(bus, ann, confirmation="ann")
    async with running(settings, compose):
        await eventually(lambda: not stored(server, ann.id))
        assert stored(server, bob.id)
