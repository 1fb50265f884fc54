"""What is destroyed stays destroyed: on disk, after a crash, and with keys of an earlier day put back."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from libs.keyring import CannotOpen, ErasureTarget, Lock, Tree
from libs.keyring.keys import Keys, open_keys
from libs.keyring.master import master_key

AT = datetime(2026, 1, 2, tzinfo=UTC)
PERSON, SPACE = "person:ann", "space:tea"
BOTH = f"{PERSON}|{SPACE}"


def opened(folder: Path) -> Keys:
    return open_keys(
        folder / "keys" / "keyring.db",
        folder / "ledger" / "erasures.db",
        lambda begun: master_key(folder / "keys" / "master.key", "", begun=begun),
    )


def tree(keys: Keys, name: str) -> Tree:
    found = keys.give([name]).trees[name]
    assert found is not None
    return found


def test_a_lock_is_made_once_and_is_the_same_after_a_restart(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    first = keys.give([BOTH, SPACE])
    assert first.number == 0
    assert first.trees[BOTH] != first.trees[SPACE]
    keys.close()
    keys = opened(tmp_path)
    assert keys.give([BOTH, SPACE]) == first
    keys.close()


def test_a_destroyed_unit_leaves_the_others_of_its_lock(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    before = tree(keys, BOTH)
    number = keys.destroy([ErasureTarget(BOTH, "pin/1"), ErasureTarget(BOTH, "title")], AT)
    after = keys.give([BOTH])
    assert after.number == number == 2
    assert after.trees[BOTH] == before.without(["pin/1", "title"])
    assert keys.destroy([ErasureTarget(BOTH, "title")], AT) == 2  # again: nothing changes
    assert [entry.erased for entry in keys.erased(0)] == [ErasureTarget(BOTH, "pin/1"), ErasureTarget(BOTH, "title")]
    keys.close()


def test_a_destroyed_subject_takes_every_lock_of_its_with_it_for_ever(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    space = tree(keys, SPACE)
    keys.give([BOTH, PERSON])
    keys.destroy([ErasureTarget(PERSON)], AT)
    for _ in range(2):
        given = keys.give([BOTH, PERSON, SPACE, "person:ann|space:never"])
        assert given.trees == {BOTH: None, PERSON: None, SPACE: space, "person:ann|space:never": None}
        keys.close()
        keys = opened(tmp_path)
    keys.close()


def test_everything_under_a_lock_can_be_destroyed_without_its_subjects(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    keys.destroy([ErasureTarget(BOTH, "")], AT)
    assert len(tree(keys, BOTH)) == 0
    assert len(tree(keys, PERSON)) == 1
    keys.close()


@pytest.mark.parametrize(
    "wrong",
    [ErasureTarget("ann"), ErasureTarget(BOTH), ErasureTarget("space:x|person:y", "a"), ErasureTarget(BOTH, "a//b")],
)
def test_nothing_is_destroyed_by_a_name_that_is_none(tmp_path: Path, wrong: ErasureTarget) -> None:
    keys = opened(tmp_path)
    with pytest.raises(ValueError, match=r"no name|one or two"):
        keys.destroy([ErasureTarget(SPACE), wrong], AT)
    assert keys.last() == 0
    keys.close()


# ---- on disk ----------------------------------------------------------------------------------------


def boxes(path: Path) -> dict[str, bytes]:
    """Every wrapped secret and lock of a store of keys, by name."""
    import sqlite3

    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT 's ' || name, secret FROM subjects UNION SELECT 'l ' || name, nodes FROM locks")
        found = dict(rows.fetchall())
    db.close()
    return found


def raw(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_the_bytes_of_a_destroyed_key_are_in_no_file(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    # Enough beside it that pages are split and rows move.
    keys.give([f"person:p{number}|space:s{number % 7}" for number in range(400)])
    keys.give([BOTH, PERSON, SPACE])
    path = tmp_path / "keys" / "keyring.db"
    before = boxes(path)
    secrets = {name: before[name] for name in (f"s {PERSON}", f"l {BOTH}", f"l {PERSON}", f"l {SPACE}")}
    assert all(box in raw(tmp_path) for box in secrets.values())
    keys.destroy(
        [ErasureTarget(PERSON), ErasureTarget(SPACE, "title")], AT
    )  # with the store open, as it is in a running service
    assert not any(box in raw(tmp_path) for box in secrets.values())
    assert path.with_name("keyring.db-wal").stat().st_size == 0
    assert boxes(path)["s person:p1"] == before["s person:p1"]
    keys.close()


def test_only_the_owner_can_read_any_of_it(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    keys.give([BOTH])
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in found} >= {"keyring.db", "keyring.db-wal", "master.key", "erasures.db"}
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}
    keys.close()


def test_no_secret_is_in_the_ledger(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    nodes = tree(keys, BOTH).encode()[2:]
    keys.destroy([ErasureTarget(BOTH, "title"), ErasureTarget(PERSON)], AT)
    assert nodes not in raw(tmp_path / "ledger")
    assert PERSON.encode() in raw(tmp_path / "ledger")
    keys.close()


# ---- crashes and old keys ---------------------------------------------------------------------------


def _die_after_the_ledger(folder: Path) -> None:
    keys: Any = opened(folder)
    keys._rows.apply = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    keys.destroy([ErasureTarget(PERSON), ErasureTarget(SPACE, "title")], AT)


def _die_before_the_wipe(folder: Path) -> None:
    keys: Any = opened(folder)
    keys._rows._wipe = lambda: os.kill(os.getpid(), signal.SIGKILL)
    keys.destroy([ErasureTarget(PERSON), ErasureTarget(SPACE, "title")], AT)


@pytest.mark.parametrize("die", [_die_after_the_ledger, _die_before_the_wipe])
def test_what_a_crash_has_interrupted_is_finished_at_the_next_start(tmp_path: Path, die: Any) -> None:
    keys = opened(tmp_path)
    space = tree(keys, SPACE)
    keys.give([BOTH])
    keys.close()
    before = boxes(tmp_path / "keys" / "keyring.db")
    process = multiprocessing.get_context("spawn").Process(target=die, args=(tmp_path,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    old = (before[f"s {PERSON}"], before[f"l {BOTH}"], before[f"l {SPACE}"])
    assert any(box in raw(tmp_path) for box in old)  # so far it was only ordered
    keys = opened(tmp_path)
    assert not any(box in raw(tmp_path) for box in old)
    assert keys.give([BOTH, SPACE]).trees == {BOTH: None, SPACE: space.without(["title"])}
    keys.close()


def test_no_key_is_given_out_before_what_was_ordered_is_destroyed(tmp_path: Path) -> None:
    keys: Any = opened(tmp_path)
    keys.give([BOTH])
    apply = keys._rows.apply

    def fails(*_: object) -> bool:
        raise OSError("no space left")

    keys._rows.apply = fails
    with pytest.raises(OSError, match="no space"):
        keys.destroy([ErasureTarget(PERSON)], AT)
    with pytest.raises(OSError, match="no space"):
        keys.give([BOTH])
    keys._rows.apply = apply
    assert keys.give([BOTH]).trees[BOTH] is None
    keys.close()


def test_keys_of_an_earlier_day_bring_nothing_back(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    sealed = Lock(BOTH, tree(keys, BOTH)).seal("title", "Tea")
    keys.close()
    shutil.copytree(tmp_path / "keys", tmp_path / "backup")
    keys = opened(tmp_path)
    later = tree(keys, "space:later")
    keys.destroy([ErasureTarget(PERSON), ErasureTarget(SPACE, "title"), ErasureTarget("space:later", "title")], AT)
    keys.close()
    assert later.has("title")
    shutil.rmtree(tmp_path / "keys")
    shutil.copytree(tmp_path / "backup", tmp_path / "keys")
    keys = opened(tmp_path)
    given = keys.give([BOTH, SPACE, "space:later"])
    assert given.trees[BOTH] is None
    assert [found is not None and found.has("title") for found in given.trees.values()] == [False, False, False]
    assert sealed.box not in raw(tmp_path / "keys")
    keys.close()


def test_keys_without_the_newest_ledger_are_refused(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    keys.destroy([ErasureTarget(PERSON)], AT)
    keys.close()
    shutil.copytree(tmp_path / "ledger", tmp_path / "old")
    keys = opened(tmp_path)
    keys.destroy([ErasureTarget(SPACE)], AT)
    keys.close()
    for put_back in (False, True):
        shutil.rmtree(tmp_path / "ledger")
        if put_back:
            shutil.copytree(tmp_path / "old", tmp_path / "ledger")
        with pytest.raises(CannotOpen, match="restore the newest one"):
            opened(tmp_path)


def test_keys_that_are_gone_are_not_begun_anew(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    keys.destroy([ErasureTarget(PERSON)], AT)
    keys.close()
    (tmp_path / "keys" / "keyring.db").unlink()
    with pytest.raises(CannotOpen, match="restore the keys"):
        opened(tmp_path)


# ---- the master key ---------------------------------------------------------------------------------


def test_another_master_key_is_refused_and_a_missing_one_is_not_made(tmp_path: Path) -> None:
    opened(tmp_path).close()
    path = tmp_path / "keys" / "master.key"
    path.unlink()
    with pytest.raises(CannotOpen, match=r"master\.key is missing"):
        opened(tmp_path)
    assert not path.exists()
    path.write_bytes(os.urandom(32))
    path.chmod(0o600)
    with pytest.raises(CannotOpen, match="not the one of these keys"):
        opened(tmp_path)


def test_a_master_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "keys" / "master.key").chmod(0o640)
    with pytest.raises(CannotOpen, match="chmod 600"):
        opened(tmp_path)


def test_the_master_key_can_be_given(tmp_path: Path) -> None:
    given = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert master_key(tmp_path / "master.key", given, begun=True) == bytes(range(32))
    assert not (tmp_path / "master.key").exists()
    for wrong in ("x", "AAEC"):
        with pytest.raises(CannotOpen, match="32 bytes"):
            master_key(tmp_path / "master.key", wrong, begun=True)


def test_keys_whose_ledger_cannot_be_opened_are_let_go_of(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "erasures.db").write_bytes(b"no database, but long enough to be taken for one" * 50)
    with pytest.raises(CannotOpen):
        opened(tmp_path)
    held = [
        os.readlink(f"/proc/self/fd/{number}")
        for number in os.listdir("/proc/self/fd")
        if os.path.islink(f"/proc/self/fd/{number}")
    ]
    assert not [path for path in held if path.startswith(str(tmp_path))]
