"""Operations on spaces. Written from the contracts by `make contracts`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from rostrum_client import models as m
from rostrum_client.request import AsyncCalls, Calls, Request, quoted


class Spaces:
    """Asks and waits."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get_live_bar(self, *, limit: int = 50) -> m.SpaceCards:
        """Every live Space in which somebody one follows is on stage."""
        return self._calls.answer(Request("GET", "/v1/live-bar", query={"limit": limit}), m.SpaceCards)

    def browse(
        self,
        *,
        state: Literal["live", "scheduled", "ended", "all"] = "live",
        q: str = "",
        spoken: bool = True,
        topic: str | None = None,
        lang: str | None = None,
        creator: str | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        cursor: str | None = None,
        limit: int = 20,
    ) -> m.SpacePage:
        """Spaces that one may join: live ones by listeners, scheduled ones by their start, ended ones newest first; with
        words by relevance.
        """
        return self._calls.answer(
            Request(
                "GET",
                "/v1/spaces",
                query={
                    "state": state,
                    "q": q,
                    "spoken": spoken,
                    "topic": topic,
                    "lang": lang,
                    "creator": creator,
                    "from": from_,
                    "to": to,
                    "cursor": cursor,
                    "limit": limit,
                },
            ),
            m.SpacePage,
        )

    def create_space(self, body: m.NewSpace, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Create a Space with oneself as host."""
        return self._calls.answer(Request("POST", "/v1/spaces", body=body, key=idempotency_key), m.SpaceView)

    def delete_space(self, space_id: str, *, idempotency_key: str | None = None) -> None:
        """The host deletes a Space that is scheduled or over, with everything that was said and written in it; operators
        any. Of its replay a safety copy is kept for reports, sealed, for its time.
        """
        self._calls.nothing(Request("DELETE", f"/v1/spaces/{quoted(space_id)}", key=idempotency_key))

    def get_space(self, space_id: str) -> m.SpaceView:
        """One Space as one may see it; for those who may join it, and once it is over for who stood on stage."""
        return self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}"), m.SpaceView)

    def get_past_space(self, space_id: str, *, at: str | None) -> m.PastSpace:
        """One Space as one may see it; for those who may join it, and once it is over for who stood on stage."""
        return self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}", query={"at": at}), m.PastSpace)

    def admission(self, space_id: str) -> m.Grant:
        """Whether one may join, and whom on stage one has blocked, to be warned before joining."""
        return self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/admission"), m.Grant)

    def get_analytics(self, space_id: str) -> m.SpaceFigures:
        """Figures of a Space, for its host."""
        return self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/analytics"), m.SpaceFigures)

    def cancel_space(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host cancels a scheduled Space."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/cancel", key=idempotency_key), m.SpaceView
        )

    def end_space(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host ends it."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/end", key=idempotency_key), m.SpaceView
        )

    def hand_over(self, space_id: str, body: m.Somebody, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host leaves, and a co-host is the host from now on."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/hand-over", body=body, key=idempotency_key), m.SpaceView
        )

    def participants(self, space_id: str, *, limit: int = 100, after: str = "") -> m.Participants:
        """Who is there now, a page at a time; anonymous and hidden people are only counted."""
        return self._calls.answer(
            Request("GET", f"/v1/spaces/{quoted(space_id)}/participants", query={"limit": limit, "after": after}),
            m.Participants,
        )

    def reschedule_space(self, space_id: str, body: m.NewStart, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host chooses another start."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/reschedule", body=body, key=idempotency_key), m.SpaceView
        )

    def open_session(
        self, space_id: str, body: m.NewSession | None = None, *, idempotency_key: str | None = None
    ) -> m.SessionOpened:
        """Join: open a session, anonymously without a token."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/sessions", body=body, key=idempotency_key), m.SessionOpened
        )

    def close_session(self, space_id: str, session_id: str, *, idempotency_key: str | None = None) -> None:
        """Leave, also the queue; fine also where the session is gone already. Who has signed up meanwhile may close the
        session that they had before.
        """
        self._calls.nothing(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/sessions/{quoted(session_id)}", key=idempotency_key)
        )

    def renew_session(self, space_id: str, session_id: str, *, idempotency_key: str | None = None) -> None:
        """Say that one is still there; not needed while an event stream is open with the session."""
        self._calls.nothing(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/sessions/{quoted(session_id)}/renew", key=idempotency_key)
        )

    def start_space(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host starts a scheduled Space."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/start", key=idempotency_key), m.SpaceView
        )


class AsyncSpaces:
    """The same as coroutines."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def get_live_bar(self, *, limit: int = 50) -> m.SpaceCards:
        """Every live Space in which somebody one follows is on stage."""
        return await self._calls.answer(Request("GET", "/v1/live-bar", query={"limit": limit}), m.SpaceCards)

    async def browse(
        self,
        *,
        state: Literal["live", "scheduled", "ended", "all"] = "live",
        q: str = "",
        spoken: bool = True,
        topic: str | None = None,
        lang: str | None = None,
        creator: str | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        cursor: str | None = None,
        limit: int = 20,
    ) -> m.SpacePage:
        """Spaces that one may join: live ones by listeners, scheduled ones by their start, ended ones newest first; with
        words by relevance.
        """
        return await self._calls.answer(
            Request(
                "GET",
                "/v1/spaces",
                query={
                    "state": state,
                    "q": q,
                    "spoken": spoken,
                    "topic": topic,
                    "lang": lang,
                    "creator": creator,
                    "from": from_,
                    "to": to,
                    "cursor": cursor,
                    "limit": limit,
                },
            ),
            m.SpacePage,
        )

    async def create_space(self, body: m.NewSpace, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Create a Space with oneself as host."""
        return await self._calls.answer(Request("POST", "/v1/spaces", body=body, key=idempotency_key), m.SpaceView)

    async def delete_space(self, space_id: str, *, idempotency_key: str | None = None) -> None:
        """The host deletes a Space that is scheduled or over, with everything that was said and written in it; operators
        any. Of its replay a safety copy is kept for reports, sealed, for its time.
        """
        await self._calls.nothing(Request("DELETE", f"/v1/spaces/{quoted(space_id)}", key=idempotency_key))

    async def get_space(self, space_id: str) -> m.SpaceView:
        """One Space as one may see it; for those who may join it, and once it is over for who stood on stage."""
        return await self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}"), m.SpaceView)

    async def get_past_space(self, space_id: str, *, at: str | None) -> m.PastSpace:
        """One Space as one may see it; for those who may join it, and once it is over for who stood on stage."""
        return await self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}", query={"at": at}), m.PastSpace)

    async def admission(self, space_id: str) -> m.Grant:
        """Whether one may join, and whom on stage one has blocked, to be warned before joining."""
        return await self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/admission"), m.Grant)

    async def get_analytics(self, space_id: str) -> m.SpaceFigures:
        """Figures of a Space, for its host."""
        return await self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/analytics"), m.SpaceFigures)

    async def cancel_space(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host cancels a scheduled Space."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/cancel", key=idempotency_key), m.SpaceView
        )

    async def end_space(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host ends it."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/end", key=idempotency_key), m.SpaceView
        )

    async def hand_over(self, space_id: str, body: m.Somebody, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host leaves, and a co-host is the host from now on."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/hand-over", body=body, key=idempotency_key), m.SpaceView
        )

    async def participants(self, space_id: str, *, limit: int = 100, after: str = "") -> m.Participants:
        """Who is there now, a page at a time; anonymous and hidden people are only counted."""
        return await self._calls.answer(
            Request("GET", f"/v1/spaces/{quoted(space_id)}/participants", query={"limit": limit, "after": after}),
            m.Participants,
        )

    async def reschedule_space(
        self, space_id: str, body: m.NewStart, *, idempotency_key: str | None = None
    ) -> m.SpaceView:
        """The host chooses another start."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/reschedule", body=body, key=idempotency_key), m.SpaceView
        )

    async def open_session(
        self, space_id: str, body: m.NewSession | None = None, *, idempotency_key: str | None = None
    ) -> m.SessionOpened:
        """Join: open a session, anonymously without a token."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/sessions", body=body, key=idempotency_key), m.SessionOpened
        )

    async def close_session(self, space_id: str, session_id: str, *, idempotency_key: str | None = None) -> None:
        """Leave, also the queue; fine also where the session is gone already. Who has signed up meanwhile may close the
        session that they had before.
        """
        await self._calls.nothing(
            Request("DELETE", f"/v1/spaces/{quoted(space_id)}/sessions/{quoted(session_id)}", key=idempotency_key)
        )

    async def renew_session(self, space_id: str, session_id: str, *, idempotency_key: str | None = None) -> None:
        """Say that one is still there; not needed while an event stream is open with the session."""
        await self._calls.nothing(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/sessions/{quoted(session_id)}/renew", key=idempotency_key)
        )

    async def start_space(self, space_id: str, *, idempotency_key: str | None = None) -> m.SpaceView:
        """The host starts a scheduled Space."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/start", key=idempotency_key), m.SpaceView
        )
