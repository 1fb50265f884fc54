"""The podcast of a host, for players of podcasts: RSS 2.0 with the namespace of Podcasting 2.0."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from contracts import object_names
from contracts.envelope import PersonRef
from contracts.people.v1 import Person
from contracts.recording.v1 import Replay
from contracts.replay_forms import FORMS
from services.gateway.app.podcasts import Episode, Podcasts
from services.gateway.http import rss
from services.gateway.http.caller import GatewayDep, address, spend
from services.gateway.http.chapters import JSON_TYPE
from services.gateway.http.conditions import tagged
from services.gateway.http.parameters import PersonPath
from services.gateway.http.problems import responses

router = APIRouter(tags=["what was said"])

_FEED: Final[dict[int | str, dict[str, Any]]] = {
    **responses("person_unknown", "precondition_failed", "too_many_requests"),
    200: {"description": "The feed", "content": {rss.MEDIA_TYPE: {"schema": {"type": "string"}}}},
    304: {"description": "Unchanged"},
}
_TRANSCRIPTS: Final = {"vtt": "text/vtt", "srt": "application/x-subrip", "json": "application/json"}
_HLS: Final = "application/vnd.apple.mpegurl"


@router.get(
    "/v1/people/{person_id}/feed.xml", operation_id="getPodcast", response_class=Response, responses=_FEED,
)  # fmt: skip
async def feed(request: Request, person_id: PersonPath, gateway: GatewayDep) -> Response:
    """A host's recorded Spaces that everybody may join: those to come, those that are live, and replays.

    Its addresses need no token, and whether they may be read is decided each time. Those of a replay that was deleted
    are gone (410).
    """
    spend(request, gateway.limits.feeds, address(request))
    host, episodes = await Podcasts(gateway).of(person_id)
    origin = request.app.state.public_url or str(request.base_url).rstrip("/")
    body = rss.written(_channel(origin, host, episodes))
    # It is asked for each time: what was deleted is to be gone.
    headers = {"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "cross-origin"}
    media_type = f"{rss.MEDIA_TYPE}; charset=utf-8"
    return tagged(request, body, media_type, "This feed is another one than If-Match says.", headers)


def _channel(origin: str, host: Person, episodes: list[Episode]) -> rss.Channel:
    langs = [one.space.settings.lang for one in episodes]
    return rss.Channel(
        title=f"{host.name} on Rostrum",
        page=f"{origin}/",
        url=f"{origin}/v1/people/{host.id}/feed.xml",
        author=host.name,
        description=host.bio or f"Recorded Spaces of {host.name}.",
        picture=_absolute(origin, host.picture),
        lang=max(langs, key=langs.count) if langs else "en",
        episodes=[_episode(origin, one) for one in episodes],
    )


def _episode(origin: str, one: Episode) -> rss.Episode:
    space, at = one.space, f"{origin}/v1/spaces/{one.space.id}"
    replay = one.replay
    if replay is None:
        sound = rss.File(f"{at}/hls/index.m3u8", _HLS, 0)
        speakers = [_speaker(origin, member.person, space.host.id) for member in space.stage]
    else:
        sound = rss.File(f"{at}/replay.m4a", object_names.MIX_TYPE, replay.bytes)
        speakers = [_speaker(origin, track.person, space.host.id) for track in replay.tracks]
    kept = replay is not None
    return rss.Episode(
        guid=f"urn:rostrum:space:{space.id}",
        title=space.settings.title,
        page=f"{origin}/spaces/{space.id}",
        status=one.status,
        starts_at=space.started_at or space.scheduled_start or space.created_at,
        ends_at=space.ended_at,
        sound=sound,
        alternates=[] if replay is None else _alternates(at, replay),
        seconds=0 if replay is None else replay.seconds,
        speakers=speakers,
        transcripts=[
            rss.Link(f"{at}/transcript.{form}", media_type, captions=form != "json")
            for form, media_type in _TRANSCRIPTS.items()
            if kept and space.settings.captions
        ],
        chapters=rss.Link(f"{at}/chapters.json", JSON_TYPE) if replay is not None and replay.chapters else None,
        lang=space.settings.lang,
    )


def _alternates(at: str, replay: Replay) -> list[rss.File]:
    """The forms that everybody may have and that are made, with what proves that they are what was made."""
    return [
        rss.File(f"{at}/downloads/mix.{made.form}", FORMS[made.form].media_type, made.bytes, made.sha384)
        for made in replay.made
        if replay.downloads and made.form in FORMS
    ]


def _speaker(origin: str, person: PersonRef, host_id: str) -> rss.Speaker:
    return rss.Speaker(person.name, "host" if person.id == host_id else "guest", _absolute(origin, person.picture))


def _absolute(origin: str, address: str | None) -> str | None:
    return f"{origin}{address}" if address is not None and address.startswith("/") else address
