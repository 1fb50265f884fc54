"""Recording and the gateway agree on where sound is kept and how it is sealed; both stand in what is stored."""

from __future__ import annotations

from contracts import object_names


def test_names_stay_as_they_are() -> None:
    assert object_names.mix("a-space", 1) == "spaces/a-space/replay.1.m4a.sealed"
    assert object_names.track("a-space", "a-person") == "spaces/a-space/tracks/a-person.ogg.sealed"
    assert object_names.reported("a-report", 12) == "reports/a-report/12.m4a.sealed"
    assert object_names.FOLDER == "recordings"


def test_a_name_tells_how_it_is_sealed() -> None:
    assert object_names.seal_of(object_names.mix("s", 12)) == (("space:s",), "replay/mix/12")
    assert object_names.seal_of(object_names.track("s", "p")) == (("person:p", "space:s"), "replay/track")
    assert object_names.seal_of(object_names.reported("r", 0)) == (("report:r",), "sound/0")
    assert object_names.TITLE == "replay/title"
    assert object_names.of_speaker("s", "p", object_names.SPOOL) == (("person:p", "space:s"), "replay/spool")


def test_what_earlier_versions_stored_is_not_sealed() -> None:
    for name in ("spaces/s/replay.m4a", "spaces/s/tracks/p.ogg"):
        assert object_names.seal_of(name) is None
