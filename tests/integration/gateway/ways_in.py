"""Every way into a Space, as one answer each: `ok`, `-` where a list does not have it, or the reason of a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx
from websockets.exceptions import InvalidStatus

from tests.integration.gateway.client import Client

WORD: Final = "Ponderosa"
"""In every title. Whoever is shown the Space reads it; nobody else does."""
SDP: Final = {"content-type": "application/sdp"}


@dataclass(frozen=True)
class Place:
    """A Space, in a state and with a choice of who can join."""

    id: str
    host_id: str
    state: str
    audience: str

    @property
    def at(self) -> str:
        """Its address in the API."""
        return f"/v1/spaces/{self.id}"


Way = Callable[[Client, Place], Awaitable[str]]


def told(response: httpx.Response) -> str:
    """What a response says: `ok`, or why not. A refusal has no word of the Space."""
    if response.is_success:
        return "ok"
    assert WORD not in response.text, response.text
    return str(response.json()["reason"])


async def _shown(client: Client, path: str) -> str:
    """Of an address that shows the Space: its title too."""
    response = await client.http.get(path)
    assert not response.is_success or WORD in response.text, response.text
    return told(response)


def _get(path: str) -> Way:
    async def way(client: Client, place: Place) -> str:
        return told(await client.http.get(path.format(at=place.at, id=place.id, host=place.host_id)))

    return way


def _listed(path: str) -> Way:
    """A list has the Space where its id is in there. It is read once for all Spaces."""
    read: dict[Client, httpx.Response] = {}

    async def way(client: Client, place: Place) -> str:
        if client not in read:
            read[client] = await client.http.get(path.format(host=place.host_id))
        response = read[client]
        return ("ok" if f'"{place.id}"' in response.text else "-") if response.is_success else told(response)

    return way


def _looked_up(path: str) -> Way:
    """X answers 200 with an error for what is not there."""

    async def way(client: Client, place: Place) -> str:
        response = await client.http.get(path.format(id=place.id))
        if not response.is_success:
            return told(response)
        if "errors" not in response.json():
            return "ok"
        assert WORD not in response.text
        return "-"

    return way


async def _space(client: Client, place: Place) -> str:
    return await _shown(client, place.at)


async def _events(client: Client, place: Place) -> str:
    async with client.http.stream("GET", f"{place.at}/events") as response:
        if not response.is_success:
            await response.aread()
            return told(response)
        async for line in response.aiter_lines():
            if line.startswith("data:"):
                assert WORD in line
                return "ok"
    raise AssertionError("the events ended without a snapshot")


async def _live(client: Client, place: Place) -> str:
    try:
        async with client.live(f"{place.at}/live") as messages:
            assert WORD in str((await messages.next()).data)
            return "ok"
    except InvalidStatus as refused:
        return told(httpx.Response(refused.response.status_code, content=bytes(refused.response.body or b"")))


async def _page(client: Client, place: Place) -> str:
    response = await client.http.get(f"/spaces/{place.id}")
    assert WORD not in response.text
    return told(response)


async def _file(client: Client, place: Place, path: str) -> str:
    """A file, by one's token and by a link that one made: the same."""
    by_token = told(await client.http.get(path))
    made = await client.http.post("/v1/links", json={"address": path}) if place.state == "ended" else None
    if made is None or not made.is_success:
        assert made is None or told(made) in (by_token, "unauthenticated")
        return by_token
    async with Client(client.base) as nobody:
        by_link = told(await nobody.http.get(made.json()["url"]))
    assert by_link == by_token, "a link opens what its maker may open"
    return by_token


async def _mix(client: Client, place: Place) -> str:
    return await _file(client, place, f"{place.at}/replay.m4a")


async def _track(client: Client, place: Place) -> str:
    return await _file(client, place, f"{place.at}/tracks/{place.host_id}.ogg")


def _let_in(path: str, *lacking: str) -> Way:
    """What is not there in this system: whoever is let in is told so, for one of these reasons."""

    async def way(client: Client, place: Place) -> str:
        answer = told(await client.http.get(path.format(at=place.at, host=place.host_id)))
        return "ok" if answer in lacking else answer

    return way


async def _session(client: Client, place: Place) -> str:
    opened = await client.http.post(f"{place.at}/sessions", json={"hidden": True})
    if opened.is_success:
        closed = await client.http.delete(f"{place.at}/sessions/{opened.json()['session_id']}")
        assert closed.status_code == 204, closed.text
    return told(opened)


def _media(which: str, offer: str) -> Way:
    async def way(client: Client, place: Place) -> str:
        connected = await client.http.post(f"{place.at}/{which}", content=offer, headers=SDP)
        if connected.is_success:
            closed = await client.http.delete(connected.headers["location"])
            assert closed.status_code == 200, closed.text
        return told(connected)

    return way


async def _react(client: Client, place: Place) -> str:
    return told(await client.http.post(f"{place.at}/reactions", json={"reaction": "clap"}))


async def _tip(client: Client, place: Place) -> str:
    tip = {"to": place.host_id, "provider": "venmo", "amount_minor": 500, "currency": "USD"}
    return told(await client.http.post(f"{place.at}/tips", json=tip))


async def _request(client: Client, place: Place) -> str:
    asked = await client.http.post(f"{place.at}/requests", json={})
    if asked.is_success:
        taken_back = await client.http.delete(f"{place.at}/requests/me")
        assert taken_back.is_success, taken_back.text
    return told(asked)


async def _reminder(client: Client, place: Place) -> str:
    return told(await client.http.put(f"{place.at}/reminder"))


async def _report(client: Client, place: Place) -> str:
    """Anybody may report a Space; what it is called is told to whom it is shown."""
    complaint = {"space_id": place.id, "reason": "spam"}
    reported = await client.http.post("/v1/reports", json=complaint)
    if not reported.is_success:
        return told(reported)
    return "ok" if WORD in reported.text else "-"


_NO_REPLAY: Final = ("replay_unknown", "not_ready")


def ways(send_offer: str, receive_offer: str) -> dict[str, Way]:
    """All of them by name, in an order in which none makes a difference to a later one: a connection counts as being
    there for a moment after it was closed."""
    everything = "limit=100"
    return {
        "space": _space,
        "page": _page,
        "x_one": _looked_up("/2/spaces/{id}"),
        "x_many": _looked_up("/2/spaces?ids={id}"),
        "x_tweets": _looked_up("/2/spaces/{id}/tweets"),
        "x_buyers": _looked_up("/2/spaces/{id}/buyers"),
        "browse": _listed(f"/v1/spaces?state=all&{everything}"),
        "search": _listed(f"/v1/spaces?state=all&q={WORD}&{everything}"),
        "x_search": _listed(f"/2/spaces/search?query={WORD}"),
        "x_creator": _listed("/2/spaces/by/creator_ids?user_ids={host}"),
        "live_bar": _listed("/v1/live-bar?limit=50"),
        "events": _events,
        "live": _live,
        "replay": _get("{at}/replay"),
        "transcript": _get("{at}/transcript"),
        "tips": _get("{at}/tips"),
        "transcript_file": _let_in("{at}/transcript.vtt", "transcript_unknown"),
        "hls": _get("{at}/hls/index.m3u8"),
        "figures": _let_in("{at}/analytics", "unavailable"),
        "chapters": _let_in("{at}/chapters", *_NO_REPLAY),
        "chapters_file": _let_in("{at}/chapters.vtt", *_NO_REPLAY, "not_found"),
        "chapters_proposed": _let_in("{at}/chapters/proposed", *_NO_REPLAY, "not_host"),
        "download": _let_in("{at}/downloads/mix.m4a", *_NO_REPLAY),
        "download_track": _let_in("{at}/downloads/tracks/{host}.opus", *_NO_REPLAY),
        "mix": _mix,
        "track": _track,
        "removals": _get("{at}/removals"),
        "invitees": _get("{at}/invited"),
        "participants": _get("{at}/participants"),
        "admission": _get("{at}/admission"),
        "react": _react,
        "tip": _tip,
        "request": _request,
        "reminder": _reminder,
        "report": _report,
        "session": _session,
        "whip": _media("whip", send_offer),
        "whep": _media("whep", receive_offer),
    }


_IN_ONE_STATE: Final = {"hls": "live", "reminder": "scheduled", "report": "live", "live": "live", "track": "ended"}
_BEING_THERE: Final = {"participants", "admission", "session", "whep", "whip", "react", "tip", "request"}


def is_tried(way: str, state: str, audience: str) -> bool:
    """Whether a way is tried there. Where the answer is the same with every choice of who can join, one is enough."""
    if state != _IN_ONE_STATE.get(way, state):
        return False
    same = way in ("removals", "invitees") or (way in _BEING_THERE and state != "live")
    return not same or audience == "invited"


Answers = dict[tuple[str, str, str, str], str]
"""By way, state, choice of who can join, and role."""


def read(table: str, states: tuple[str, ...], audiences: tuple[str, ...]) -> Answers:
    """The cells of a table as `matrix.txt` has it; `as` says that a way's answers are those of another one."""
    first, *lines = table.splitlines()
    roles = first.removeprefix("#").split("who can join")[1].split()
    found: Answers = {}

    def add(cell: tuple[str, str, str, str], answer: str) -> None:
        assert cell not in found, f"{cell} is in the table twice"
        found[cell] = answer

    for line in lines:
        if not line or line.startswith("#"):
            continue
        way, in_states, who, *answers = line.split()
        if in_states == "as":
            for (other, state, audience, role), answer in list(found.items()):
                if other == who:
                    add((way, state, audience, role), answer)
            continue
        for state in states if in_states == "any" else in_states.split(","):
            for audience in audiences if who == "any" else who.split(","):
                for role, answer in zip(roles, answers, strict=True):
                    add((way, state, audience, role), answer)
    return found


def differences(expected: Answers, given: Answers) -> list[str]:
    """The cells in which two tables differ, each as a line."""
    cells: list[Any] = sorted({*expected, *given})
    return [
        f"{' '.join(cell)}: expected {expected.get(cell)}, answered {given.get(cell)}"
        for cell in cells
        if expected.get(cell) != given.get(cell)
    ]
