"""Data that only its owner may read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from libs.private_files import keep_closed, load_or_make
from tests.support.at_rest import open_to_others


def test_what_an_earlier_version_left_open_is_closed_once(tmp_path: Path) -> None:
    var = tmp_path / "var"
    failed = var / "spool" / ".failed" / "space" / "person"
    failed.mkdir(parents=True)
    file = failed / "session.spool"
    file.write_bytes(b"RSPOOL1\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    (var / "link").symlink_to(elsewhere)
    for path in (elsewhere, file, *file.parents[:4], var):
        path.chmod(0o755)
    assert keep_closed(var) == 6
    assert open_to_others(var) == []
    assert elsewhere.stat().st_mode & 0o777 == 0o755, "what a link leads to is not ours"
    assert keep_closed(var) == 0
    assert keep_closed(tmp_path / "none") == 0


def test_a_secret_is_on_the_disk_with_its_name_before_anything_is_sealed_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    path = tmp_path / "master.key"
    assert load_or_make(path, lambda: b"key") == b"key"
    assert synced == [path.stat().st_ino, tmp_path.stat().st_ino]
    assert load_or_make(path, lambda: b"other") == b"key"
