"""Every command that the guides have somebody type is run, or it is said here why not, and what is run instead."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from tests.support.command import line_with, rostrum, running_rostrum

ROOT: Final = Path(__file__).parents[3]
GUIDES: Final = ("public.md", "turn.md", "backup.md")
OF_THE_MACHINE: Final = {
    "sudo apt-get install": "unit/test_packaging.py holds README to what is needed",
    "git clone": "of the reader's own copy",
    "sudo make install": "soak: test_an_install_puts_the_command_where_it_was_told",
    "sudo useradd": "nobody is added to the machine of a test",
    "sudo install -D": "unit/infra/test_deploy.py reads the file",
    "sudoedit": "by hand",
    "sudo cp": "unit/infra/test_deploy.py has systemd verify the unit",
    "sudo systemctl": "no systemd runs in tests; it verifies the unit",
    "docker": "no Docker runs in tests; hadolint reads the Dockerfile",
}
"""Commands that change a machine, and what stands for them."""
RUN: Final = {
    "sudo rostrum doctor --env-file /etc/rostrum/rostrum.env",
    "rostrum backup /backups/monday",
    "rostrum restore /backups/monday --ledger /backups/newest/ledger --var /var/lib/rostrum",
}
"""Commands that the tests below run, with folders of their own."""


def commands(guide: str) -> list[str]:
    """The lines of a guide's blocks that are typed."""
    typed, fence = [], None
    for line in (ROOT / "docs" / guide).read_text().splitlines():
        if line.startswith("```"):
            fence = line[3:] if fence is None else None
        elif fence == "":
            typed += [part.strip() for part in line.split(" && ")]
    return [command for command in typed if not command.startswith("cd ")]


@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_of_a_guide_is_accounted_for(guide: str) -> None:
    typed = commands(guide)
    assert [one for one in typed if one not in RUN and not one.startswith(tuple(OF_THE_MACHINE))] == []


def test_nothing_is_accounted_for_that_no_guide_has() -> None:
    typed = [command for guide in GUIDES for command in commands(guide)]
    assert set(typed) >= RUN
    assert [start for start in OF_THE_MACHINE if not any(one.startswith(start) for one in typed)] == []


async def test_a_system_is_examined_backed_up_and_restored_as_the_guides_say(tmp_path: Path) -> None:
    folders = {
        "/etc/rostrum": tmp_path / "etc",
        "/backups/newest": tmp_path / "backups" / "monday",  # nothing was erased since
        "/backups": tmp_path / "backups",
        "/var/lib/rostrum": tmp_path / "restored",
    }

    async def typed(command: str) -> str:
        """What a command of the guides says."""
        assert command in RUN
        command = re.sub("|".join(folders), lambda found: str(folders[found[0]]), command)
        _, *words = shlex.split(command.removeprefix("sudo "))
        said = await rostrum(*words, env={"ROSTRUM_VAR": str(tmp_path / "var"), "ROSTRUM_GATEWAY_PORT": "0"})
        assert said.code == 0, said.errors + said.out
        return said.out

    (tmp_path / "etc").mkdir()
    (tmp_path / "backups").mkdir()
    (tmp_path / "etc" / "rostrum.env").write_text(f"ROSTRUM_VAR={tmp_path / 'var'}\nROSTRUM_GATEWAY_PORT=0\n")
    few = ("--services", "room,people,gateway")
    env = {"ROSTRUM_GATEWAY_PORT": "0"}
    async with running_rostrum("up", *few, "--var", str(tmp_path / "var"), env=env) as up:
        await line_with(up, "is ready")
        made = await rostrum("token", "--sign-up", "ada", "Ada", "--var", str(tmp_path / "var"))
        assert made.code == 0, made.errors
        assert "0 to mend" in await typed("sudo rostrum doctor --env-file /etc/rostrum/rostrum.env")
        assert "move the folders keys and ledger" in await typed("rostrum backup /backups/monday")
        up.terminate()
        await up.wait()
    restored = "rostrum restore /backups/monday --ledger /backups/newest/ledger --var /var/lib/rostrum"
    assert "is restored" in await typed(restored)
    async with running_rostrum("up", *few, "--var", str(tmp_path / "restored"), env=env) as up:
        await line_with(up, "is ready")
        again = await rostrum("token", "--sign-up", "ada", "Ada", "--var", str(tmp_path / "restored"))
        assert "handle" in again.errors, "Ada is there already"
        up.terminate()
        await up.wait()


@pytest.mark.soak
async def test_an_install_puts_the_command_where_it_was_told(tmp_path: Path) -> None:
    import asyncio

    target, where = tmp_path / "opt", tmp_path / "bin"
    where.mkdir()
    install = await asyncio.create_subprocess_exec("make", "install", f"PREFIX={target}", f"BIN_DIR={where}", cwd=ROOT)
    assert await install.wait() == 0
    up = await asyncio.create_subprocess_exec(
        where / "rostrum", "up", "--var", tmp_path / "var", cwd=tmp_path, stderr=asyncio.subprocess.PIPE,
        env={"ROSTRUM_GATEWAY_PORT": "0", "PATH": "/usr/bin:/bin", "DEMO": "0"},
    )  # fmt: skip
    try:
        assert "is ready" in await line_with(up, "is ready")
    finally:
        up.terminate()
        await up.wait()
