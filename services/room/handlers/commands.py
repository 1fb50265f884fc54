"""Orders on Spaces: from the wire to the app and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

from contracts.room import v1
from libs.bus import Encoded, Handlers
from libs.eventstore import Done, Order, digest_of
from services.room.app import Spaces
from services.room.domain import Space
from services.room.handlers.audience import Audience
from services.room.relay import space_json, stored_settings

C = TypeVar("C", bound=v1.SpaceCommand)
View = Callable[[Space], bytes]
Carry = Callable[[C, Order, View], Awaitable[Done[bytes]]]
"""Gives an order to the app; the answer is what the view makes of the Space after it."""
_SETTINGS: Final = {"title", "topics", "lang", "who_can_join", "who_can_speak", "recorded", "captions"}


class _Orders:
    """Enters orders into a table. `now` tells the time (UTC)."""

    def __init__(self, table: Handlers, now: Callable[[], datetime]) -> None:
        self._table = table
        self._now = now

    def __call__(self, kind: type[C], carry: Carry[C], then: Callable[[C], None] = lambda command: None) -> None:
        """Let `carry` answer orders of this kind. `then` is told each that was accepted."""

        async def answer(command: C) -> Encoded:
            done = await carry(command, self._order(command), lambda space: space_json(space, command.actor))
            then(command)
            return Encoded(done.version, done.view)

        self._table.add(kind, answer)

    def _order(self, command: v1.SpaceCommand) -> Order:
        digest = digest_of(command.name, command.model_dump_json(exclude={"command_id"}))
        return Order(id=command.command_id, actor=command.actor, at=self._now(), digest=digest)


def commands(table: Handlers, spaces: Spaces, audience: Audience, now: Callable[[], datetime]) -> None:
    """Which order of the wire is which of the app, and what the audience is told after it."""
    on = _Orders(table, now)

    def stage_changed(command: v1.SpaceCommand) -> None:
        audience.stage_changed(command.space_id)

    def created(command: v1.CreateSpace) -> None:
        if command.scheduled_start is None:
            audience.space_live(command.space_id)

    on(
        v1.CreateSpace,
        lambda c, order, view: spaces.create(
            order,
            c.space_id,
            stored_settings(c.settings),
            view,
            scheduled_start=c.scheduled_start,
            platform=c.platform,
        ),
        created,
    )
    on(
        v1.StartSpace,
        lambda c, order, view: spaces.start(order, c.space_id, view),
        lambda c: audience.space_live(c.space_id),
    )
    on(v1.CancelSpace, lambda c, order, view: spaces.cancel(order, c.space_id, view))
    on(v1.Reschedule, lambda c, order, view: spaces.reschedule(order, c.space_id, c.scheduled_start, view))
    on(
        v1.ChangeSettings,
        lambda c, order, view: spaces.change_settings(
            order, c.space_id, c.model_dump(include=_SETTINGS, exclude_none=True), view
        ),
    )
    on(v1.HandOver, lambda c, order, view: spaces.hand_over(order, c.space_id, c.person_id, view), stage_changed)
    on(
        v1.EndSpace,
        lambda c, order, view: spaces.end(order, c.space_id, view, operator=c.operator),
        lambda c: audience.space_over(c.space_id),
    )

    on(
        v1.RequestToSpeak,
        lambda c, order, view: spaces.request_to_speak(
            order,
            c.space_id,
            view,
            message=c.message,
            consent_to_recording=c.consent_to_recording,
            here=audience.is_there(c.space_id, c.actor),
        ),
        stage_changed,
    )
    on(v1.CancelRequest, lambda c, order, view: spaces.cancel_request(order, c.space_id, view))
    on(
        v1.AcceptRequest,
        lambda c, order, view: spaces.accept_request(order, c.space_id, c.person_id, view),
        stage_changed,
    )
    on(v1.DeclineRequest, lambda c, order, view: spaces.decline_request(order, c.space_id, c.person_id, view))
    on(v1.Invite, lambda c, order, view: spaces.invite(order, c.space_id, c.person_id, c.to.value, view), stage_changed)
    on(
        v1.AcceptInvitation,
        lambda c, order, view: spaces.accept_invitation(
            order, c.space_id, view, consent_to_recording=c.consent_to_recording
        ),
        stage_changed,
    )
    on(v1.DeclineInvitation, lambda c, order, view: spaces.decline_invitation(order, c.space_id, view))
    on(v1.WithdrawInvitation, lambda c, order, view: spaces.withdraw_invitation(order, c.space_id, c.person_id, view))

    on(v1.Mute, lambda c, order, view: spaces.mute(order, c.space_id, c.person_id, view))
    on(v1.Unmute, lambda c, order, view: spaces.unmute(order, c.space_id, c.person_id, view))
    on(v1.MuteAll, lambda c, order, view: spaces.mute_all(order, c.space_id, view))
    on(v1.RaiseHand, lambda c, order, view: spaces.raise_hand(order, c.space_id, view))
    on(v1.LowerHand, lambda c, order, view: spaces.lower_hand(order, c.space_id, c.person_id, view))
    on(v1.AppointCohost, lambda c, order, view: spaces.appoint_cohost(order, c.space_id, c.person_id, view))
    on(
        v1.DismissCohost,
        lambda c, order, view: spaces.dismiss_cohost(order, c.space_id, c.person_id, view),
        stage_changed,
    )
    on(v1.PinLink, lambda c, order, view: spaces.pin(order, c.space_id, c.pin_id, c.url, c.text, view))
    on(v1.Unpin, lambda c, order, view: spaces.unpin(order, c.space_id, c.pin_id, view))

    on(v1.LeaveStage, lambda c, order, view: spaces.leave_stage(order, c.space_id, c.person_id, view), stage_changed)
    on(
        v1.RemovePerson,
        lambda c, order, view: spaces.remove(order, c.space_id, c.person_id, c.explanation, view),
        lambda c: audience.person_removed(c.space_id, c.person_id),
    )
    on(v1.ReadmitPerson, lambda c, order, view: spaces.readmit(order, c.space_id, c.person_id, view))
