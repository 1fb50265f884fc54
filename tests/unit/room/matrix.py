"""Every order, by everybody, in every state: how each is given. `matrix.txt` has what is answered.

A row there is an order in some states, its words the answers to ROLES in their order: `ok`, or the reason of the
refusal. Where a Space does not exist every answer is `space_unknown`.

The Space is for followers of the host. The `listener` follows the host and is there, the `stranger` does not. Orders
about somebody are about another speaker, or about somebody who waits, or was invited, or is a co-host, as the order
needs it; `*_own` is what somebody asked for or was invited to themself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from contracts.envelope import Model
from contracts.room import v1
from libs.eventstore import Fact, Meta
from services.room.domain.facts import (
    Canceled,
    CohostAppointed,
    Created,
    Ended,
    HandRaised,
    Invited,
    Pinned,
    Removed,
    SpeakRequested,
    StageJoined,
    Started,
    Unmuted,
)
from services.room.domain.space import Space
from services.room.domain.values import Person, Settings
from tests.unit.room.given import HOST, LIMITS, NOW

ROLES: Final = ("host", "cohost", "speaker", "listener", "anonymous", "removed", "blocked", "suspended", "stranger")
STATES: Final = ("scheduled", "live", "ended", "canceled", "timed_out")
PEOPLE: Final = {
    name: Person(name)
    for name in (*ROLES, "other", "other_cohost", "waiting", "invitee", "out", "new")
    if name not in ("anonymous", "host")
} | {"host": HOST}

_SETTINGS: Final = Settings(title="On bees", who_can_join="followers")
_CREATED: Final = Created(host=HOST, settings=_SETTINGS, scheduled_start=NOW + timedelta(hours=1))
_OUT: Final = (Removed(person_id="removed"), Removed(person_id="out"))
_LATER: Final = NOW + timedelta(hours=1)
_LIVE: Final[tuple[Fact, ...]] = (
    _CREATED,
    Started(host=HOST, settings=_SETTINGS),
    *_OUT,
    *(StageJoined(person=PEOPLE[name]) for name in ("cohost", "other_cohost", "speaker", "other")),
    CohostAppointed(person_id="cohost"),
    CohostAppointed(person_id="other_cohost"),
    Unmuted(person_id="other"),
    HandRaised(person_id="other"),
    SpeakRequested(person=PEOPLE["waiting"]),
    Invited(person=PEOPLE["invitee"], expires_at=_LATER),
    Pinned(pin_id="pin", url="https://example.org/", person=PEOPLE["other"]),
)
WORLD: Final[dict[str, tuple[Fact, ...]]] = {
    "scheduled": (_CREATED, *_OUT),
    "live": _LIVE,
    "ended": (*_LIVE, Ended()),
    "canceled": (_CREATED, *_OUT, Canceled()),
    "timed_out": (*_LIVE, Ended(reason="timed_out")),
}

Order = Callable[[Space, str | None], Sequence[Fact]]
_ME: Final = Person("")


def _me(actor: str | None) -> Person:
    return PEOPLE[actor] if actor else _ME


def _asks(space: Space, actor: str | None) -> Sequence[Fact]:
    return space.request_to_speak(
        _me(actor),
        "",
        consent_to_recording=True,
        followed_by_host=False,
        follows_host=actor == "listener",
        limits=LIMITS,
    )


def _joins(space: Space, actor: str | None) -> Sequence[Fact]:
    space.admit(actor, blocked=False, follows_host=actor == "listener")
    return []


def _looks(space: Space, actor: str | None) -> Sequence[Fact]:
    space.welcome(actor, blocked=False, suspended=False)
    return []


def _after(fact: Callable[[Person], Fact], order: Order) -> Order:
    """The order of somebody to whom this happened before."""

    def ordered(space: Space, actor: str | None) -> Sequence[Fact]:
        on = actor is not None and space.state == "live" and actor not in space.stage and actor not in space.removed
        if on:
            space.apply(fact(_me(actor)), Meta(at=NOW))
        return order(space, actor)

    return ordered


ORDERS: Final[dict[str, Order]] = {
    "start": lambda s, a: s.start(a),
    "cancel": lambda s, a: s.cancel(a),
    "reschedule": lambda s, a: s.reschedule(a, NOW + timedelta(days=1), now=NOW, limits=LIMITS),
    "end": lambda s, a: s.end(a),
    "delete": lambda s, a: s.delete(a),
    "change_title": lambda s, a: s.change_settings(a, LIMITS, title="On wasps"),
    "change_who_can_join": lambda s, a: s.change_settings(a, LIMITS, who_can_join="everyone"),
    "change_recorded": lambda s, a: s.change_settings(a, LIMITS, recorded=True),
    "change_words": lambda s, a: s.change_words(a, ("Dashwood",)),
    "hand_over": lambda s, a: s.hand_over(a, "other_cohost"),
    "join": _joins,
    "react": _joins,
    "look": _looks,
    "request_to_speak": _asks,
    "cancel_request_own": _after(lambda p: SpeakRequested(person=p), lambda s, a: s.cancel_request(a)),
    "accept_request": lambda s, a: s.accept_request(a, "waiting", limits=LIMITS),
    "decline_request": lambda s, a: s.decline_request(a, "waiting"),
    "invite": lambda s, a: s.invite(a, PEOPLE["new"], "speak", now=NOW, limits=LIMITS),
    "invite_to_join": lambda s, a: s.invite(a, PEOPLE["new"], "join", now=NOW, limits=LIMITS),
    "accept_invitation_own": _after(
        lambda p: Invited(person=p, expires_at=_LATER),
        lambda s, a: s.accept_invitation(a, consent_to_recording=True, now=NOW, limits=LIMITS),
    ),
    "decline_invitation_own": _after(
        lambda p: Invited(person=p, expires_at=_LATER), lambda s, a: s.decline_invitation(a)
    ),
    "withdraw_invitation": lambda s, a: s.withdraw_invitation(a, "invitee"),
    "withdraw_to_join": lambda s, a: s.withdraw_invitation(a, "invitee", "join"),
    "mute": lambda s, a: s.mute(a, "other"),
    "mute_self": lambda s, a: s.mute(a, a or ""),
    "mute_all": lambda s, a: s.mute_all(a),
    "unmute": lambda s, a: s.unmute(a, "other"),
    "unmute_self": lambda s, a: s.unmute(a, a or ""),
    "raise_hand": lambda s, a: s.raise_hand(a),
    "lower_hand": lambda s, a: s.lower_hand(a, "other"),
    "choose_language": lambda s, a: s.choose_language(a, "de"),
    "step_down": lambda s, a: s.leave_stage(a, a or ""),
    "move": lambda s, a: s.leave_stage(a, "other"),
    "move_cohost": lambda s, a: s.leave_stage(a, "other_cohost"),
    "move_host": lambda s, a: s.leave_stage(a, HOST.id),
    "appoint_cohost": lambda s, a: s.appoint_cohost(a, "other_cohost", limits=LIMITS),
    "appoint_a_third_cohost": lambda s, a: s.appoint_cohost(a, "other", limits=LIMITS),
    "dismiss_cohost": lambda s, a: s.dismiss_cohost(a, "other_cohost", limits=LIMITS),
    "pin": lambda s, a: s.pin(a, "new", "https://example.org/new", "", limits=LIMITS),
    "unpin": lambda s, a: s.unpin(a, "pin"),
    "remove": lambda s, a: s.remove(a, "other", ""),
    "remove_cohost": lambda s, a: s.remove(a, "other_cohost", ""),
    "remove_host": lambda s, a: s.remove(a, HOST.id, ""),
    "readmit": lambda s, a: s.readmit(a, "out"),
}

COMMANDS: Final[dict[type[Model], tuple[str, ...]]] = {
    v1.StartSpace: ("start",),
    v1.CancelSpace: ("cancel",),
    v1.Reschedule: ("reschedule",),
    v1.EndSpace: ("end",),
    v1.DeleteSpace: ("delete",),
    v1.ChangeSettings: ("change_title", "change_who_can_join", "change_recorded"),
    v1.ChangeWords: ("change_words",),
    v1.HandOver: ("hand_over",),
    v1.JoinSpace: ("join",),
    v1.React: ("react",),
    v1.RequestToSpeak: ("request_to_speak",),
    v1.CancelRequest: ("cancel_request_own",),
    v1.AcceptRequest: ("accept_request",),
    v1.DeclineRequest: ("decline_request",),
    v1.Invite: ("invite", "invite_to_join"),
    v1.AcceptInvitation: ("accept_invitation_own",),
    v1.DeclineInvitation: ("decline_invitation_own",),
    v1.WithdrawInvitation: ("withdraw_invitation", "withdraw_to_join"),
    v1.Mute: ("mute", "mute_self"),
    v1.MuteAll: ("mute_all",),
    v1.Unmute: ("unmute", "unmute_self"),
    v1.RaiseHand: ("raise_hand",),
    v1.LowerHand: ("lower_hand",),
    v1.ChooseLanguage: ("choose_language",),
    v1.LeaveStage: ("step_down", "move", "move_cohost", "move_host"),
    v1.AppointCohost: ("appoint_cohost", "appoint_a_third_cohost"),
    v1.DismissCohost: ("dismiss_cohost",),
    v1.PinLink: ("pin",),
    v1.Unpin: ("unpin",),
    v1.RemovePerson: ("remove", "remove_cohost", "remove_host"),
    v1.ReadmitPerson: ("readmit",),
}
"""Which orders a command of the wire is."""


def answers() -> dict[tuple[str, str, str], str]:
    """(order, state, role) -> what is answered."""
    found: dict[tuple[str, str, str], str] = {}
    for line in Path(__file__).with_name("matrix.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        order, states, *words = line.split()
        for state in STATES if states == "any" else states.split(","):
            for role, answer in zip(ROLES, words, strict=True):
                assert (order, state, role) not in found, line
                found[order, state, role] = answer
    return found
