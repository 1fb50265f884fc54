"""The mix is had in several forms, each a file that others read, with its tags and chapters; what outdates a form."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import av
import pytest

from contracts import object_names
from contracts.replay_forms import FORMS
from libs.eventstore import Fact
from libs.keyring import lock_name
from libs.refusal import Refusal
from services.recording.app.builds import Building
from services.recording.domain.facts import Began, Deleted, Ended, Finished, HostNoted, MadeAgain, SpeakerNoted, Track
from services.recording.domain.forms import DownloadsAllowed, FormMade, FormsOutdated, FormsRemoved
from services.recording.domain.recording import Recording
from services.recording.replay import mix
from services.recording.replay.form import Chapter, FormJob
from services.recording.replay.sealed import opened, seal
from tests.unit.recording.keys import key_of
from tests.unit.recording.sounds import RATE, load, shift, speech
from tests.unit.recording.test_domain import given

SPACE, HOST, OTHER = "a" * 26, "b" * 26, "c" * 26
AT = datetime(2026, 11, 20, 10, tzinfo=UTC)
MIX, FORM = object_names.of_mix(SPACE, 1), object_names.of_form(SPACE, HOST, 1)
TAGS = {"title": "On rivers — über Flüsse", "artist": "Hanna", "date": "2026-11-20"}
CHAPTERS = [Chapter(seconds=0, title="Where they begin"), Chapter(seconds=1.25, title="Wo sie enden: größer")]
SECONDS = 3.0


@pytest.mark.parametrize("form", FORMS)
async def test_a_form_is_the_mix_with_tags_and_chapters_and_sealed(form: str, tmp_path: Path) -> None:
    said = speech("slt", SECONDS)
    plain, sealed = tmp_path / "plain.m4a", tmp_path / "mix"

    def stored() -> None:
        mix.write_m4a(iter([said]), plain)
        with plain.open("rb") as file:
            seal(file, sealed, key_of(MIX))

    await asyncio.to_thread(stored)
    (tmp_path / "out").mkdir()
    job = FormJob(
        form=form, mix=sealed, key=key_of(MIX), tags=TAGS, chapters=CHAPTERS, seconds=SECONDS,
        sealed=key_of(FORM), out=tmp_path / "out",
    )  # fmt: skip
    made = await Building(frozenset({lock_name(*FORM.subjects)})).form(job)

    with opened(made.path, key_of(FORM)) as file:
        data = file.read()
    assert [path.name for path in job.out.iterdir()] == [made.path.name], "nothing else is left on the disk"
    assert data[100:200] not in made.path.read_bytes()
    assert (made.bytes, made.sha384) == (len(data), base64.b64encode(hashlib.sha384(data).digest()).decode())
    with av.open(BytesIO(data)) as container:
        stream = container.streams.audio[0]
        tags = {name.lower(): text for name, text in {**container.metadata, **stream.metadata}.items()}
        assert {name: tags[name] for name in TAGS} == TAGS
        chapters = [(one["start"] * (one["time_base"] or 0), one["metadata"]["title"]) for one in container.chapters()]
        assert chapters == [(one.seconds, one.title) for one in CHAPTERS]
        assert stream.codec_context.name.startswith({"m4a": "aac", "mp3": "mp3", "opus": "opus"}[form])
        assert (stream.rate, stream.codec_context.layout.nb_channels) == (RATE, 1)
    whole = tmp_path / f"whole.{FORMS[form].extension}"
    whole.write_bytes(data)
    heard, before = load(whole), load(plain)
    assert len(heard) / RATE == pytest.approx(len(before) / RATE, abs=0.06)
    late, alike = shift(before, heard)
    assert abs(late) < 0.03, "it begins when the mix does"
    assert alike > 0.9


TRACK = Track(person_id=OTHER, object="track", offset_seconds=0, seconds=3, bytes=9)
READY: tuple[Fact, ...] = (
    Began(started_at=AT, title="On rivers"),
    SpeakerNoted(person_id=HOST, consents=True, since=AT),
    Ended(ended_at=AT),
    Finished(began_at=AT, seconds=3, bytes=9, mix="mix", tracks=(TRACK,)),
)
MADE = FormMade(form="mp3", object="first", host=HOST, bytes=9, sha384="")


def reason(recording: Recording, actor: str | None) -> str | None:
    try:
        recording.may_download(actor)
    except Refusal as no:
        return no.reason
    return None


def test_the_host_downloads_and_others_where_the_host_lets_them() -> None:
    recording = given(*READY)
    assert [reason(recording, who) for who in (HOST, OTHER, None)] == [None, "not_allowed", "not_allowed"]
    with pytest.raises(Refusal, match="Only the host"):
        recording.allow_downloads(OTHER, allowed=True)
    with pytest.raises(Refusal, match="Only the host"):
        given(Began(started_at=AT, title="")).allow_downloads(None, allowed=True)
    (allowed,) = recording.allow_downloads(HOST, allowed=True)
    recording = given(*READY, allowed)
    assert recording.allow_downloads(HOST, allowed=True) == []
    assert [reason(recording, who) for who in (HOST, OTHER, None)] == [None] * 3
    assert recording.allow_downloads(HOST, allowed=False) == [DownloadsAllowed(allowed=False)]
    deleted = given(*READY, allowed, Deleted(reason="host"))
    assert [reason(deleted, who) for who in (HOST, OTHER)] == ["replay_deleted"] * 2
    with pytest.raises(Refusal, match="no replay"):
        deleted.allow_downloads(HOST, allowed=True)
    assert reason(given(*READY[:3]), HOST) == "not_ready"
    assert reason(given(), HOST) == "replay_unknown"


OUTDATED = {
    "deleted": Deleted(reason="expired"),
    "another host": HostNoted(host=OTHER, version=9),
    "another mix": MadeAgain(began_at=AT, seconds=1, bytes=1, mix="again", tracks=(TRACK,), shown=True),
    "somebody erased": FormsOutdated(),
}


@pytest.mark.parametrize("why", OUTDATED)
def test_a_form_that_is_not_right_any_more_is_given_out_no_more_and_is_to_be_destroyed(why: str) -> None:
    recording = given(*READY, MADE)
    assert recording.forms.made == {"mp3": MADE}
    recording = given(*READY, MADE, OUTDATED[why])
    assert (recording.forms.made, recording.forms.outdated) == ({}, ("first",))
    assert recording.forms_removed(("first",)) == [FormsRemoved(objects=("first",))]
    recording = given(*READY, MADE, OUTDATED[why], FormsRemoved(objects=("first",)))
    assert recording.forms.outdated == ()
    assert recording.forms_removed(("first",)) == []
    assert recording.forms.count == 1, "no other form gets the name"


def test_a_form_that_was_made_of_what_has_changed_meanwhile_is_none() -> None:
    before = given(*READY)
    assert given(*READY).form_made(MADE, before) == [MADE]
    for why, fact in OUTDATED.items():
        if why != "somebody erased":  # their key is destroyed, which ends what is being made
            assert given(*READY, fact).form_made(MADE, before) == [], why
    assert given(*READY, MADE).form_made(MADE, before) == [], "its name is taken"
