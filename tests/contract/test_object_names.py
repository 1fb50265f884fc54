"""Objects are found under the names that they were stored with."""

from __future__ import annotations

from contracts import object_names


def test_names_are_what_they_always_were() -> None:
    """Never edited: these names stand in stored events."""
    assert object_names.mix("a-space") == "spaces/a-space/replay.m4a"
    assert object_names.track("a-space", "a-person") == "spaces/a-space/tracks/a-person.ogg"
    assert object_names.FOLDER == "recordings"
