"""Commands on Spaces: which is decided how."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any, Final, TypeVar

from contracts.commands import Command
from contracts.envelope import encoded
from contracts.room import v1
from libs.bus import Encoded, Handlers
from libs.commands import Executor, Rows
from libs.eventstore import Done, Fact, Order
from libs.keyring.vault import Vault
from libs.keyring.worded import Lack
from libs.names import Who
from services.room.app.scheduling import Scheduling
from services.room.app.stage_entrance import StageEntrance
from services.room.domain.limits import Limits
from services.room.domain.space import Space
from services.room.translation import space_json, stored_settings, title_of, word_list

C = TypeVar("C", bound=v1.SpaceCommand)
View = Callable[[Space], bytes]
_NOTHING: Final = b"{}"
_SETTINGS: Final = {"title", "topics", "lang", "who_can_join", "who_can_speak", "recorded", "captions", "ephemeral"}


def ordered(command: Command[Any]) -> tuple[object, ...]:
    """What a command on a Space orders; see `libs.commands.executor.Ordered`."""
    exclude: dict[str, Any] = {"command_id": True, "api_key": True}
    # Digests stored by earlier versions lack the fields that there were not yet.
    match command:
        case v1.CreateSpace():
            if not command.words:
                exclude["words"] = True
            if not command.settings.ephemeral:
                exclude["settings"] = {"ephemeral"}
        case v1.ChangeSettings(ephemeral=None):
            exclude["ephemeral"] = True
        case v1.WithdrawInvitation(to=v1.InvitedTo.SPEAK):
            exclude["to"] = True
        case _:
            pass
    return (encoded(command, exclude=exclude).decode(),)


def commands(
    table: Handlers,
    executor: Executor[Space],
    scheduling: Scheduling,
    entrance: StageEntrance,
    limits: Limits,
    who: Who,
    vault: Vault,
) -> None:
    """Every command is answered with the Space after it, as its actor may see it."""
    rows = Rows(table, executor)

    def answer(space: Space, command: v1.SpaceCommand) -> bytes:
        return space_json(space, who, vault.of(space.id), command.actor)

    def changes(space: Space, command: v1.ChangeSettings) -> dict[str, Any]:
        chosen = command.model_dump(include=_SETTINGS, exclude_none=True)
        if chosen.get("title") == title_of(space, vault.of(space.id)):
            del chosen["title"]  # sealed once more, the same words would be other bytes
        return chosen

    def links(space: Space) -> list[object]:
        shown = vault.of(space.id)
        every = [shown.read(pin.person.id, pin.url) for pin in space.pins.values()]
        return [link for link in every if link is not Lack.ERASED]

    def on(
        kind: type[C], decide: Callable[[Space, C], Iterable[Fact]], unchecked: Callable[[C], bool] = lambda c: False
    ) -> None:
        rows.on(kind, Space, _space_id, decide, answer, unchecked=unchecked)

    def timed(kind: type[C], decide: Callable[[Space, C, datetime], Iterable[Fact]]) -> None:
        rows.timed(kind, Space, _space_id, decide, answer)

    def looked_up(kind: type[C], carry_out: Callable[[C, Order, View], Awaitable[Done[bytes]]]) -> None:
        """For a command that needs to know more than the Space does."""

        async def handle(c: C) -> Encoded:
            done = await carry_out(c, executor.order(c), lambda space: answer(space, c))
            return Encoded(done.version, done.view)

        table.add(kind, handle)

    # its life
    looked_up(
        v1.CreateSpace,
        lambda c, order, view: scheduling.create(
            order,
            c.space_id,
            stored_settings(c.settings),
            view,
            scheduled_start=c.scheduled_start,
            platform=c.platform,
            words=c.words,
        ),
    )
    looked_up(v1.StartSpace, lambda c, order, view: scheduling.start(order, c.space_id, view))
    looked_up(v1.CancelSpace, lambda c, order, view: scheduling.cancel(order, c.space_id, view))
    timed(v1.Reschedule, lambda space, c, now: space.reschedule(c.actor, c.scheduled_start, now=now, limits=limits))
    on(v1.ChangeSettings, lambda space, c: space.change_settings(c.actor, limits, **changes(space, c)))
    on(v1.ChangeWords, lambda space, c: space.change_words(c.actor, c.words, word_list(space, vault.of(space.id))))
    looked_up(v1.HandOver, lambda c, order, view: scheduling.hand_over(order, c.space_id, c.person_id, view))
    on(
        v1.EndSpace,
        lambda space, c: space.end(c.actor, operator=c.operator),
        unchecked=lambda c: c.operator,  # an operator may end a Space that they may not enter
    )

    @table.on(v1.DeleteSpace)
    async def delete(c: v1.DeleteSpace) -> Encoded:
        done = await scheduling.delete(executor.order(c), c.space_id, lambda _: _NOTHING, operator=c.operator)
        return Encoded(done.version, done.view)

    # onto the stage
    looked_up(
        v1.RequestToSpeak,
        lambda c, order, view: entrance.request_to_speak(
            order, c.space_id, view, message=c.message, consent_to_recording=c.consent_to_recording
        ),
    )
    on(v1.CancelRequest, lambda space, c: space.cancel_request(c.actor))
    on(v1.AcceptRequest, lambda space, c: space.accept_request(c.actor, c.person_id, limits=limits))
    on(v1.DeclineRequest, lambda space, c: space.decline_request(c.actor, c.person_id))
    looked_up(v1.Invite, lambda c, order, view: entrance.invite(order, c.space_id, c.person_id, c.to.value, view))
    timed(
        v1.AcceptInvitation,
        lambda space, c, now: space.accept_invitation(
            c.actor,
            consent_to_recording=c.consent_to_recording,
            now=now,
            limits=limits,
            here=entrance.present(c.space_id, c.actor),
        ),
    )
    on(v1.DeclineInvitation, lambda space, c: space.decline_invitation(c.actor))
    on(v1.WithdrawInvitation, lambda space, c: space.withdraw_invitation(c.actor, c.person_id, c.to.value))

    # on stage
    on(v1.Mute, lambda space, c: space.mute(c.actor, c.person_id))
    on(v1.Unmute, lambda space, c: space.unmute(c.actor, c.person_id))
    on(v1.MuteAll, lambda space, c: space.mute_all(c.actor))
    on(v1.RaiseHand, lambda space, c: space.raise_hand(c.actor))
    on(v1.LowerHand, lambda space, c: space.lower_hand(c.actor, c.person_id))
    on(v1.ChooseLanguage, lambda space, c: space.choose_language(c.actor, c.lang))
    on(v1.AppointCohost, lambda space, c: space.appoint_cohost(c.actor, c.person_id, limits=limits))
    on(v1.DismissCohost, lambda space, c: space.dismiss_cohost(c.actor, c.person_id, limits=limits))
    on(
        v1.PinLink,
        lambda space, c: space.pin(c.actor, c.pin_id, c.url, c.text, limits=limits, links=links(space)),
    )
    on(v1.Unpin, lambda space, c: space.unpin(c.actor, c.pin_id))

    # off it, and out
    on(v1.LeaveStage, lambda space, c: space.leave_stage(c.actor, c.person_id))
    on(v1.RemovePerson, lambda space, c: space.remove(c.actor, c.person_id, c.explanation))
    on(v1.ReadmitPerson, lambda space, c: space.readmit(c.actor, c.person_id))


def _space_id(command: v1.SpaceCommand) -> str:
    return command.space_id
