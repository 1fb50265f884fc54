"""Looking at the files of a system that removes some of them meanwhile."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.at_rest import contents, entries, open_to_others


def test_files_and_folders_that_go_meanwhile_are_left_out(tmp_path: Path) -> None:
    for name in ("a", "b/merge", "c"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "part.bin").write_bytes(name.encode())

    for look in (entries, contents):
        found = look(tmp_path)
        seen = [next(found)[0]]
        shutil.rmtree(tmp_path / "b")
        seen += [path for path, _ in found]
        assert tmp_path / "c" / "part.bin" in seen
        assert not [path for path in seen if "b" in path.relative_to(tmp_path).parts]
        (tmp_path / "b" / "merge").mkdir(parents=True)
        (tmp_path / "b" / "merge" / "part.bin").write_bytes(b"again")


def test_links_are_neither_followed_nor_judged(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    inside = tmp_path / "inside"
    inside.mkdir(mode=0o700)
    (inside / "link").symlink_to(outside)
    assert open_to_others(inside) == []
    assert [path.name for path, _ in entries(inside)] == ["inside"]
    (inside / "open").write_bytes(b"x")
    (inside / "open").chmod(0o644)
    assert open_to_others(inside) == [f"{inside / 'open'}: 100644"]
