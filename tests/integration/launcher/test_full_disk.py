"""The disk is full, and then it is not: recording stops first, and nobody has to restart anything."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.launcher import System
from libs.identity import DevelopmentIdentity
from libs.ids import new_id
from tests.integration.gateway.client import Client
from tests.support.waiting import eventually
from tests.support.webrtc import opus_tone, speaker

DISK_MB = 200
MB = 1 << 20
RESERVED = DISK_MB * MB // 20
"""What audio leaves of it."""
LATE = 25
"""Packets that were on their way when it was noticed."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("not run: only root can mount the small disk that it fills")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """A file that takes all of a disk but so many bytes."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            free = os.statvfs(disk)
            left = free.f_bavail * free.f_frsize - leave
            if left <= 0 or not file.write(b"\0" * min(left, MB)):
                break
    return ballast


async def signed_up(system: System, handle: str) -> tuple[str, Client]:
    async with Client(system.url) as nobody:
        made = (await nobody.http.post("/v1/people", json={"handle": handle, "name": handle})).json()
    return str(made["person"]["id"]), Client(system.url, made["token"])


class Figures:
    """What a service's health page tells."""

    def __init__(self, system: System, service: str) -> None:
        self._page = str(system.info(service)["health"])

    async def of(self, metric: str) -> float:
        """A counter that has no labels."""
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            page = (await client.get(f"{self._page}/metrics")).text
        (line,) = (line for line in page.splitlines() if line.startswith(f"{metric} "))
        return float(line.split()[1])


async def test_recording_stops_first_and_a_disk_that_was_full_serves_again_by_itself(disk: Path) -> None:
    said: list[str] = []
    var = disk / "var"
    services = ("room", "people", "media", "recording", "gateway")
    async with System(var, gateway_port=0, services=services, say=said.append) as system:
        host, as_host = await signed_up(system, "host")
        token = DevelopmentIdentity(var / "keys").mint(new_id(), operator=True)
        async with as_host, Client(system.url, token) as operator:
            space = (await as_host.http.post("/v1/spaces", json={"title": "Tight", "recorded": True})).json()
            at = f"/v1/spaces/{space['id']}"

            async def missing() -> str:
                answer = await operator.http.get("/readyz")
                return "" if answer.is_success else str(answer.json()["detail"])

            async def speak(offer: str) -> str:
                sdp = {"content-type": "application/sdp"}
                return (await as_host.http.post(f"{at}/whip", content=offer, headers=sdp)).text

            async def changed() -> str:
                """The reason why the host cannot change anything, empty where they can."""
                for change in ("mute", "unmute"):
                    answer = await as_host.http.post(f"{at}/stage/{host}/{change}")
                    if not answer.is_success:
                        return str(answer.json()["reason"])
                return ""

            assert await changed() == ""
            media = Figures(system, "media")
            async with speaker(speak, opus_tone(440, 2.0) * 60):
                await eventually(lambda: media.of("rostrum_capture_packets_stored_total"))
                ballast = fill(disk, leave=RESERVED // 2)
                noticed_with = await eventually(lambda: media.of("rostrum_capture_packets_lost_total"))

                async def what_was_on_its_way_has_arrived() -> bool:
                    return await media.of("rostrum_capture_packets_lost_total") > noticed_with + LATE

                await eventually(what_was_on_its_way_has_arrived)
                stored = await media.of("rostrum_capture_packets_stored_total")
                assert await changed() == "", "commands have the rest of the disk"
                assert await missing() == ""
                assert await media.of("rostrum_capture_packets_stored_total") <= stored + LATE
                ballast.unlink()

                async def goes_on() -> bool:
                    return await media.of("rostrum_capture_packets_stored_total") > stored + LATE

                await eventually(goes_on)

            ballast = fill(disk)
            reasons: set[str] = set()

            async def noticed() -> bool:
                reasons.add(await changed())
                return "takes no writes" in (told := await missing()) or "has taken no writes" in told

            await eventually(noticed)

            async def refusing() -> bool:
                """Whether operators see it too, in what each service tells of itself once a second."""
                overview = (await operator.http.get("/v1/ops/overview")).json()
                told = [status for status in overview["services"] if "streams" in status["missing"]]
                assert not any(status["ready"] for status in told)
                return bool(told)

            await eventually(refusing)
            assert system.restarts("nats") == 0, "it would refuse writes again"
            began = time.monotonic()
            ballast.unlink()

            async def serves() -> bool:
                return await changed() == "" and await missing() == ""

            await eventually(serves)
            print({"refused_with": reasons, "serves_after": round(time.monotonic() - began, 1), "said": said})
            assert system.restarts("nats") == 1
            async with as_host.events(f"{at}/events") as told:
                assert await changed() == ""
                await told.until("room.unmuted")
