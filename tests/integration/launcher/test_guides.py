"""Every command that the guides have somebody type is run, or it is said here why not, and what is run instead."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from libs.ids import new_id
from tests.integration.notifications.receiver import receiving
from tests.support.command import line_with, rostrum, running_rostrum
from tests.support.waiting import LIMIT

ROOT: Final = Path(__file__).parents[3]
GUIDES: Final = tuple(
    str(path.relative_to(ROOT))
    for path in (*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "libs" / "client" / "README.md")
    if path.name != "product.md"  # tests/e2e/test_product.py types all of it
)
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
ELSEWHERE: Final = {
    "make run": "e2e/test_demo.py runs what it runs: `rostrum up`",
    "make test": "this is run by it",
    "make demo": "e2e/test_demo.py",
    "openssl req": "integration/gateway/test_whip_and_whep.py has FFmpeg's library publish with such a certificate",
    "ffmpeg -re": "the same; the program is not installed for tests",
}
"""Commands that other tests run, or what is behind them."""
RUN: Final = {
    "sudo rostrum doctor --env-file /etc/rostrum/rostrum.env",
    'sudo rostrum --env-file /etc/rostrum/rostrum.env keys create "the app" --for people --for relations',
    "sudo rostrum --env-file /etc/rostrum/rostrum.env token 01jd3v8q2m7x4k9t6r5w0yabcd --operator",
    "rostrum backup /backups/monday",
    "rostrum restore /backups/monday --ledger /backups/newest/ledger --var /var/lib/rostrum",
    'rostrum keys create "the app" --for people --for relations',
    "rostrum keys list",
    "rostrum keys rotate 01jd3v8q2n8h5s3f7g1p4zefgh --keep 3600",
    "rostrum keys revoke 01jd3v8q2n8h5s3f7g1p4zefgh",
    'curl -N -H "Authorization: Bearer $KEY" "$ROSTRUM/v1/server/events?types=room.started,room.ended"',
    "rostrum webhooks add https://app.example.org/hooks/rostrum --for events",
    "rostrum webhooks test 01jd3v9f4rs7t2v6w8x0y1z2w3",
    "rostrum webhooks log 01jd3v9f4rs7t2v6w8x0y1z2w3 --failed",
    "rostrum webhooks replay 01jd3v9f4rs7t2v6w8x0y1z2w3 --hours 2 --failed",
    "rostrum webhooks rotate 01jd3v9f4rs7t2v6w8x0y1z2w3 --keep 3600",
}
"""Commands that the test below runs, with folders, ids and addresses of its own."""


def commands(guide: str) -> list[str]:
    """The lines of a guide's blocks that are typed."""
    typed, fence = [], None
    for line in (ROOT / guide).read_text().splitlines():
        if line.startswith("```"):
            fence = line[3:] if fence is None else None
        elif fence == "" and line:
            typed += [part.strip() for part in line.split(" && ")]
    return [command for command in typed if not command.startswith("cd ")]


@pytest.mark.parametrize("guide", GUIDES)
def test_every_command_of_a_guide_is_accounted_for(guide: str) -> None:
    known = (*OF_THE_MACHINE, *ELSEWHERE)
    assert [one for one in commands(guide) if one not in RUN and not one.startswith(known)] == []


def test_nothing_is_accounted_for_that_no_guide_has() -> None:
    typed = [command for guide in GUIDES for command in commands(guide)]
    assert set(typed) >= RUN
    known = (*OF_THE_MACHINE, *ELSEWHERE)
    assert [start for start in known if not any(one.startswith(start) for one in typed)] == []


class Reader:
    """Somebody who types commands of the guides, with what is theirs in the place of the examples."""

    def __init__(self, folder: Path) -> None:
        self.typed: set[str] = set()
        self._env = {"ROSTRUM_VAR": str(folder / "var"), "ROSTRUM_GATEWAY_PORT": "0"}
        self.mine = {
            "/etc/rostrum": str(folder / "etc"),
            "/backups/newest": str(folder / "backups" / "monday"),  # nothing was erased since
            "/backups": str(folder / "backups"),
            "/var/lib/rostrum": str(folder / "restored"),
        }

    def words(self, command: str) -> list[str]:
        """The command as its words."""
        assert command in RUN
        self.typed.add(command)
        return shlex.split(re.sub("|".join(map(re.escape, self.mine)), lambda found: self.mine[found[0]], command))

    async def types(self, command: str, env: Mapping[str, str] | None = None) -> str:
        """What a command of the guides says; `env` instead of the settings of this reader's terminal."""
        words = self.words(command)
        said = await rostrum(*words[words.index("rostrum") + 1 :], env=self._env if env is None else env)
        assert said.code == 0, said.errors + said.out
        return said.out


async def test_a_system_is_examined_told_of_backed_up_and_restored_as_the_guides_say(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    (tmp_path / "etc").mkdir()
    (tmp_path / "backups").mkdir()
    (tmp_path / "etc" / "rostrum.env").write_text(f"ROSTRUM_VAR={tmp_path / 'var'}\nROSTRUM_GATEWAY_PORT=0\n")
    few = ("--services", "room,people,notifications,gateway")
    env = {"ROSTRUM_GATEWAY_PORT": "0", "ROSTRUM_NOTIFICATIONS_PRIVATE_HOSTS": '["127.0.0.1"]'}
    async with running_rostrum("up", *few, "--var", str(tmp_path / "var"), env=env) as up:
        ready = await line_with(up, "is ready")
        made = await rostrum("token", "--sign-up", "ada", "Ada", "--var", str(tmp_path / "var"))
        assert made.code == 0, made.errors
        assert "0 to mend" in await reader.types("sudo rostrum doctor --env-file /etc/rostrum/rostrum.env")
        settings = "sudo rostrum --env-file /etc/rostrum/rostrum.env"
        by_file = await reader.types(f'{settings} keys create "the app" --for people --for relations', env={})
        assert by_file.startswith("rsk_")
        reader.mine["01jd3v8q2m7x4k9t6r5w0yabcd"] = new_id()
        token = await reader.types(f"{settings} token 01jd3v8q2m7x4k9t6r5w0yabcd --operator", env={})
        url = re.findall(r"http://\S+", ready)[0]
        async with httpx.AsyncClient(timeout=LIMIT, headers={"authorization": f"Bearer {token.strip()}"}) as client:
            assert (await client.get(f"{url}/v1/ops/overview")).status_code == 200
        await _keys(reader)
        await _events(reader, url, tmp_path / "var")
        await _webhooks(reader)
        assert "move the folders keys and ledger" in await reader.types("rostrum backup /backups/monday")
        up.terminate()
        await up.wait()
    restored = "rostrum restore /backups/monday --ledger /backups/newest/ledger --var /var/lib/rostrum"
    assert "is restored" in await reader.types(restored)
    assert reader.typed == RUN
    async with running_rostrum("up", *few, "--var", str(tmp_path / "restored"), env=env) as up:
        await line_with(up, "is ready")
        again = await rostrum("token", "--sign-up", "ada", "Ada", "--var", str(tmp_path / "restored"))
        assert "handle" in again.errors, "Ada is there already"
        up.terminate()
        await up.wait()


async def _keys(reader: Reader) -> None:
    made = await reader.types('rostrum keys create "the app" --for people --for relations')
    assert made.startswith("rsk_")
    reader.mine["01jd3v8q2n8h5s3f7g1p4zefgh"] = id = re.findall(r"\(([0-9a-z]{26})\)", made)[0]
    assert "the app: people, relations" in await reader.types("rostrum keys list")
    rotated = await reader.types("rostrum keys rotate 01jd3v8q2n8h5s3f7g1p4zefgh --keep 3600")
    assert (rotated.startswith("rsk_"), id in rotated, rotated.split()[0] in made) == (True, True, False)
    assert "opens nothing any more" in await reader.types("rostrum keys revoke 01jd3v8q2n8h5s3f7g1p4zefgh")
    assert "revoked" in await reader.types("rostrum keys list")


async def _events(reader: Reader, url: str, var: Path) -> None:
    made = await rostrum("keys", "--var", str(var), "--json", "create", "events", "--for", "events")
    reader.mine |= {"$KEY": json.loads(made.out)["key"], "$ROSTRUM": url}
    # What curl sends, without curl.
    _, _, _, header, address = reader.words(
        'curl -N -H "Authorization: Bearer $KEY" "$ROSTRUM/v1/server/events?types=room.started,room.ended"'
    )
    name, _, value = header.partition(": ")
    async with (
        httpx.AsyncClient(timeout=LIMIT) as client,
        client.stream("GET", address, headers={name: value}) as stream,
    ):
        said = ""
        async for text in stream.aiter_text():
            said += text
            if "event: snapshot" in said:
                break


async def _webhooks(reader: Reader) -> None:
    async with receiving() as receiver:
        reader.mine["https://app.example.org/hooks/rostrum"] = receiver.url
        made = await reader.types("rostrum webhooks add https://app.example.org/hooks/rostrum --for events")
        assert made.startswith("whsec_")
        reader.mine["01jd3v9f4rs7t2v6w8x0y1z2w3"] = re.findall(r"\(([0-9a-z]{26})\)", made)[0]
        assert "delivered" in await reader.types("rostrum webhooks test 01jd3v9f4rs7t2v6w8x0y1z2w3")
        Webhook(made.split()[0]).verify(receiver.taken[0].body, dict(receiver.taken[0].headers))
        assert await reader.types("rostrum webhooks log 01jd3v9f4rs7t2v6w8x0y1z2w3 --failed") == ""
        again = await reader.types("rostrum webhooks replay 01jd3v9f4rs7t2v6w8x0y1z2w3 --hours 2 --failed")
        assert "0 events are sent again" in again
        rotated = await reader.types("rostrum webhooks rotate 01jd3v9f4rs7t2v6w8x0y1z2w3 --keep 3600")
        assert rotated.split()[0] != made.split()[0]


@pytest.mark.soak
@pytest.mark.timeout(1800)  # it builds, downloads and compiles everything
async def test_an_install_puts_the_command_where_it_was_told(tmp_path: Path) -> None:
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
