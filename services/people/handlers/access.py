"""Who may ask and command what, and what a command orders."""

from __future__ import annotations

import hashlib
from typing import Any

from contracts.commands import Command, Query
from contracts.people import v1
from libs.refusal import Refusal


def ordered(command: Command[Any]) -> tuple[object, ...]:
    """What a command to people orders; see `libs.commands.executor.Ordered`.

    Ids that the gateway makes are another one each time a command is sent, so they are no part of it.
    """
    match command:
        case v1.SignUp():
            return (command.handle, command.display_name)
        case v1.SignIn() | v1.UpsertPeople() | v1.ChangeRelations():
            return ()  # a digest of whom the issuer means would tell who it was when nothing else does any more
        case v1.Follow() | v1.Unfollow():
            return (command.followee_id,)
        case v1.Block() | v1.Unblock():
            return (command.blocked_id,)
        case v1.ErasePerson():
            return (command.person_id,)  # the confirmation may be a handle, of which nothing is to stay
        case v1.ChangePicture():
            return tuple((one.side, hashlib.sha256(one.data).hexdigest()) for one in command.sizes)
        case v1.FileReport():
            return _fields(command, "report_id")
        case v1.RevokeTokens():
            return _fields(command, "expires_at")  # the token says it, and earlier versions stored digests without it
        case _:
            return _fields(command)


def _fields(command: Command[Any], *chosen: str) -> tuple[object, ...]:
    fields = command.model_dump(mode="json", exclude={"command_id", "actor", "operator", "api_key", *chosen})
    return (sorted(fields.items()),)


def actor(request: Command[Any] | Query[Any]) -> str:
    """The person who asks. Refuses: unauthenticated."""
    if request.actor is None:
        raise Refusal("unauthenticated", "Sign in first.")
    return request.actor


def operators_only(request: Command[Any] | Query[Any]) -> None:
    """Refuses: unauthenticated, not_allowed."""
    if not request.operator:
        actor(request)
        raise Refusal("not_allowed", "This is for those who run this place.")
