"""`rostrum up` with the real services, used through the other commands and through HTTP, and killed at the end."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import httpx

from contracts.subjects import SERVICES
from tests.support.at_rest import open_to_others
from tests.support.command import line_with, rostrum, running_rostrum
from tests.support.processes import family, gone
from tests.support.waiting import LIMIT, eventually


async def test_one_machine_from_start_to_kill(tmp_path: Path) -> None:
    env = {"ROSTRUM_GATEWAY_PORT": "0", "DEMO": "0", "ROSTRUM_TRANSCRIPTION_WORKERS": "1"}
    await asyncio.to_thread(left_open, tmp_path)
    async with running_rostrum("up", "--var", str(tmp_path), env=env) as process:
        await line_with(process, "is ready")
        system = json.loads((tmp_path / "run" / "system.json").read_text())
        assert set(system["processes"]) == {"nats", "eraser", *SERVICES}

        await ready_pages(system)
        code, token, errors = await rostrum("token", "--sign-up", "ada", "Ada", "--var", str(tmp_path))
        assert code == 0, errors
        async with httpx.AsyncClient(
            base_url=system["url"], headers={"authorization": f"Bearer {token.strip()}"}, timeout=LIMIT
        ) as ada:
            me = (await ada.get("/v1/me")).raise_for_status().json()
            assert me["handle"] == "ada"
            created = (await ada.post("/v1/spaces", json={"title": "Tea"})).raise_for_status().json()

            async def rebuilt_is_live() -> int | None:
                """Its version."""
                code, shown, errors = await rostrum("inspect", created["id"], "--json", "--var", str(tmp_path))
                assert code == 0, errors
                rebuilt = json.loads(shown)
                live = (await ada.get(f"/v1/spaces/{created['id']}")).raise_for_status().json()
                assert live["settings"]["title"] == "Tea"
                live["settings"]["title"] = "[unavailable]"  # it is sealed, and this command has no keys
                # The host, who never connects, is told to be lost meanwhile.
                return int(live["version"]) if rebuilt == {field: live[field] for field in rebuilt} else None

            version = await eventually(rebuilt_is_live)
        code, shown, _ = await rostrum("inspect", created["id"], "--events", "--var", str(tmp_path))
        assert "Created" in shown
        refused: list[str] = []
        for at in ("0", "999"):
            code, shown, errors = await rostrum("inspect", created["id"], "--at", at, "--var", str(tmp_path))
            assert (code, shown) == (1, "")
            refused.append(errors)
        assert "counted from 1" in refused[0]
        told = re.search(r"has no version 999; its last one is (\d+)", refused[1])
        assert told, refused[1]
        assert version <= int(told[1]) <= version + 1
        code, _, errors = await rostrum("inspect", me["id"], "--var", str(tmp_path))
        assert (code, errors.count("\n")) == (1, 1)

        assert open_to_others(tmp_path) == []
        everybody = family(process.pid)
        assert len(everybody) > len(SERVICES)
        process.kill()
        await gone(everybody)
    log = (tmp_path / "logs" / "nats.log").read_text()
    assert [line for line in log.splitlines() if "Violation" in line] == []


async def ready_pages(system: dict[str, dict[str, dict[str, str]]]) -> None:
    """Every service serves its health page."""
    async with httpx.AsyncClient(timeout=LIMIT) as client:

        async def lacking() -> dict[str, str]:
            """What the pages say of services that are not ready: for a moment one may lack something again."""
            pages = {name: await client.get(system["processes"][name]["health"] + "/readyz") for name in SERVICES}
            return {name: page.text for name, page in pages.items() if page.status_code != 200}

        async def all_are_ready() -> bool:
            return not await lacking()

        await eventually(all_are_ready)


def left_open(folder: Path) -> None:
    """As earlier versions left it."""
    replay = folder / "recordings" / "replay.ogg"
    replay.parent.mkdir(mode=0o755)
    replay.write_bytes(b"OggS")
    replay.chmod(0o644)
    folder.chmod(0o755)
