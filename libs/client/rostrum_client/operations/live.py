"""Operations on live. Written from the contracts by `make contracts`; do not edit."""

from __future__ import annotations

from rostrum_client.request import AsyncCalls, Calls, Request, quoted
from rostrum_client.streams import AsyncEventStream, EventStream


class Live:
    """Asks and waits."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def live_bar_events(self, *, last_event_id: str | None = None) -> EventStream:
        """Changes of one's live bar, and what one is told wherever one is: reminders, invitations to join a Space, and
        corrections of one's words.
        """
        return self._calls.follow(Request("GET", "/v1/live-bar/events"), last_event_id)

    def operator_events(self, *, last_event_id: str | None = None) -> EventStream:
        """Everything that is for those who run the instance."""
        return self._calls.follow(Request("GET", "/v1/ops/events"), last_event_id)

    def space_events(
        self, space_id: str, *, session: str | None = None, last_event_id: str | None = None
    ) -> EventStream:
        """The live events of a Space, as far as one may see them.

        The same as messages of a WebSocket: `/v1/spaces/{space_id}/live`, with the same parameters, each
        `{"id", "event", "data"}`.

        Between them, without an id and only to whoever has a connection at that media node: `media.node_lost` (the node is
        gone: connect again) and `media.node_draining` (connect again, and hang up when that is done), with
        `{"node_id", "sessions"}` as data; a session is the first part of a connection's address. An anonymous listener is
        known by giving the same `session` here and to WHEP.
        """
        return self._calls.follow(
            Request("GET", f"/v1/spaces/{quoted(space_id)}/events", query={"session": session}), last_event_id
        )


class AsyncLive:
    """The same as coroutines."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    def live_bar_events(self, *, last_event_id: str | None = None) -> AsyncEventStream:
        """Changes of one's live bar, and what one is told wherever one is: reminders, invitations to join a Space, and
        corrections of one's words.
        """
        return self._calls.follow(Request("GET", "/v1/live-bar/events"), last_event_id)

    def operator_events(self, *, last_event_id: str | None = None) -> AsyncEventStream:
        """Everything that is for those who run the instance."""
        return self._calls.follow(Request("GET", "/v1/ops/events"), last_event_id)

    def space_events(
        self, space_id: str, *, session: str | None = None, last_event_id: str | None = None
    ) -> AsyncEventStream:
        """The live events of a Space, as far as one may see them.

        The same as messages of a WebSocket: `/v1/spaces/{space_id}/live`, with the same parameters, each
        `{"id", "event", "data"}`.

        Between them, without an id and only to whoever has a connection at that media node: `media.node_lost` (the node is
        gone: connect again) and `media.node_draining` (connect again, and hang up when that is done), with
        `{"node_id", "sessions"}` as data; a session is the first part of a connection's address. An anonymous listener is
        known by giving the same `session` here and to WHEP.
        """
        return self._calls.follow(
            Request("GET", f"/v1/spaces/{quoted(space_id)}/events", query={"session": session}), last_event_id
        )
