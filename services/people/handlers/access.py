"""Who may ask and command what, and what a command orders."""

from __future__ import annotations

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
        case v1.Follow() | v1.Unfollow():
            return (command.followee_id,)
        case v1.Block() | v1.Unblock():
            return (command.blocked_id,)
        case v1.FileReport():
            return _fields(command, "report_id")
        case _:
            return _fields(command)


def _fields(command: Command[Any], *chosen: str) -> tuple[object, ...]:
    fields = command.model_dump(mode="json", exclude={"command_id", "actor", "operator", *chosen})
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
