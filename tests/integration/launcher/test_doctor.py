"""`rostrum doctor` says what does not hold on a machine, and nothing else."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme

from infra.doctor import CHECKS, Finding, Level, Situation
from infra.public_address import PublicAddress
from tests.support.command import line_with, rostrum, running_rostrum
from tests.support.issuer import AUDIENCE, ISSUER, SigningKey, key_set
from tests.support.nats import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")
HERE = "127.0.0.1"


@dataclass(frozen=True)
class Machine:
    """A machine that is set up as docs/public.md says."""

    folder: Path
    port: int
    media: int

    @property
    def public(self) -> list[str]:
        certificate = str(self.folder / "both.pem")
        url = f"https://localhost:{self.port}"
        return ["--public", url, "--certificate", certificate, "--media-address", HERE]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SSL_CERT_FILE": str(self.folder / "authority.pem"),
            "ROSTRUM_IDENTITY": "tokens",
            "ROSTRUM_IDENTITY_ISSUER": ISSUER,
            "ROSTRUM_IDENTITY_AUDIENCE": AUDIENCE,
            "ROSTRUM_IDENTITY_KEYS": str(self.folder / "keys.json"),
            "ROSTRUM_GATEWAY_HOST": HERE,
            "ROSTRUM_MEDIA_HOST": HERE,
            "ROSTRUM_MEDIA_PORT": str(self.media),
        }

    @property
    def var(self) -> str:
        return str(self.folder / "var")

    async def doctor(self, **changed: str) -> Mapping[str, Any]:
        """What the command finds, by check; that its exit code is right was asserted."""
        env = {**self.environment, **changed}
        said = await rostrum("doctor", "--json", "--var", self.var, *self.public, env=env)
        answer = json.loads(said.out)
        findings = {finding["check"]: finding for finding in answer["findings"]}
        broken = [finding for finding in findings.values() if finding["level"] == "bad"]
        assert (said.code, answer["ok"]) == (1 if broken else 0, not broken)
        return findings

    async def check(self, name: str, **faults: str) -> Finding:
        """What one check finds."""
        url = f"https://localhost:{self.port}"
        address = PublicAddress(url, self.folder / "both.pem", media=[HERE])
        environment = {**self.environment, **address.settings(self.environment), **faults}
        finding = await dict(CHECKS)[name](Situation(environment, Path(faults.get("ROSTRUM_VAR", self.var))))
        assert finding is not None
        assert bool(finding.mend) == (finding.level is not Level.GOOD)
        return finding


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    folder = tmp_path_factory.mktemp("machine")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    authority.issue_cert("localhost", HERE).private_key_and_cert_chain_pem.write_to_path(str(folder / "both.pem"))
    authority.issue_cert("other.example.org").private_key_and_cert_chain_pem.write_to_path(str(folder / "other.pem"))
    for name, days in (("past", -1), ("soon", 3)):
        until = datetime.now(UTC) + timedelta(days=days)
        issued = authority.issue_cert("localhost", not_after=until)
        issued.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{name}.pem"))
    (folder / "keys.json").write_bytes(key_set(SigningKey()))
    return Machine(folder, free_port(), free_port())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(machine: Machine) -> AsyncIterator[Machine]:
    """The same, and it serves."""
    services = ("--services", "room,people,media,gateway")
    async with running_rostrum("up", *services, "--var", machine.var, *machine.public, env=machine.environment) as up:
        assert f"https://localhost:{machine.port}" in await line_with(up, "is ready")
        yield machine
        up.terminate()
        await up.wait()


async def test_a_machine_that_is_set_up_has_nothing_to_mend(machine: Machine) -> None:
    found = await machine.doctor()
    assert [name for name, _ in CHECKS if name not in found] == []
    assert {name: one["found"] for name, one in found.items() if one["level"] == "bad"} == {}


async def test_while_it_serves_the_public_address_and_the_media_port_are_asked(running: Machine) -> None:
    found = await running.doctor()
    assert {name: one["found"] for name, one in found.items() if one["level"] == "bad"} == {}
    for name in ("public address", "media over UDP", "media over TCP", "certificate"):
        assert found[name]["level"] == "good", found[name]
    # And what is sent to a port where nobody listens does not arrive.
    other = str(free_port())
    assert (await running.check("media over UDP", ROSTRUM_MEDIA_PORT=other)).level is Level.BAD
    assert (await running.check("media over TCP", ROSTRUM_MEDIA_TCP_PORT=other)).level is Level.BAD


@pytest.mark.parametrize(
    ("check", "faults", "why"),
    [
        ("settings", {"ROSTRUM_ROOM_QUEUE_LIMIT": "many"}, "ROSTRUM_ROOM_QUEUE_LIMIT"),
        ("settings", {"ROSTRUM_GATEWAY_PROT": "1"}, "ROSTRUM_GATEWAY_PROT"),
        ("settings", {"ROSTRUM_IDENTITY": "development", "ROSTRUM_PUBLIC_URL": "https://live.example.org"}, "anybody"),
        ("disk", {"ROSTRUM_VAR": "/dev/null/var"}, "takes no files"),
        ("NATS", {"ROSTRUM_NATS_URL": f"nats://ann:secret@{HERE}:1"}, "does not let us in"),
        ("event stores", {"ROSTRUM_STORE": f"postgresql://ann:secret@{HERE}:1/x"}, f"postgresql://ann@{HERE}:1/x"),
        ("object store", {"ROSTRUM_RECORDINGS_URL": "s4://bucket"}, "s4://bucket"),
        ("analytics", {"ROSTRUM_ANALYTICS_CLICKHOUSE": f"http://ann:secret@{HERE}:1"}, "ClickHouse"),
        ("speech model", {"ROSTRUM_TRANSCRIPTION_ENGINE": "ear"}, "ear"),
        ("speech model", {"ROSTRUM_TRANSCRIPTION_ENGINE": "sherpa_onnx"}, "sherpa"),
        ("identity", {"ROSTRUM_IDENTITY": "oidc"}, "ROSTRUM_IDENTITY_CLIENT_ID"),
        ("identity", {"ROSTRUM_IDENTITY_KEYS": "nowhere.json"}, "nowhere.json"),
        ("identity", {"ROSTRUM_IDENTITY_KEYS": __file__}, Path(__file__).name),
        ("identity", {"ROSTRUM_IDENTITY_KEYS": "https://localhost:1/keys"}, "cannot be"),
        ("media over UDP", {"ROSTRUM_MEDIA_PUBLIC_HOSTS": '["192.0.2.1"]'}, "192.0.2.1"),
        ("media over UDP", {"ROSTRUM_MEDIA_PORT": "0"}, "a free port"),
        ("media over TCP", {"ROSTRUM_MEDIA_TCP_PORT": "0"}, "a free port"),
        ("TURN", {"ROSTRUM_GATEWAY_TURN_URLS": f'["turn:{HERE}:1"]'}, "ROSTRUM_GATEWAY_TURN_SECRET"),
    ],
)
async def test_each_fault_is_found_by_its_check(machine: Machine, check: str, faults: dict[str, str], why: str) -> None:
    found = await machine.check(check, **faults)
    assert found.level is Level.BAD
    assert why in found.found
    assert "secret" not in found.found


async def test_ports_that_others_have_are_named(machine: Machine, tmp_path: Path) -> None:
    with socket.socket() as gateway, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
        for taken in (gateway, media):
            taken.bind((HERE, 0))
        gateway.listen()
        port, udp = (str(taken.getsockname()[1]) for taken in (gateway, media))
        nothing_runs = {"ROSTRUM_VAR": str(tmp_path)}
        assert port in (await machine.check("gateway port", ROSTRUM_GATEWAY_PORT=port, **nothing_runs)).found
        found = await machine.check("media over UDP", ROSTRUM_MEDIA_PORT=udp, **nothing_runs)
        assert (found.level, udp in found.found) == (Level.BAD, True)


@pytest.mark.parametrize(
    ("file", "level", "why"),
    [
        ("other.pem", Level.BAD, "not for localhost"),
        ("past.pem", Level.BAD, "expired"),
        ("soon.pem", Level.WORTH_KNOWING, "expires on"),
        ("keys.json", Level.BAD, "no certificate"),
    ],
)
async def test_a_certificate_that_browsers_refuse_is_found_before_they_do(
    machine: Machine, file: str, level: Level, why: str
) -> None:
    found = await machine.check("certificate", ROSTRUM_GATEWAY_CERTIFICATE=str(machine.folder / file))
    assert (found.level, why in found.found) == (level, True), found


async def test_it_leaves_nothing_in_the_object_store_and_makes_none(machine: Machine, tmp_path: Path) -> None:
    store = tmp_path / "replays"
    found = await machine.check("object store", ROSTRUM_RECORDINGS_URL=store.as_uri())
    assert (found.level, "first start" in found.found, store.exists()) == (Level.GOOD, True, False)
    store.mkdir()
    found = await machine.check("object store", ROSTRUM_RECORDINGS_URL=store.as_uri())
    assert (found.level, "takes, lists and deletes" in found.found) == (Level.GOOD, True)
    assert os.listdir(store) == []


async def test_people_read_one_line_for_each_check_and_how_to_mend_it(tmp_path: Path) -> None:
    said = await rostrum("doctor", "--var", str(tmp_path / "var"), env={"ROSTRUM_TRANSCRIPTION_ENGINE": "ear"})
    assert said.code == 1
    lines = said.out.splitlines()
    (at,) = (number for number, line in enumerate(lines) if line.startswith("✗ speech model"))
    assert lines[at + 1].strip() == "→ change ROSTRUM_TRANSCRIPTION_ENGINE"
    assert "checks: 1 to mend" in lines[-1]
    assert os.listdir(tmp_path) == [], "it left nothing behind"
