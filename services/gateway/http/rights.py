"""What a token with chosen rights may do: those that another server made for a client.

    listen      read, be in Spaces and hear them; every token has it
    take_part   be on stage and ask for it, react, tip, report, set reminders, correct captions
    host        create Spaces, change, start and end them, delete what was said
    account     change one's profile, follow and block, export or delete everything

Whether the person may do it is decided as ever; a right only lets them ask.
"""

from __future__ import annotations

from typing import Final, Literal

from starlette.requests import HTTPConnection

from libs.refusal import Refusal

Right = Literal["listen", "take_part", "host", "account"]
_LISTENING: Final = frozenset({
    "openSession", "renewSession", "closeSession", "whep", "whepOptions", "whipOptions", "mediaOptions", "trickle",
    "hangUp", "revokeMyToken",
})  # fmt: skip
_OF_HOSTS: Final = frozenset({"deleteReplay", "deleteTranscript", "deleteCaption", "rejectCorrection"})
_OF_THE_ACCOUNT: Final = frozenset({"exportMe", "makeLink", "subscribePush", "unsubscribePush", "unsubscribeAllPush"})
"""A link opens whatever its person may see, and messages to a browser outlive the token."""


def check(connection: HTTPConnection, rights: frozenset[str]) -> None:
    """Refuses: not_allowed, where the right for this is not among those of a token."""
    needed = needed_for(connection)
    if needed != "listen" and needed not in rights:
        raise Refusal("not_allowed", f"This token is not for that: it lacks the right {needed!r}.")


def needed_for(connection: HTTPConnection) -> Right:
    """The right that a request needs."""
    route = connection.scope.get("route")
    operation, tags = getattr(route, "operation_id", None), getattr(route, "tags", ())
    if operation in _OF_THE_ACCOUNT:
        return "account"
    if connection.scope.get("method", "GET") in ("GET", "HEAD") or operation in _LISTENING:
        return "listen"
    if operation in _OF_HOSTS or "spaces" in tags:
        return "host"
    return "account" if "people" in tags or "operators" in tags else "take_part"
