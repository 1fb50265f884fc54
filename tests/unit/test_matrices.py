"""Every service that takes orders of people has a matrix of them, with an answer for every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from contracts import catalogue
from tests.integration.gateway.ways_in import ways

TESTS: Final = Path(__file__).parents[1]
NOT_OF_PEOPLE: Final = {"media"}
"""Its commands are the gateway's, sent for whom room has admitted (`AdmitQuery`)."""


def test_every_service_with_commands_has_its_matrix() -> None:
    services = {service for (kind, service, _) in catalogue.request_types() if kind == "command"} - NOT_OF_PEOPLE
    for service in services:
        found = [path for path in TESTS.glob(f"*/{service}/matrix.txt") if path.with_name("test_matrix.py").exists()]
        assert len(found) == 1, f"{service} takes commands; its tests have no table of what they are answered"


SHOWN: Final = {
    "/2/spaces": "x_many",
    "/2/spaces/by/creator_ids": "x_creator",
    "/2/spaces/search": "x_search",
    "/2/spaces/{id}": "x_one",
    "/2/spaces/{id}/buyers": "x_buyers",
    "/2/spaces/{id}/tweets": "x_tweets",
    "/v1/live-bar": "live_bar",
    "/v1/spaces": "browse",
    "/v1/spaces/{space_id}": "space",
    "/v1/spaces/{space_id}/admission": "admission",
    "/v1/spaces/{space_id}/analytics": "figures",
    "/v1/spaces/{space_id}/chapters": "chapters",
    "/v1/spaces/{space_id}/chapters.{format}": "chapters_file",
    "/v1/spaces/{space_id}/chapters/proposed": "chapters_proposed",
    "/v1/spaces/{space_id}/downloads/mix.{form}": "download",
    "/v1/spaces/{space_id}/downloads/tracks/{person_id}.opus": "download_track",
    "/v1/spaces/{space_id}/events": "events",
    "/v1/spaces/{space_id}/hls/index.m3u8": "hls",
    "/v1/spaces/{space_id}/invited": "invitees",
    "/v1/spaces/{space_id}/participants": "participants",
    "/v1/spaces/{space_id}/removals": "removals",
    "/v1/spaces/{space_id}/replay": "replay",
    "/v1/spaces/{space_id}/replay.m4a": "mix",
    "/v1/spaces/{space_id}/tips": "tips",
    "/v1/spaces/{space_id}/tracks/{person_id}.ogg": "track",
    "/v1/spaces/{space_id}/transcript": "transcript",
    "/v1/spaces/{space_id}/transcript.{format}": "transcript_file",
}
"""Addresses that show a Space, and the way in by which `integration/gateway/matrix.txt` has them."""
BY_A_KEY: Final = {
    f"/v1/spaces/{{space_id}}/hls/{file}" for file in ("init.mp4", "segment-{number}.m4s", "part-{number}.m4s")
}
"""They take the key of a playlist, and ask nobody who they are."""


def test_every_address_that_shows_a_space_is_a_way_in() -> None:
    document = json.loads((TESTS.parent / "contracts/openapi/gateway.json").read_text())
    shown = {
        path
        for path, operations in document["paths"].items()
        if "get" in operations and ("{space_id}" in path or path.startswith("/2/")) and not path.startswith("/v1/ops/")
    }
    assert shown - BY_A_KEY <= SHOWN.keys()
    tried = ways("", "").keys()
    assert set(SHOWN.values()) <= tried
    pages_and_sockets = {"page", "live"}
    acts = {"react", "tip", "request", "reminder", "report", "session", "whip", "whep"}
    assert tried - pages_and_sockets - acts - {"search"} == set(SHOWN.values())
