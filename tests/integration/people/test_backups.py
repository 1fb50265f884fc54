"""A backup of before an erasure, put back, brings nobody back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from libs.bus import Bus, BusSettings, connect
from libs.keyring.client import open_keyring
from libs.service import running
from services.people.main import compose
from services.people.settings import Settings
from tests.integration.people.asking import profile, sign_up
from tests.integration.people.test_keys import destroy, destroy_units, forgotten
from tests.support.command import rostrum
from tests.support.nats import NatsServer, running_nats

KEPT, ERASED, TEA = "person:kept", "person:erased", "space:tea"


def private(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*"))


async def test_a_restored_backup_has_everybody_but_those_who_were_erased_since(
    server: NatsServer, bus: Bus, tmp_path: Path
) -> None:
    var, backup = Path(server.env["ROSTRUM_VAR"]), tmp_path / "backup"
    async with running(Settings.read(server.env), compose), open_keyring(bus, "room-1") as room:
        ann = await sign_up(bus, "ann", name="Ann")
        kept, erased = await room.lock(KEPT, TEA), await room.lock(ERASED, TEA)
        sealed = kept.seal("caption/1", "I stay"), kept.seal("caption/2", "I am deleted"), erased.seal("title", "I go")
        said = await rostrum("backup", str(backup), "--var", str(var))  # while it runs
        assert said.code == 0, said.errors
        assert private(backup)
        assert {path.name for path in backup.iterdir()} == {"data", "keys", "ledger"}
        await destroy_units(bus, "caption/2", lock=kept.name)
        await forgotten(bus, await destroy(bus, ERASED))
    newest = tmp_path / "newest"
    shutil.copytree(var / "ledger", newest)
    shutil.rmtree(var)

    said = await rostrum("restore", str(backup), "--var", str(var))
    assert said.code == 1
    assert "the newest ledger" in said.errors
    assert not (var / "stores").exists()
    said = await rostrum("restore", str(backup), "--var", str(var), "--ledger", str(newest))
    assert said.code == 0, said.errors
    assert "2 entries" in said.out
    assert private(var)

    with running_nats() as other:  # streams are no part of a backup
        env = {**server.env, "ROSTRUM_NATS_URL": other.url, "ROSTRUM_PEOPLE_KEY_LEASE": "4"}
        async with (
            await connect("test", BusSettings(url=other.url)) as again,
            running(Settings.read(env), compose),
            open_keyring(again, "room-1") as room,
        ):
            assert (await profile(again, ann.id)).name == "Ann"
            lock = await room.lock(KEPT, TEA)
            assert lock.read(sealed[0], "caption/1") == "I stay"
            assert not lock.has("caption/2")
            assert (await room.lock(ERASED, TEA)).destroyed
            # The other services hear it anew: what they had of it came back with the backup.
            assert [(one.what, one.unit) for one in await forgotten(again, 2)] == [
                (kept.name, "caption/2"),
                (ERASED, None),
            ]


async def test_the_ledger_that_is_still_there_is_used_and_an_older_one_is_refused(
    server: NatsServer, bus: Bus, tmp_path: Path
) -> None:
    var, backup = Path(server.env["ROSTRUM_VAR"]), tmp_path / "backup"
    async with running(Settings.read(server.env), compose):
        await forgotten(bus, await destroy(bus, ERASED))
        old = tmp_path / "old"
        shutil.copytree(var / "ledger", old)
        await forgotten(bus, await destroy(bus, TEA))
        assert (await rostrum("backup", str(backup), "--var", str(var))).code == 0
        await forgotten(bus, await destroy(bus, "space:later"))
    assert "move it away" in (await rostrum("restore", str(backup), "--var", str(var))).errors
    for part in ("stores", "keys"):
        shutil.rmtree(var / part)
    said = await rostrum("restore", str(backup), "--var", str(var), "--ledger", str(old))
    assert (said.code, "3 entries" in said.out) == (0, True), said.errors
    shutil.rmtree(var)
    said = await rostrum("restore", str(backup), "--var", str(var), "--ledger", str(old))
    assert (said.code, "older than these keys" in said.errors) == (1, True)
    assert not (var / "keys").exists()


async def test_a_folder_with_something_in_it_is_not_written_to(
    server: NatsServer, people: None, tmp_path: Path
) -> None:
    (tmp_path / "x").touch()
    said = await rostrum("backup", str(tmp_path), "--var", server.env["ROSTRUM_VAR"])
    assert (said.code, "is not empty" in said.errors) == (1, True)


@pytest.mark.parametrize("command", ["backup", "restore"])
async def test_what_is_not_there_is_said_in_one_line(command: str, tmp_path: Path) -> None:
    said = await rostrum(command, str(tmp_path / "none"), "--var", str(tmp_path / "var"))
    assert said.code == 1
    assert len(said.errors.splitlines()) == 1
