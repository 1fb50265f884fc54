"""What `infra/deploy` gives a machine: others than us find it well-formed, and it fits what is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.commands.env_file import read_env_file
from infra.doctor.situation import settings_of
from infra.public_address import MEDIA_PORT, PublicAddress
from infra.settings_reference import TARGET, reference

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "infra" / "deploy"


def test_the_dockerfile_has_nothing_that_hadolint_warns_of() -> None:
    hadolint = Path(sys.prefix) / "bin" / "hadolint"
    said = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    unit = (DEPLOY / "rostrum.service").read_text()
    assert "ExecStart=/opt/rostrum/bin/rostrum up" in unit
    unit = unit.replace("/opt/rostrum/bin/rostrum", "/bin/true")  # a program that is not there is refused
    assert said_of(unit, tmp_path) == ""
    assert "Failed to parse time value" in said_of(unit.replace("TimeoutStopSec=45", "TimeoutStopSec=soon"), tmp_path)


def said_of(unit: str, folder: Path) -> str:
    """What systemd finds wrong with a unit."""
    (folder / "rostrum.service").write_text(unit)
    verify = ["systemd-analyze", "verify", str(folder / "rostrum.service")]
    return subprocess.run(verify, capture_output=True, text=True, check=False).stderr


def test_the_settings_beside_the_unit_are_settings(tmp_path: Path) -> None:
    text = re.sub(r"^# (ROSTRUM_)", r"\1", (DEPLOY / "rostrum.env").read_text(), flags=re.MULTILINE)
    (tmp_path / "rostrum.env").write_text(text)
    settings = read_env_file(tmp_path / "rostrum.env")
    public = PublicAddress(settings.pop("PUBLIC_URL")).settings(settings)
    gateway = settings_of("gateway", settings | public)
    assert gateway.store.get_secret_value().startswith("postgresql://")
    for service in ("gateway", "media", "room", "people"):
        settings_of(service, settings | public)


def test_the_container_shows_the_ports_that_are_used() -> None:
    exposed = re.findall(r"^EXPOSE (.*)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)[0].split()
    assert exposed == ["8080/tcp", f"{MEDIA_PORT}/tcp", f"{MEDIA_PORT}/udp"]


def test_every_setting_is_in_the_reference() -> None:
    written = TARGET.read_text()
    assert written == reference()
    rows = re.findall(r"^\| `(ROSTRUM_[A-Z_]+)` \|", written, re.MULTILINE)
    assert len(rows) > 150
    for service in ("gateway", "media", "room", "people", "transcription"):
        for name in type(settings_of(service, {})).model_fields:
            assert f"ROSTRUM_{name.upper()}" in rows or f"ROSTRUM_{service.upper()}_{name.upper()}" in rows
