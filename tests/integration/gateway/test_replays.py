"""Replays and tracks in ranges, transcripts as files, figures for the host alone."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Literal

import httpx
import pytest

from contracts import object_names
from contracts.analytics.v1 import SpaceFigures, SpaceFiguresQuery
from contracts.commands import Accepted, Nothing
from contracts.discovery.v1 import SentenceFound, SentencePage, TranscriptSearchQuery
from contracts.people.v1 import AcknowledgeDrop, DestroyUnits, LocksQuery
from contracts.recording.v1 import DeleteReplay, HearSafetyCopy, Replay, ReplayQuery, ReplayState, Track
from contracts.transcription.v1 import (
    Caption,
    CorrectCaption,
    RejectCorrection,
    Transcript,
    TranscriptDocument,
    TranscriptDocumentQuery,
    TranscriptQuery,
)
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.conftest import Running
from tests.support.keys import Keys
from tests.support.waiting import eventually

AUDIO = bytes(range(256)) * 2000


def with_keys(behind: Backend) -> Keys:
    """Let people answer for keys."""
    keys = Keys(behind.bus, 300.0)
    behind.on(LocksQuery, keys.give)
    return keys


def as_stored(keys: Keys, name: str, data: bytes) -> bytes:
    """An object as it is stored under a name."""
    if (seal := object_names.seal_of(name)) is None:
        return data
    writer = keys.lock(*seal.subjects).writer(seal.unit)
    return writer.write(data) + writer.finish()


@pytest.mark.parametrize("sealed", [True, False])
async def test_a_replay_is_served_in_ranges(gateway: Running, behind: Backend, sealed: bool) -> None:
    host = a_person("Host")
    space = behind.add(host)
    # What earlier versions stored is not sealed.
    first = object_names.mix(space.id, 1) if sealed else f"spaces/{space.id}/replay.m4a"
    other = object_names.track(space.id, host.id) if sealed else f"spaces/{space.id}/tracks/{host.id}.ogg"
    keys, file = with_keys(behind), gateway.var / "recordings" / first
    for name, data in ((first, AUDIO), (other, AUDIO[:1000])):
        path = gateway.var / "recordings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_stored(keys, name, data))
    os.utime(file, (1_000_000_000, 1_000_000_000))
    track = Track(person=host, object=other, offset_seconds=0, seconds=1, bytes=1000)
    state = ReplayState.PROCESSING

    async def answer(query: ReplayQuery) -> Replay:
        return Replay(space_id=space.id, state=state, seconds=1, bytes=len(AUDIO), mix=first, tracks=(track,))

    behind.on(ReplayQuery, answer)
    mix = f"/v1/spaces/{space.id}/replay.m4a"
    async with gateway.client() as client:
        early = await client.http.get(mix)
        assert (early.status_code, early.json()["reason"]) == (409, "not_ready")
        state = ReplayState.READY
        view = (await client.http.get(f"/v1/spaces/{space.id}/replay")).json()
        assert (view["state"], view["mix"], view["tracks"][0]["bytes"]) == ("ready", mix, 1000)
        assert (await client.http.get(view["tracks"][0]["url"])).content == AUDIO[:1000]

        whole = await client.http.get(mix)
        assert (whole.status_code, whole.content) == (200, AUDIO)
        assert (whole.headers["accept-ranges"], whole.headers["content-type"]) == ("bytes", "audio/mp4")
        head = await client.http.head(mix)
        assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(AUDIO)), b"")
        for asked, start, end in (
            ("bytes=0-99", 0, 100),
            ("bytes=300000-", 300000, len(AUDIO)),
            ("bytes=-5", len(AUDIO) - 5, len(AUDIO)),
            ("bytes=511990-99999999", 511990, len(AUDIO)),
            ("bytes=65535-65536", 65535, 65537),
            ("bytes=0-65535", 0, 65536),
        ):
            part = await client.http.get(mix, headers={"range": asked})
            assert part.status_code == 206
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(AUDIO)}"
            assert part.content == AUDIO[start:end]
        beyond = await client.http.get(mix, headers={"range": f"bytes={len(AUDIO)}-"})
        assert (beyond.status_code, beyond.json()["reason"]) == (416, "range_not_satisfiable")
        assert beyond.headers["content-range"] == f"bytes */{len(AUDIO)}"
        for ignored in ("bytes=5-2", "lines=0-1", "bytes=0-1,5-6", "bytes=-", "nonsense"):
            assert (await client.http.get(mix, headers={"range": ignored})).status_code == 200
        tag = whole.headers["etag"]
        assert (await client.http.get(mix, headers={"if-none-match": tag})).status_code == 304
        for if_range, status in ((tag, 206), ('"other"', 200), (whole.headers["last-modified"], 206)):
            got = await client.http.get(mix, headers={"range": "bytes=0-1", "if-range": if_range})
            assert got.status_code == status

        for condition, status in (({"if-match": tag}, 200), ({"if-match": '"other"'}, 412)):
            for method in ("GET", "HEAD"):
                assert (await client.http.request(method, mix, headers=condition)).status_code == status

        file.unlink()
        gone = await client.http.get(mix)
        assert (gone.status_code, gone.json()["reason"]) == (404, "replay_unknown")
        stranger = await client.http.get(f"/v1/spaces/{space.id}/tracks/{a_person('X').id}.ogg")
        assert stranger.status_code == 404


async def test_a_replay_whose_key_is_destroyed_is_not_there_and_nobody_reads_on(
    gateway: Running, behind: Backend
) -> None:
    space = behind.add(a_person("Host"))
    keys, name = with_keys(behind), object_names.mix(space.id, 1)
    path = gateway.var / "recordings" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(as_stored(keys, name, bytes(50_000_000)))  # more than waits in sockets

    async def answer(query: ReplayQuery) -> Replay:
        return Replay(space_id=space.id, state=ReplayState.READY, seconds=1, bytes=50_000_000, mix=name)

    behind.on(ReplayQuery, answer)
    async with gateway.client() as client:
        at = f"/v1/spaces/{space.id}/replay.m4a"
        async with client.http.stream("GET", at) as begun:
            pieces = begun.aiter_bytes()
            assert (begun.status_code, begun.headers["content-length"]) == (200, "50000000")
            assert await anext(pieces)
            await keys.destroy_units(
                DestroyUnits(command_id=new_id(), lock=f"space:{space.id}", units=(object_names.REPLAY,))
            )
            await eventually(lambda: bool(behind.asked[AcknowledgeDrop.name]))
            with pytest.raises(httpx.RemoteProtocolError):
                async for _ in pieces:
                    pass
        for method in ("GET", "HEAD"):
            assert (await client.http.request(method, at)).status_code == 404
        assert (await client.http.get(at)).json()["reason"] == "replay_unknown"


async def test_a_replay_that_was_cut_is_refused_whole(gateway: Running, behind: Backend) -> None:
    space = behind.add(a_person("Host"))
    keys, name = with_keys(behind), object_names.mix(space.id, 1)
    path = gateway.var / "recordings" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(as_stored(keys, name, AUDIO)[:-1000])

    async def answer(query: ReplayQuery) -> Replay:
        return Replay(space_id=space.id, state=ReplayState.READY, seconds=1, bytes=len(AUDIO), mix=name)

    behind.on(ReplayQuery, answer)
    async with gateway.client() as client:
        cut = await client.http.get(f"/v1/spaces/{space.id}/replay.m4a", headers={"range": "bytes=0-9"})
        assert (cut.status_code, cut.json()["reason"]) == (500, "internal")


async def test_a_safety_copy_is_heard_by_order_and_within_an_hour_that_is_one_look(
    gateway: Running, behind: Backend
) -> None:
    host, report, operator_id = a_person("Host"), new_id(), new_id()
    space = behind.add(host)
    (gateway.var / "recordings").mkdir(parents=True, exist_ok=True)
    for name in ("mix.m4a", "host.ogg"):
        (gateway.var / "recordings" / name).write_bytes(AUDIO)
    track = Track(person=host, object="host.ogg", offset_seconds=0, seconds=1, bytes=len(AUDIO))
    kept = Replay(space_id=space.id, state=ReplayState.READY, mix="mix.m4a", tracks=(track,))
    heard: list[HearSafetyCopy] = []

    async def hear(command: HearSafetyCopy) -> Accepted[Replay]:
        heard.append(command)
        if not command.operator:
            raise Refusal("not_allowed", "This is for those who run this place.")
        return Accepted(version=1, result=kept)

    behind.on(HearSafetyCopy, hear)
    at = f"/v1/ops/spaces/{space.id}/safety-copy"
    async with gateway.client(operator_id, operator=True) as operator, gateway.client(host.id) as other:
        part = await operator.http.get(f"{at}.m4a", params={"report": report}, headers={"range": "bytes=0-9"})
        assert (part.status_code, part.content) == (206, AUDIO[:10])
        whole = await operator.http.get(f"{at}/{host.id}.ogg", params={"report": report})
        assert (whole.status_code, whole.content) == (200, AUDIO)
        assert {(one.actor, one.report_id, one.operator) for one in heard} == {(operator_id, report, True)}
        assert len({one.command_id for one in heard}) <= 2, "an hour may have struck in between"
        refused = await other.http.get(f"{at}.m4a", params={"report": report})
        assert (refused.status_code, refused.json()["reason"]) == (403, "not_allowed")
        assert (await operator.http.get(f"{at}.m4a")).status_code == 422
    async with gateway.client() as nobody:
        assert (await nobody.http.get(f"{at}.m4a", params={"report": report})).status_code == 401


async def test_the_host_deletes_a_replay(gateway: Running, behind: Backend) -> None:
    host = a_person("Host")
    space = behind.add(host)

    async def delete(command: DeleteReplay) -> Accepted[Nothing]:
        if command.actor != host.id:
            raise Refusal("not_host", "Only the host deletes the replay of a Space.")
        return Accepted(version=1, result=Nothing())

    behind.on(DeleteReplay, delete)
    async with gateway.client(host.id) as client, gateway.client(a_person("Other").id) as other:
        assert (await client.http.delete(f"/v1/spaces/{space.id}/replay")).status_code == 204
        refused = await other.http.delete(f"/v1/spaces/{space.id}/replay")
        assert (refused.status_code, refused.json()["reason"]) == (403, "not_host")


async def test_a_transcript_is_a_file_of_its_own_kind(gateway: Running, behind: Backend) -> None:
    space = behind.add(a_person("Host"))

    async def answer(query: TranscriptDocumentQuery) -> TranscriptDocument:
        return TranscriptDocument(content_type="text/vtt; charset=utf-8", body=f"WEBVTT {query.format} é")

    behind.on(TranscriptDocumentQuery, answer)
    async with gateway.client() as client:
        got = await client.http.get(f"/v1/spaces/{space.id}/transcript.vtt")
        assert (got.text, got.headers["content-type"]) == ("WEBVTT vtt é", "text/vtt; charset=utf-8")
        assert (await client.http.get(f"/v1/spaces/{space.id}/transcript.exe")).status_code in (404, 422)


async def test_a_transcript_that_no_one_answer_carries_is_put_together(gateway: Running, behind: Backend) -> None:
    host = a_person("Host")
    space = behind.add(host)
    said = [
        Caption(
            id=str(n), person=host, lang="en", text="Good evening", start_at=space.created_at, end_at=space.created_at
        )
        for n in range(5)
    ]
    state: Literal["open", "none"] = "open"

    async def part(query: TranscriptQuery) -> Transcript:
        assert query.at == (None if query.after == 0 else 7)
        if query.after == 2 and state == "none":
            return Transcript(space_id=space.id, state="none")
        shown, more = said[query.after : query.after + 2], query.after + 2 < len(said)
        return Transcript(space_id=space.id, state="open", captions=tuple(shown), version=7, more=more)

    async def piece(query: TranscriptDocumentQuery) -> TranscriptDocument:
        text = "WEBVTT é, to the end"
        body, more = text[query.after : query.after + 8], query.after + 8 < len(text)
        return TranscriptDocument(content_type="text/vtt", body=body, version=7, more=more)

    behind.on(TranscriptQuery, part)
    behind.on(TranscriptDocumentQuery, piece)
    async with gateway.client() as client:
        got = (await client.http.get(f"/v1/spaces/{space.id}/transcript")).json()
        assert [caption["id"] for caption in got["captions"]] == ["0", "1", "2", "3", "4"]
        assert got["more"] is False
        assert (await client.http.get(f"/v1/spaces/{space.id}/transcript.vtt")).text == "WEBVTT é, to the end"
        state = "none"
        deleted = (await client.http.get(f"/v1/spaces/{space.id}/transcript")).json()
        assert (deleted["state"], deleted["captions"]) == ("none", [])


async def test_a_file_whose_names_change_between_two_parts_is_read_again(gateway: Running, behind: Backend) -> None:
    space = behind.add(a_person("Host"))
    texts = iter(["Ann: Good evening", "Ann-Sophie: Good evening", "Ann-Sophie: Good evening"])
    text = next(texts)

    async def piece(query: TranscriptDocumentQuery) -> TranscriptDocument:
        nonlocal text
        body, more = text[query.after : query.after + 14], query.after + 14 < len(text)
        answer = TranscriptDocument(content_type="text/plain", body=body, version=7, more=more, digest=text[:8])
        text = next(texts, text)
        return answer

    behind.on(TranscriptDocumentQuery, piece)
    async with gateway.client() as client:
        assert (await client.http.get(f"/v1/spaces/{space.id}/transcript.txt")).text == "Ann-Sophie: Good evening"


async def test_figures_are_for_the_host(gateway: Running, behind: Backend) -> None:
    host = a_person("Host")
    space = behind.add(host)

    async def answer(query: SpaceFiguresQuery) -> SpaceFigures:
        return SpaceFigures(space_id=space.id, peak_listeners=5, total_listeners=6, speakers=1, duration_seconds=10.0)

    behind.on(SpaceFiguresQuery, answer)
    path = f"/v1/spaces/{space.id}/analytics"
    async with gateway.client(host.id) as client, gateway.client(a_person("Guest").id) as guest:
        assert (await client.http.get(path)).json()["peak_listeners"] == 5
        refused = await guest.http.get(path)
        assert (refused.status_code, refused.json()["reason"]) == (403, "not_host")


async def test_the_host_corrects_a_caption_and_the_speaker_rejects_that(gateway: Running, behind: Backend) -> None:
    host, speaker = a_person("Host"), a_person("Speaker")
    space = behind.add(host)
    texts: dict[str, str] = {}

    async def correct(command: CorrectCaption) -> Accepted[Nothing]:
        if command.actor != host.id:
            raise Refusal("not_host", "Only the host of the Space corrects captions.")
        texts[command.caption_id] = command.text
        return Accepted(version=1, result=Nothing())

    async def reject(command: RejectCorrection) -> Accepted[Nothing]:
        if command.actor != speaker.id:
            raise Refusal("not_yours", "Only who said it rejects a correction.")
        texts.pop(command.caption_id, None)
        return Accepted(version=2, result=Nothing())

    behind.on(CorrectCaption, correct)
    behind.on(RejectCorrection, reject)
    at = f"/v1/spaces/{space.id}/transcript/captions/{new_id()}-1750000000000"
    async with gateway.client(host.id) as client, gateway.client(speaker.id) as other, gateway.client() as nobody:
        assert (await client.http.patch(at, json={"text": "  A --> B <i>&  "})).status_code == 204
        assert list(texts.values()) == ["A --> B <i>&"]
        for text, status in (("", 422), ("   ", 422), ("x" * 2001, 422), ("x" * 2000, 204), (7, 422), (None, 422)):
            assert (await client.http.patch(at, json={"text": text})).status_code == status
        surrogate = await client.http.patch(
            at, content=b'{"text": "\\ud800"}', headers={"content-type": "application/json"}
        )
        assert surrogate.status_code in (400, 422)
        assert (await client.http.patch(at, json={"text": "x", "by": speaker.id})).status_code == 422
        strange = await client.http.patch(f"/v1/spaces/{space.id}/transcript/captions/%3Ci%3E", json={"text": "x"})
        assert (strange.status_code, strange.json()["reason"]) == (404, "caption_unknown")
        refused = await other.http.patch(at, json={"text": "x"})
        assert (refused.status_code, refused.json()["reason"]) == (403, "not_host")
        assert (await client.http.delete(f"{at}/correction")).json()["reason"] == "not_yours"
        assert (await other.http.delete(f"{at}/correction")).status_code == 204
        assert texts == {}
        for order in (nobody.http.patch(at, json={"text": "x"}), nobody.http.delete(f"{at}/correction")):
            assert (await order).status_code == 401


async def test_sentences_are_searched_as_whoever_asks(gateway: Running, behind: Backend) -> None:
    host = a_person("Host")
    space = behind.add(host)
    at = space.created_at
    sentence = SentenceFound(
        caption_id="c", person=host, lang="en", text="Bees.", start_at=at, end_at=at, space_id=space.id, seconds=4,
        replay=False,
    )  # fmt: skip

    async def answer(query: TranscriptSearchQuery) -> SentencePage:
        return SentencePage(sentences=(sentence,))

    behind.on(TranscriptSearchQuery, answer)
    asked = {"q": '"bees"', "speaker": "@host", "space": space.id, "from": "2026-01-01T00:00:00Z", "limit": "5"}
    async with gateway.client(host.id) as client:
        found = await client.http.get("/v1/transcripts/search", params=asked)
        assert (found.status_code, found.json()["sentences"][0]["seconds"]) == (200, 4)
        wrong = await client.http.get("/v1/transcripts/search", params={"q": "bees", "space": "x"})
        assert wrong.status_code == 422
    assert behind.asked["search_transcripts"] == [
        TranscriptSearchQuery(
            actor=host.id, words='"bees"', speaker="@host", space_id=space.id,
            said_from=datetime(2026, 1, 1, tzinfo=UTC), limit=5,
        )
    ]  # fmt: skip
