"""Stores of earlier versions are rewritten under a running system, by one command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest

from contracts import subjects
from contracts.subjects import STORED_CONTEXTS
from infra.launcher import System
from infra.nats.server import ADMIN
from libs.database import Database, Place
from libs.identity import DevelopmentIdentity
from libs.ids import new_id
from tests.support.command import rostrum
from tests.support.needles import in_bytes, in_folder
from tests.support.places import execute
from tests.support.postgres import PostgresServer
from tests.support.stored_before import Before
from tests.support.waiting import LIMIT, eventually

pytestmark = pytest.mark.timeout(600)
SERVICES = (*STORED_CONTEXTS, "discovery", "gateway")
BEFORE = tuple(context for context in STORED_CONTEXTS if context != "notifications")
"""Whose stores earlier versions had."""
SETTINGS = {
    "ROSTRUM_TRANSCRIPTION_WORKERS": "1",
    "ROSTRUM_ROOM_LEASE_SECONDS": "120",  # so long the people here, who have no sessions, go unmissed
}


def places(var: Path) -> dict[str, Place]:
    return {context: var / "stores" / f"{context}.db" for context in BEFORE}


@asynccontextmanager
async def upgraded(
    var: Path, stores: Mapping[str, Place], services: tuple[str, ...] = SERVICES, **settings: str
) -> AsyncIterator[tuple[System, Before, int]]:
    """A system on stores of an earlier version, and how many facts these have."""
    before = Before()
    facts = sum(before.write(context, place) for context, place in stores.items())
    system = System(var, gateway_port=0, services=services, settings={**SETTINGS, **settings})
    async with system:
        yield system, before, facts


async def shown(system: System, before: Before) -> dict[str, Any]:
    """What people see of all of it."""
    identity = DevelopmentIdentity(system.var_dir / "keys")
    tokens = {name: identity.mint(getattr(before, name)) for name in ("host", "ann", "bob")}
    tokens["operator"] = identity.mint(new_id(), operator=True)
    looks = {
        "space": ("host", f"/v1/spaces/{before.live}"),
        "over": ("host", f"/v1/spaces/{before.over}"),
        "transcript": ("host", f"/v1/spaces/{before.over}/transcript"),
        "spoken": ("ann", f"/v1/spaces/{before.over}/transcript"),
        "me": ("host", "/v1/me"),
        "person": ("ann", f"/v1/people/{before.host}"),
        "appeal": ("bob", "/v1/me/appeals"),
        "jar": ("ann", f"/v1/people/{before.host}/tip-jar"),
        "tips": ("ann", f"/v1/spaces/{before.live}/tips"),
        "reports": ("operator", "/v1/ops/moderation/reports"),
        "log": ("operator", "/v1/ops/moderation/log"),
    }
    found: dict[str, Any] = {}
    async with httpx.AsyncClient(base_url=system.url, timeout=LIMIT) as http:
        for name, (who, path) in looks.items():

            async def look(who: str = who, path: str = path) -> Any:
                answer = await http.get(path, headers={"authorization": f"Bearer {tokens[who]}"})
                return answer.json() if answer.status_code == 200 else None  # it catches up

            found[name] = await eventually(look)
    return found


async def migrate(system: System, *options: str, within: float = 3 * LIMIT) -> dict[str, Any]:
    """What the command says that it did."""
    said = await rostrum("migrate", "--json", "--var", str(system.var_dir), *options, within=within)
    assert said.code == 0, said.errors
    done: dict[str, Any] = json.loads(said.out)
    return done


def stored_in(stores: Mapping[str, Place], before: Before) -> set[str]:
    """The words and names that facts and snapshots of stores hold."""
    words = [*before.words.values(), *before.called.values(), *before.names.values()]
    found: set[str] = set()
    for place in stores.values():
        rows = [*execute(place, "SELECT state FROM stored_events"), *execute(place, "SELECT state FROM snapshots")]
        found |= {str(word) for word in in_bytes(b"\0".join(bytes(state) for (state,) in rows), words)}
    return found


SEARCHED = (
    "first_title", "title", "over_title", "pin", "url", "caption", "other_caption", "heard", "restored", "corrected",
    "self_corrected",
)  # fmt: skip
"""What discovery keeps to be found by."""


async def left(system: System, before: Before) -> dict[str, set[str]]:
    """The files with words or old names in them that should hold none: discovery keeps what is searched for, and
    transcription what recognisers are told."""
    words = [*before.words.values(), *before.called.values()]
    found = await asyncio.to_thread(in_folder, system.var_dir, words)
    told = {before.words[name] for name in ("listed", "over_title")}
    kept = {"discovery-read": {before.words[name] for name in SEARCHED}, "transcription-stages": told}
    strange = {path: {str(word) for word in words} - kept.get(Path(path).stem, set()) for path, words in found.items()}
    return {path: words for path, words in strange.items() if words}


async def stream_made(system: System) -> object:
    """When the stream was made."""
    user, password = system.credentials(ADMIN)
    client = await nats.connect(system.nats_url, user=user, password=password)
    try:
        return (await client.jetstream().stream_info(subjects.EVENTS_STREAM)).created
    finally:
        await client.close()


async def is_rewritten_and_shown_as_before(
    system: System, before: Before, stores: Mapping[str, Place], facts: int
) -> None:
    seen = await shown(system, before)
    everything = {*before.words.values(), *before.called.values(), *before.names.values()}
    assert stored_in(stores, before) == everything
    assert any(path.startswith("nats") for path in await left(system, before))

    done = await migrate(system)
    contexts = {one["context"]: one for one in done["contexts"]}
    assert contexts.keys() == set(STORED_CONTEXTS)
    assert sum(one["looked"] for one in contexts.values()) >= facts
    assert all(contexts[context]["rewritten"] for context in BEFORE)
    assert done["stream"]["missing"] == []
    assert stored_in(stores, before) == set()

    strange: dict[str, set[str]] = {}

    async def nothing_is_left() -> bool:
        nonlocal strange
        strange = await left(system, before)
        return not strange

    try:
        await eventually(nothing_is_left)
    except AssertionError:
        names = {word: name for name, word in {**before.words, **before.called}.items()}
        raise AssertionError({path: sorted(names[word] for word in words) for path, words in strange.items()}) from None
    assert await shown(system, before) == seen

    made = await stream_made(system)
    again = await rostrum("migrate", "--var", str(system.var_dir))
    assert again.code == 0, again.errors
    assert "0 rewritten" in again.out
    assert "nothing is stored as earlier versions stored it" in again.out
    assert await stream_made(system) == made, "clients have no reason to begin anew"


async def test_stores_of_earlier_versions_are_rewritten_under_a_running_system(tmp_path: Path) -> None:
    stores = places(tmp_path)
    async with upgraded(tmp_path, stores) as (system, before, facts):
        await is_rewritten_and_shown_as_before(system, before, stores, facts)
        # Not in what SQLite has freed either: `left` has looked at the bytes of the files.
        names = await asyncio.to_thread(in_folder, tmp_path / "stores", list(before.names.values()))
        assert not any(Path(path).name.partition(".")[0] in STORED_CONTEXTS for path in names), names


async def test_stores_in_postgresql_are_rewritten_too(tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.new_database()
    stores: dict[str, Place] = {context: Database(url, context) for context in BEFORE}
    async with upgraded(tmp_path, stores, ROSTRUM_STORE=url) as (system, before, facts):
        await is_rewritten_and_shown_as_before(system, before, stores, facts)


async def test_a_service_killed_in_the_middle_goes_on_and_one_that_does_not_run_is_named(tmp_path: Path) -> None:
    stores = places(tmp_path)
    before = Before(many=1_000)  # four pages
    for context, place in stores.items():
        before.write(context, place)
    title = before.words["first_title"].encode()

    def rewritten() -> bool:
        rows = execute(stores["room"], "SELECT state FROM stored_events ORDER BY rowid LIMIT 50")
        return not any(title in bytes(state) for (state,) in rows)

    async def begun() -> bool:
        return await asyncio.to_thread(rewritten)

    services = ("room", "people", "recording", "transcription", "notifications")
    entry = "tests.support.held_migration:serve"
    async with System(tmp_path, gateway_port=0, services=services, settings=SETTINGS, entry=entry) as system:
        command = asyncio.create_task(rostrum("migrate", "--json", "--var", str(tmp_path), within=LIMIT * 6))
        await eventually(begun)
        system.kill("room")
        assert title in b"".join(
            bytes(state) for (state,) in execute(stores["room"], "SELECT state FROM stored_events")
        )
        (tmp_path / "go_on").touch()
        code, out, errors = await command
        assert code == 1, errors
        done = {one["context"]: one for one in json.loads(out)["contexts"]}
        assert done["tipping"]["error"] == "its service does not run"
        assert [one["error"] for context, one in done.items() if context != "tipping"] == [None] * 5
        others = {context: place for context, place in stores.items() if context != "tipping"}
        assert stored_in(others, before) == set()
        assert stored_in({"tipping": stores["tipping"]}, before)
    async with System(tmp_path, gateway_port=0, services=(*services, "tipping"), settings=SETTINGS) as system:
        done = {one["context"]: one["rewritten"] for one in (await migrate(system))["contexts"]}
        assert (done["tipping"], done["room"]) == (2, 0)
        assert stored_in(stores, before) == set()
        assert (await migrate(system))["stream"] is None
