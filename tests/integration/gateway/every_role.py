"""A person in every role, and a Space in every state with every choice of who can join."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from infra.launcher import System
from libs.identity import DevelopmentIdentity
from tests.integration.gateway.client import Client
from tests.integration.gateway.ways_in import SDP, WORD, Place
from tests.support.waiting import eventually
from tests.support.webrtc import opus_tone, speaker

STATES: Final = ("scheduled", "canceled", "live", "ended", "timed_out")
AUDIENCES: Final = ("everyone", "followers", "invited")
KINDS: Final = [
    (state, who)
    for state in STATES
    for who in AUDIENCES
    # The rule is the same as for what is scheduled, and for what ended; the strictest choice is enough.
    if state not in ("canceled", "timed_out") or who != "followers"
]
INSIDE: Final = ("cohost", "speaker", "listener", "hidden")
"""They came while everyone could join."""
OUT: Final = ("removed", "blocked", "blocker", "suspended")
"""Refused everywhere, each in one way."""
SERVICES: Final = ("room", "people", "discovery", "media", "recording", "transcription", "tipping", "gateway")
SETTINGS: Final = {
    "ROSTRUM_GATEWAY_COMMANDS_PER_SECOND": "10000",
    "ROSTRUM_GATEWAY_LOOKUPS": "10000",
    "ROSTRUM_ROOM_LEASE_SECONDS": "120",
    "ROSTRUM_ROOM_GRACE_SECONDS": "6",  # far more than hosts take to come after they created a Space
    "ROSTRUM_TRANSCRIPTION_WORKERS": "1",
    "ROSTRUM_RECORDING_BUILDS": "3",  # one for each Space that has ended
}


class World:
    """The people, each in one role, and a Space of every state and choice of who can join."""

    def __init__(self, people: dict[str, Client], ids: dict[str, str]) -> None:
        self.people = people
        self.ids = ids
        self.places: list[Place] = []
        self._sessions: dict[tuple[str, str], str] = {}
        """Of who is in a live Space, by its address and their role."""

    async def done(self, role: str, method: str, path: str, **json: object) -> Any:
        """What somebody is answered who may do that."""
        response = await self.people[role].http.request(method, path, json=json or None)
        assert response.is_success, f"{role} {method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    async def make(self, state: str, audience: str) -> Place:
        """A Space in which everybody came into their role, and which then went into its state."""
        started = state not in ("scheduled", "canceled")
        wanted = {"title": f"{WORD} {state} {audience}", "recorded": True, "who_can_speak": "everyone"}
        later = {} if started else {"scheduled_start": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
        made = await self.done("host", "POST", "/v1/spaces", **wanted, **later)
        place = Place(made["id"], self.ids["host"], state, audience)
        at, sessions = place.at, {}
        if started:
            for role in ("host", *INSIDE):
                opened = await self.done(role, "POST", f"{at}/sessions", hidden=role == "hidden")
                sessions[role] = opened["session_id"]
            for role in ("cohost", "speaker"):
                await self.done(role, "POST", f"{at}/requests")
            await self.done("host", "PUT", f"{at}/cohosts/{self.ids['cohost']}")
        await self.done("host", "POST", f"{at}/invitations", person_id=self.ids["invited"], to="join")
        await self.done("host", "POST", f"{at}/removals", person_id=self.ids["removed"])
        await self.done("host", "PATCH", at, who_can_join=audience, who_can_speak="invited")
        match state:
            case "canceled":
                await self.done("host", "POST", f"{at}/cancel")
            case "ended":
                await self.speak(at)
                await self.done("host", "POST", f"{at}/end")
            case "timed_out":
                for role in ("host", "cohost"):
                    await self.done(role, "DELETE", f"{at}/sessions/{sessions[role]}")
            case "live":
                self._sessions |= {(at, role): session for role, session in sessions.items()}
        return place

    async def stay(self) -> None:
        """Whoever is in a live Space renews their session, however long everything else took."""
        for (at, role), session in self._sessions.items():
            await self.done(role, "POST", f"{at}/sessions/{session}/renew")

    async def speak(self, at: str) -> None:
        """The host says something, so that there is a replay."""

        async def negotiate(offer: str) -> str:
            answer = await self.people["host"].http.post(f"{at}/whip", content=offer, headers=SDP)
            assert answer.status_code == 201, answer.text
            return str(answer.text)

        await self.done("host", "POST", f"{at}/stage/{self.ids['host']}/unmute")
        async with speaker(negotiate, opus_tone(440, 1.0)) as voice:
            await voice.track.said()

    async def settled(self, place: Place) -> bool:
        """Whether all that takes a moment has happened: lists know the state, and there is a replay."""
        space = await self.done("host", "GET", place.at)
        if space["state"] != place.state:
            return False
        if place.state == "ended" and (await self.done("host", "GET", f"{place.at}/replay"))["state"] != "ready":
            return False
        if place.state == "timed_out":
            mix = await self.people["host"].http.get(f"{place.at}/replay.m4a")
            if mix.json()["reason"] == "not_ready":  # until it is known that nothing was said
                return False
        if place.state == "canceled":
            return True
        listed = (await self.done("host", "GET", f"/v1/spaces?state=all&q={WORD}&limit=100"))["spaces"]
        return any((one["id"], one["state"]) == (place.id, place.state) for one in listed)


@asynccontextmanager
async def everybody(system: System, var: Path) -> AsyncIterator[World]:
    """All of them, when everything that takes a moment has happened."""
    async with AsyncExitStack() as stack:
        people, ids = {"anonymous": await stack.enter_async_context(Client(system.url))}, {}
        for role in ("host", *INSIDE, "invited", "follower", "stranger", "operator", *OUT):
            made = (await people["anonymous"].http.post("/v1/people", json={"handle": role, "name": role})).json()
            ids[role] = made["person"]["id"]
            people[role] = await stack.enter_async_context(Client(system.url, made["token"]))
        operator = DevelopmentIdentity(var / "keys").mint(ids["operator"], operator=True)
        people["operator"] = await stack.enter_async_context(Client(system.url, operator))
        made = World(people, ids)
        await made.done("follower", "PUT", f"/v1/me/following/{ids['host']}")
        names = {"names": {"venmo": "somebody"}, "public_names_acknowledged": True}
        await made.done("host", "PUT", "/v1/me/tip-jar", enabled=True, **names)
        # Few at once, so that no host is missed before they have come; first those that time out, which takes longest.
        for state in reversed(STATES):
            made.places += await asyncio.gather(*(made.make(*kind) for kind in KINDS if kind[0] == state))
        await made.done("host", "PUT", f"/v1/me/blocked/{ids['blocked']}")
        await made.done("blocker", "PUT", f"/v1/me/blocked/{ids['host']}")
        await made.done("operator", "POST", f"/v1/ops/people/{ids['suspended']}/suspend", reason="abuse")
        for place in made.places:
            await eventually(lambda place=place: made.settled(place))  # type: ignore[misc]
        yield made
