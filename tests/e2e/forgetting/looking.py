"""Looks for words along every way out: all routes of the API that read, the live events from their beginning."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from contracts.replay_forms import FORMS
from tests.support.needles import Needle, Tone, in_bytes
from tests.support.waiting import LIMIT

_OPENAPI: Final = Path(__file__).parents[3] / "contracts" / "openapi" / "gateway.json"
_QUIET: Final = 0.5
"""Seconds without an event after which a stream of events has told its past."""
_AT_ONCE: Final = 8
_SEARCHERS: Final = 2
"""So many of those who ask search too."""
_STREAMS_AT_ONCE: Final = 32
"""Of those most of the time nothing comes."""
_SEARCHES: Final = {
    "/v1/spaces": ("q", "spoken"),
    "/v1/people": ("q",),
    "/v1/transcripts/search": ("q",),
    "/2/spaces/search": ("query",),
}
"""Addresses at which words are looked for."""
_OTHERS: Final = {
    "/2/spaces": "ids={space_id}&space.fields=title,host_ids,speaker_ids,creator_id&expansions=host_ids,speaker_ids",
    "/2/spaces/by/creator_ids": "user_ids={person_id}&space.fields=title&expansions=host_ids&user.fields=description",
    "/2/spaces/{id}": "space.fields=title&expansions=host_ids,speaker_ids&user.fields=description",
    "/2/spaces/{id}/tweets": "tweet.fields=entities",
    "/v1/ops/spaces/{space_id}/safety-copy.m4a": "report={report_id}",
    "/v1/ops/spaces/{space_id}/safety-copy/{person_id}.ogg": "report={report_id}",
}
"""Queries that make an answer tell all it can."""
_SOCKETS: Final = ("/v1/spaces/{space_id}/live",)
"""Addresses of WebSockets, which OpenAPI does not know."""
SERVER: Final = "server"
"""Who asks with an API key, and has routes of their own."""
_OF_SERVERS: Final = "/v1/server/"
_ALL_EVENTS: Final = f"{_OF_SERVERS}events"
_WORDLESS: Final = ("/metrics", "/healthz", "/readyz")
_LISTED: Final = re.compile(r'^([^#\s]\S*)$|EXT-X-PART:.*URI="([^"]+)"', re.MULTILINE)
"""The address of a segment, or of a part, in a playlist (RFC 8216)."""
_FORMATS: Final = ("txt", "srt", "vtt", "json")
_PIECES: Final = ("0", "1", "2")

Found = Mapping[Needle, set[str]]
"""By word, where it was found: who asked for what."""


class Ways:
    """Every route of the API that reads."""

    def __init__(self, http: httpx.AsyncClient, spaces: Collection[str], people: Collection[str]) -> None:
        self._http = http
        document = json.loads(_OPENAPI.read_text())
        routes = [path for path, operations in document["paths"].items() if "get" in operations]
        self._routes = [*routes, *_SOCKETS]
        self._spaces = spaces
        self._people = people
        self.reports: list[str] = []
        """Whose sealed copies are looked at too."""

    def at(self, http: httpx.AsyncClient) -> Ways:
        """The same at another system."""
        return Ways(http, self._spaces, self._people)

    async def find(
        self, askers: Mapping[str, str | None], words: Collection[Needle], space_id: str | None = None
    ) -> Found:
        """Where each of these askers, who are known by their tokens, is shown some of the words; in all that is told of
        one Space, and by searches, where that is given."""
        found: dict[Needle, set[str]] = defaultdict(set)
        heard = any(isinstance(word, Tone) for word in words)
        answers, streams = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(_STREAMS_AT_ONCE)

        async def look(who: str, token: str | None, address: str) -> None:
            async with streams if _is_stream(address) else answers:
                data = await self.read(token, address)
                if heard and address.endswith(".m3u8"):
                    data += await self._played(data.decode(), address)
            for word in in_bytes(data, words):
                found[word].add(f"{who}: {address}")

        async with asyncio.TaskGroup() as group:
            for number, (who, token) in enumerate(askers.items()):
                # All of them search in one index, so two are enough.
                own = self._of_servers(space_id)
                others = self._addresses(words if number < _SEARCHERS else (), space_id)
                for address in own if who == SERVER else others:
                    group.create_task(look(who, token, address))
        return found

    async def read(self, token: str | None, address: str) -> bytes:
        """What an address shows; of live events all that is past. A refusal shows what it says."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if _is_socket(address):
            return await self._hear(headers, address)
        data = b""
        timeout = httpx.Timeout(LIMIT, read=_QUIET if _is_stream(address) else LIMIT)
        try:
            async with self._http.stream("GET", address, headers=headers, timeout=timeout) as response:
                async for part in response.aiter_bytes():
                    data += part
        except httpx.ReadTimeout:
            assert _is_stream(address), address
        return data

    async def _played(self, playlist: str, address: str) -> bytes:
        """The parts and segments that a playlist lists, one after the other."""
        listed = dict.fromkeys(one for pair in _LISTED.findall(playlist) for one in pair if one)
        files = [await self._http.get(urljoin(address, one)) for one in listed if ".m4s" in one]
        return b"".join(file.content for file in files)

    async def _hear(self, headers: Mapping[str, str], address: str) -> bytes:
        """All that is past of the live events of a WebSocket; what a refusal says."""
        data = b""
        url = str(self._http.base_url.copy_with(scheme="ws", raw_path=address.encode()))
        try:
            async with connect(url, additional_headers=headers, proxy=None) as socket:
                while True:
                    message = await asyncio.wait_for(socket.recv(), _QUIET)
                    data += message.encode() if isinstance(message, str) else message
        except InvalidStatus as refused:
            return bytes(refused.response.body or b"")
        except (TimeoutError, ConnectionClosed):
            return data

    def _of_servers(self, space_id: str | None) -> Iterator[str]:
        for route in self._routes:
            if route == _ALL_EVENTS:
                yield f"{route}?last_event_id=0" + (f"&space={space_id}" if space_id else "")
            elif route.startswith(_OF_SERVERS) and space_id is None:
                yield from self._filled(route)

    def _addresses(self, words: Collection[Needle], space_id: str | None) -> Iterator[str]:
        texts = [word for word in words if isinstance(word, str)]
        for route in self._routes:
            if route in _WORDLESS or route.startswith(_OF_SERVERS):
                continue
            if space_id is not None and "{space_id}" not in route and route not in _SEARCHES:
                continue
            for path in self._filled(route if space_id is None else route.replace("{space_id}", space_id)):
                if route not in _SOCKETS:
                    yield path
                if route.endswith("/events") or route in _SOCKETS:
                    yield f"{path}?last_event_id=0"
                for name, text in product(_SEARCHES.get(route, ()), texts):
                    yield f"{path}?{name}={text.replace(' ', '%20')}"
        for route, query in _OTHERS.items() if space_id is None else ():
            yield from self._filled(f"{route}?{query}")

    def _filled(self, route: str) -> Iterable[str]:
        """A route for every Space and person there is; none for those that need something else."""
        paths = [route]
        for name, values in (
            ("{space_id}", self._spaces), ("{id}", self._spaces), ("{person_id}", self._people), ("{format}", _FORMATS),
            ("{report_id}", self.reports), ("{piece}", _PIECES), ("{form}", FORMS),
        ):  # fmt: skip
            paths = [path.replace(name, value) for path in paths for value in (values if name in path else ("",))]
        return [path for path in paths if "{" not in path]


def _is_socket(address: str) -> bool:
    return address.partition("?")[0].endswith("/live")


def _is_stream(address: str) -> bool:
    return _is_socket(address) or address.partition("?")[0].endswith("/events")
