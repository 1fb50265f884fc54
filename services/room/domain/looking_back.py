"""A Space as it was at an earlier moment, without what is gone now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from libs.refusal import Refusal
from services.room.domain.space import Space
from services.room.domain.values import HOSTING


@dataclass(frozen=True, slots=True)
class Present:
    """What of a Space today decides who is shown its past, and how much of that."""

    version: int
    is_hosts: bool
    """Whether the asker is shown what hosts are."""
    is_gone: bool
    """It was ephemeral and is over."""
    pins: frozenset[str]
    waiting: frozenset[tuple[str, datetime]]
    """Requests to speak that still wait: who asked, and when."""


def look_back(space: Space, person_id: str | None, *, operator: bool) -> Present:
    """Let somebody see how it was, of whom it is known that they may see how it is. Hosts and operators may at any
    time, all others once it is over, if it was for everybody. Raises Refusal: not_allowed."""
    is_hosts = space.role_of(person_id) in HOSTING
    over = space.state not in ("scheduled", "live")
    if not (is_hosts or operator):
        if not over:
            raise Refusal("not_allowed", "Until a Space is over, only its hosts see how it was before.")
        if space.settings.who_can_join != "everyone" or space.settings.kind != "space":
            raise Refusal("not_allowed", "This Space was not for everybody, so only its host sees how it was.")
    return Present(
        space.version,
        is_hosts,
        over and space.settings.ephemeral,
        frozenset(space.pins),
        frozenset((request.person.id, request.requested_at) for request in space.requests.values()),
    )


def without_what_is_gone(then: Space, now: Present, is_erased: Callable[[str], bool]) -> Space:
    """The same state, changed: words that were taken back since are gone, and so are people who were erased.

    Their keys are destroyed too, but for a moment, and words of earlier versions have none.
    """
    if now.is_gone:
        for people in (then.stage, then.requests, then.invitations):
            people.clear()
        then.forget()
    for id in [id for id in then.pins if id not in now.pins]:
        del then.pins[id]
    for request in then.requests.values():
        if (request.person.id, request.requested_at) not in now.waiting:
            request.message = ""
    for listed in (then.stage, then.requests, then.invitations, then.invited, then.removed):
        for id in [id for id in listed if is_erased(id)]:
            del listed[id]
    if then.words and is_erased(then.words_by):
        then.words = ()
    if is_erased(then.title_by):
        then.settings = replace(then.settings, title="", title_by="")
    return then
