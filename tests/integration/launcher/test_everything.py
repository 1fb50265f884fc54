"""`rostrum up` with the real services, used through the other commands and through HTTP, and killed at the end."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx
import pytest

from contracts.subjects import SERVICES
from tests.support.processes import family, gone


async def rostrum(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.cli", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


@pytest.mark.timeout(180)
async def test_one_machine_from_start_to_kill(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.cli", "up", "--var", str(tmp_path),
        env={**os.environ, "ROSTRUM_GATEWAY_PORT": "0", "DEMO": "0"}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    said = ""
    try:
        async with asyncio.timeout(90):
            while "is ready" not in said:
                said += (line := (await process.stderr.readline()).decode())
                assert line, f"the launcher ended: {said}"
        system = json.loads((tmp_path / "run" / "system.json").read_text())
        assert set(system["processes"]) == {"nats", *SERVICES}

        await ready_pages(system)
        code, token, errors = await rostrum("token", "--sign-up", "ada", "Ada", "--var", str(tmp_path))
        assert code == 0, errors
        async with httpx.AsyncClient(
            base_url=system["url"], headers={"authorization": f"Bearer {token.strip()}"}
        ) as ada:
            me = (await ada.get("/v1/me")).raise_for_status().json()
            assert me["handle"] == "ada"
            created = (await ada.post("/v1/spaces", json={"title": "Tea"})).raise_for_status().json()
            live = (await ada.get(f"/v1/spaces/{created['id']}")).raise_for_status().json()
        code, shown, errors = await rostrum("inspect", created["id"], "--json", "--var", str(tmp_path))
        assert code == 0, errors
        rebuilt = json.loads(shown)
        assert rebuilt == {field: live[field] for field in rebuilt}
        code, shown, _ = await rostrum("inspect", created["id"], "--events", "--var", str(tmp_path))
        assert "Created" in shown
        code, _, errors = await rostrum("inspect", me["id"], "--var", str(tmp_path))
        assert (code, errors.count("\n")) == (1, 1)

        everybody = family(process.pid)
        assert len(everybody) > len(SERVICES)
        process.kill()
        await gone(everybody, within=12)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
    log = (tmp_path / "logs" / "nats.log").read_text()
    assert [line for line in log.splitlines() if "Violation" in line] == []


async def ready_pages(system: dict[str, dict[str, dict[str, str]]]) -> None:
    """Every service serves its health page."""
    async with httpx.AsyncClient() as client:
        for name in SERVICES:
            page = await client.get(system["processes"][name]["health"] + "/readyz")
            assert page.status_code == 200, f"{name}: {page.text}"
