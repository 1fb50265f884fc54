"""A word of its own in every field that somebody can write or say; after each way of deleting, it is nowhere."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import httpx
import pytest
import pytest_asyncio

from contracts.people.v1 import ApiKeyScope
from contracts.subjects import SERVICES
from infra.demo.client import Client
from infra.launcher import System
from infra.nats.permissions import ERASER
from libs.identity import DevelopmentIdentity
from tests.e2e.forgetting import copying, scene
from tests.e2e.forgetting.looking import SERVER, Found, Ways
from tests.e2e.forgetting.scene import Person, Place
from tests.support.at_rest import open_to_others
from tests.support.command import rostrum
from tests.support.needles import Needle, in_bytes, in_folder, needle
from tests.support.roomy import SETTINGS
from tests.support.waiting import LIMIT, eventually

pytestmark = [pytest.mark.timeout(600), pytest.mark.asyncio(loop_scope="module")]

_FORGOTTEN_WITHIN = 240.0
_EVERYTHING = [part for right in ("events", "people", "relations", "tokens", "moderation") for part in ("--for", right)]
"""What webhooks may be told of."""
_SHOWN_WITHIN = LIMIT
"""A look at everything that is told of a Space takes seconds where the machine is busy."""


@dataclass
class Stage:
    """A running system, and everybody in it."""

    system: System
    var: Path
    settings: Mapping[str, str]
    host: Person
    guests: list[Person]
    places: dict[str, Place]
    ways: Ways
    askers: Mapping[str, str | None]
    operator: Client
    gone: set[Needle] = field(default_factory=set)
    """What must be nowhere."""
    hidden: set[Needle] = field(default_factory=set)
    """What stands in addresses of browsers and webhooks, which are in no file as they are, and shown to nobody else."""
    about: dict[str, str] = field(default_factory=dict)
    """What operators and somebody wrote about what was done to them, by what it is."""

    @property
    def backup(self) -> Path:
        """Where everything is as it was before anything was deleted."""
        return self.var.with_name("backup")

    async def shown(self, words: Collection[Needle], made: Place | None = None) -> Found:
        """Where words are shown to anybody; in all that is told of one Space, where that is given."""
        return await self.ways.find(self.askers, words, None if made is None else made.id)

    async def kept(self, var: Path, among: Collection[str] | None = None) -> dict[str, set[str]]:
        """The files in a folder, all or some of them, in which something is that must be nowhere: by what it is."""
        names: dict[Needle, str] = {}
        for kind, made in self.places.items():
            names |= {word: f"{name} of {kind}" for name, word in made.words.items()}
            names |= {made.answered: f"answered request of {kind}"}
            names |= dict.fromkeys(made.packets, f"sound of {kind}")
        names |= {word: name for name, word in self.about.items()}
        for one in (self.host, *self.guests):
            names |= {word: f"{name} of {one.words['name']}" for name, word in one.words.items()}
            names[one.tone] = f"tone of {one.words['name']}"
        found: dict[str, set[str]] = {}
        for where, some in (await asyncio.to_thread(in_folder, var, self.gone, among)).items():
            for word in some:
                found.setdefault(names[word], set()).add(where)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    var = tmp_path_factory.mktemp("forgetting") / "var"
    settings = {
        **SETTINGS,
        **scene.PATIENCE,
        "ROSTRUM_TRANSCRIPTION_PARTIAL_EVERY": "10",
        "ROSTRUM_ROOM_GRACE_SECONDS": "3600",
        "ROSTRUM_GATEWAY_PEOPLE_SEARCHES_PER_MINUTE": "9999",
        "ROSTRUM_PEOPLE_REPORTED_DAYS": "1e-9",
        "ROSTRUM_PEOPLE_KEY_LEASE": "15",  # so long forgetting waits for a process that was killed
        "ROSTRUM_RECORDING_KEEP_LOOK_SECONDS": "1",
        "ROSTRUM_NOTIFICATIONS_PUSH_HOSTS": '["127.0.0.1"]',
        "ROSTRUM_NOTIFICATIONS_PRIVATE_HOSTS": '["127.0.0.1"]',
    }
    async with System(var, gateway_port=0, settings=settings) as system, AsyncExitStack() as stack:
        # It takes nothing, so that everything that it wants waits, and all of that is looked at.
        webhook = needle()
        address = f"http://127.0.0.1:9/{webhook}"
        added = await rostrum("webhooks", "--var", str(var), "add", address, *_EVERYTHING)
        assert added.code == 0, added.errors
        host = await stack.enter_async_context(scene.person(system.url, 0))
        guests = [await stack.enter_async_context(scene.person(system.url, number)) for number in range(1, 8)]
        kinds: dict[str, dict[str, bool]] = {
            "replay": {"recorded": True, "captions": True},
            "captions": {"recorded": False, "captions": True},
            "ephemeral": {"ephemeral": True, "captions": True},
            "person": {"recorded": True, "captions": True, "both_sing": True},
            "expired": {"recorded": True, "captions": True},
            "space": {"recorded": True, "captions": True},
            "pin": {},
        }
        made = await asyncio.gather(
            *(
                scene.place(system.url, host, guest, number, **settings)
                for number, (guest, settings) in enumerate(zip(guests, kinds.values(), strict=False), 1)
            )
        )
        places = dict(zip(kinds, made, strict=True))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=system.url, timeout=LIMIT))
        ways = Ways(http, [one.id for one in made], [host.client.id, *(one.client.id for one in guests)])
        token = DevelopmentIdentity(var / "keys").mint(host.client.id, operator=True)
        askers = {"host": host.client.token, "guest": guests[0].client.token, "nobody": None, "operator": token}
        askers[SERVER] = await _api_key(var)
        operator = await stack.enter_async_context(aclosing(Client(system.url, token)))
        hidden: set[Needle] = {webhook, *(one.hidden for one in (host, *guests))}
        yield Stage(system, var, settings, host, guests, places, ways, askers, operator, hidden=hidden)


async def _api_key(var: Path) -> str:
    """With which a server may do everything."""
    rights = [argument for scope in get_args(ApiKeyScope) for argument in ("--for", scope)]
    said = await rostrum("keys", "--var", str(var), "--json", "create", "app", *rights)
    assert said.code == 0, said.errors
    return str(json.loads(said.out)["key"])


async def test_everything_is_shown(stage: Stage) -> None:
    words = {f"{name} of {kind}": word for kind, made in stage.places.items() for name, word in made.words.items()}
    words |= {f"{name} of {one.words['name']}": word for one in stage.guests for name, word in one.words.items()}
    found = await stage.shown(list(words.values()))
    assert [name for name, word in words.items() if not found.get(word)] == []
    told = {word for word, places in found.items() if any(where.startswith(SERVER) for where in places)}
    of_all = {
        word for made in stage.places.values() for name, word in made.words.items() if name in ("title", "sentence")
    }
    assert of_all <= told, "servers are told of every Space"


async def test_files_hold_what_people_are_called_and_what_is_searched_and_no_other_words(stage: Stage) -> None:
    names: dict[Needle, str] = {word: name for made in stage.places.values() for name, word in made.words.items()}
    names |= {word: name for one in stage.guests for name, word in one.words.items()}
    names |= dict.fromkeys((packet for made in stage.places.values() for packet in made.packets), "sound")
    names |= {one.tone: "tone" for one in stage.guests}
    found: dict[str, set[str]] = {}
    for where, some in (await asyncio.to_thread(in_folder, stage.var, names)).items():
        for word in some:
            found.setdefault(names[word], set()).add(Path(where).name.removesuffix("-wal"))
    for called in ("name", "handle"):
        assert {"1.blk", "people-names.db", "room-people.db", "discovery-read.db"} <= found.pop(called)
    search, hints = "discovery-read.db", "transcription-stages.db"
    assert found == {
        "title": {search, hints},
        "pinned link": {search},
        "pinned text": {search},
        "sentence": {search},
        "word": {hints},
    }


async def test_what_waits_for_webhooks_and_browsers_tells_nothing_where_it_is_kept(stage: Stage) -> None:
    async def waits() -> bool:
        with contextlib.closing(sqlite3.connect(stage.var / "stores" / "notifications-deliveries.db")) as db:
            kept = {type for (type,) in db.execute("SELECT DISTINCT type FROM events")}
        return {"people.registered", "room.created", "room.pinned", "transcription.captioned"} <= kept

    await eventually(waits)
    found = await asyncio.to_thread(in_folder, stage.var, stage.hidden)
    assert found == {}
    words = [word for made in stage.places.values() for word in made.words.values()]
    words += [word for one in (stage.host, *stage.guests) for word in one.words.values()]
    kept = {name for name in await asyncio.to_thread(in_folder, stage.var, words) if "notifications" in name}
    assert kept == set()


async def test_a_backup_is_made(stage: Stage) -> None:
    said = await rostrum("backup", str(stage.backup), "--var", str(stage.var))
    assert said.code == 0, said.errors


async def test_a_request_that_is_answered(stage: Stage) -> None:
    made, *others = (made for made in stage.places.values() if made.answered)
    await _gone(stage, made, [made.answered])
    stage.gone |= {other.answered for other in others}


async def test_a_pin_that_is_removed(stage: Stage) -> None:
    made = stage.places["pin"]
    await made.host.client.call("DELETE", f"{made.base}/pins/{made.pin_id}")
    await _gone(stage, made, [made.words["pinned link"], made.words["pinned text"]])


async def test_captions_of_an_unrecorded_space_and_the_copy_in_a_report(stage: Stage) -> None:
    made = stage.places["captions"]
    sentence = made.words["sentence"]
    await scene.report(made)
    copy: list[Needle] = [sentence, made.guest.tone]
    await _is_copied(stage, made, [*copy, made.words["comment"]])
    await scene.end(made)
    await _gone(stage, made, [sentence, *made.packets])
    await _is_copied(stage, made, copy)
    made.words["outcome"] = needle()
    outcome = {"outcome": "dismissed", "explanation": made.words["outcome"]}
    closed = await stage.operator.call("POST", f"/v1/ops/moderation/reports/{made.reported}/close", outcome)
    assert closed["explanation"] == made.words["outcome"]
    stage.ways.reports.append(made.reported)
    stage.gone |= {made.words["comment"], made.words["outcome"], made.guest.tone}

    async def destroyed() -> bool:
        return not await _of_report(stage, made, [*copy, made.words["comment"], made.words["outcome"]])

    await eventually(destroyed, within=_SHOWN_WITHIN)


async def test_a_transcript_and_then_a_replay_that_their_host_deletes(stage: Stage) -> None:
    made = stage.places["replay"]
    await _is_shown(stage, made, [made.guest.tone])  # in the mix of the Space that runs
    await scene.end(made)
    await scene.correct(made)
    words: list[Needle] = [made.words["sentence"], made.words["correction"]]
    sound: list[Needle] = [made.guest.tone, made.packets[0]]
    await _is_shown(stage, made, [*words, *sound])
    await made.host.client.call("DELETE", f"{made.base}/transcript")
    await _gone(stage, made, words)
    await _is_shown(stage, made, sound)
    await made.host.client.call("DELETE", f"{made.base}/replay")
    await _gone(stage, made, [*words, made.guest.tone, *made.packets])


async def test_a_caption_that_is_deleted_and_then_its_space(stage: Stage) -> None:
    made = stage.places["space"]
    await scene.end(made)
    await scene.correct(made)
    await _is_shown(stage, made, [made.words["sentence"], made.words["correction"]])
    await made.host.client.call("DELETE", f"{made.base}/transcript/captions/{made.caption_id}")
    await _gone(stage, made, [made.words["sentence"], made.words["correction"]])
    await made.host.client.call("DELETE", made.base)
    # What was said in a tip is between two people.
    await _gone(stage, made, [*(word for name, word in made.words.items() if name != "tip"), *made.packets])


async def test_an_ephemeral_space_that_ends(stage: Stage) -> None:
    made = stage.places["ephemeral"]
    await scene.end(made)
    await _gone(stage, made, [*made.words.values(), *made.packets])


async def test_a_person_who_deletes_their_account_while_each_service_is_killed(stage: Stage) -> None:
    made = stage.places["person"]
    leaver = made.guest
    await scene.end(made)
    await scene.correct(made)
    written = [word for name, word in made.words.items() if name not in made.by_guest | {"correction"}]
    of_others: list[Needle] = [*written, made.host.tone]
    await _is_shown(stage, made, [leaver.tone, *of_others])
    theirs = [made.words[name] for name in made.by_guest if name in made.words]
    url = stage.system.url
    await copying.give_picture(url, leaver)
    copy = await copying.copy_of(url, leaver)
    words = b"".join(data for name, data in copy.items() if name.endswith(".json")).decode().lower()
    wanted = [*leaver.words.values(), *theirs, made.words["correction"]]
    assert [word for word in wanted if word.lower() not in words] == []
    assert [word for word in written if word.lower() in words] == []
    assert {f"tracks/{made.id}.ogg", "picture/picture.webp"} <= copy.keys()
    assert copying.pictures(stage.var, leaver)
    await leaver.client.call("DELETE", "/v1/me", {"confirmation": leaver.words["handle"]})
    for service in (*SERVICES, ERASER):
        stage.system.kill(service)
        await stage.system.ready(service)
    await _gone(stage, made, [*leaver.words.values(), *theirs, made.words["correction"], leaver.tone, *made.packets])
    await _is_shown(stage, made, of_others)
    assert await copying.refusals(url, leaver) == [("copy", 401), ("picture", 404)]
    await eventually(lambda: not copying.pictures(stage.var, leaver))


async def test_a_person_whom_an_operator_deletes(stage: Stage) -> None:
    made = stage.places["captions"]
    leaver = made.guest
    await copying.give_picture(stage.system.url, leaver)
    stage.about |= await scene.judge(stage.operator, leaver)
    await eventually(lambda: not copying.pictures(stage.var, leaver))
    about = stage.about.values()

    async def shown() -> bool:
        return await _told(stage, ("/v1/ops/moderation/log", "/v1/ops/moderation/appeals"), about) == set(about)

    await eventually(shown, within=_SHOWN_WITHIN)
    said = await rostrum("erase", f"@{leaver.words['handle']}", "--yes", "--json", "--var", str(stage.var))
    assert said.code == 0, said.errors
    await _gone(stage, made, [*about, *leaver.words.values(), made.words["tip"]])


async def test_a_replay_that_expires(stage: Stage) -> None:
    made = stage.places["expired"]
    await scene.end(made)
    words: list[Needle] = [made.words["sentence"], made.guest.tone, made.packets[0]]
    await _is_shown(stage, made, words)
    stage.system.change({"ROSTRUM_RECORDING_REPLAY_DAYS": "1e-9"})
    stage.system.kill("recording")
    await _gone(stage, made, words)


async def test_nothing_of_it_is_left_anywhere(stage: Stage) -> None:
    await _in_no_file(stage, stage.var)
    assert await stage.shown(stage.gone) == {}
    assert open_to_others(stage.var) == []


async def test_nothing_of_it_comes_back_with_the_backup(stage: Stage) -> None:
    var = stage.var.with_name("restored")
    said = await rostrum("restore", str(stage.backup), "--ledger", str(stage.var / "ledger"), "--var", str(var))
    assert said.code == 0, said.errors
    async with (
        System(var, gateway_port=0, settings=dict(stage.settings)) as system,
        httpx.AsyncClient(base_url=system.url, timeout=LIMIT) as http,
    ):
        await _in_no_file(stage, var)
        ways = stage.ways.at(http)
        assert await ways.find({"operator": stage.askers["operator"]}, stage.gone) == {}
        host = stage.host
        assert in_bytes(await ways.read(host.client.token, "/v1/me"), [host.words["name"]]) == {host.words["name"]}


async def _in_no_file(stage: Stage, var: Path) -> None:
    """Wait until nothing of what must be nowhere is in the files of a system."""
    left = await stage.kept(var)

    async def nowhere() -> bool:
        nonlocal left
        left = await stage.kept(var, set.union(*left.values())) if left else {}
        left = left or await stage.kept(var)
        return not left

    try:
        await eventually(nowhere, within=_FORGOTTEN_WITHIN)
    except AssertionError:
        raise AssertionError(f"still there: { {name: sorted(where) for name, where in left.items()} }") from None


async def _is_shown(stage: Stage, made: Place, words: Collection[Needle]) -> None:
    """Wait until somebody is shown each of these words: what is found is found a moment after it was written."""

    see_most = {who: stage.askers[who] for who in ("host", "operator")}

    async def everywhere() -> bool:
        found = await stage.ways.find(see_most, words, made.id)
        return all(found.get(word) for word in words)

    await eventually(everywhere, within=_SHOWN_WITHIN)


async def _told(stage: Stage, addresses: Iterable[str], words: Collection[Needle]) -> set[Needle]:
    """Which words an operator is shown there."""
    found: set[Needle] = set()
    for address in addresses:
        found |= in_bytes(await stage.ways.read(stage.operator.token, address), words)
    return found


async def _of_report(stage: Stage, made: Place, words: Collection[Needle]) -> set[Needle]:
    """Which words an operator is shown in a report of a Space, in what was copied for it too."""
    at = "/v1/ops/moderation/reports"
    copied = f"{at}/{made.reported}/evidence"
    return await _told(stage, (at, copied, f"{copied}/0.m4a"), words)


async def _is_copied(stage: Stage, made: Place, words: Collection[Needle]) -> None:
    async def copied() -> bool:
        return await _of_report(stage, made, words) == set(words)

    await eventually(copied, within=_SHOWN_WITHIN)


async def _gone(stage: Stage, made: Place, words: Collection[Needle]) -> None:
    """Wait until words are in nothing that is told of their Space; that they are in no file either is seen in the end,
    as some files are cleaned once a minute."""

    found: Found = {}

    async def nowhere() -> bool:
        nonlocal found
        found = await stage.shown(words, made)
        return not found

    try:
        await eventually(nowhere, within=_FORGOTTEN_WITHIN)
    except AssertionError:
        raise AssertionError(f"still shown: {found}") from None
    stage.gone |= set(words)
