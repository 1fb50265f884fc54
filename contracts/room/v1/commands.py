"""Orders about a Space, routed to the owner of its partition."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from contracts.commands import Command, Nothing, register
from contracts.envelope import PersonId, SpaceId
from contracts.room.v1.space import ChosenSettings, Settings, Space
from contracts.room.v1.values import (
    Explanation,
    GivenLanguage,
    GivenPreviewText,
    GivenTitle,
    GivenWords,
    InvitedTo,
    Message,
    PinId,
    SpokenLanguage,
    Topic,
    WhoCanJoin,
    WhoCanSpeak,
)
from contracts.times import GivenMoment
from contracts.written import GivenLink


class SpaceCommand(Command[Space]):
    """An order about one Space, routed to the owner of its partition; the result is the Space after it."""

    service = "room"
    result = Space
    space_id: SpaceId

    @property
    def partition_key(self) -> str | None:
        return self.space_id


def _in_words(settings: Settings) -> Settings:
    """Settings are told too, so that a host's own words are judged here, where they are given."""
    chosen = ChosenSettings.model_validate(dict(settings))
    return settings if chosen.title == settings.title else settings.model_copy(update={"title": chosen.title})


@register
class CreateSpace(SpaceCommand):
    """Creates a Space with the actor as host; starts it now unless `scheduled_start` is given (at most 30 days ahead).

    `space_id` is chosen by the gateway. Hosting a recorded Space is consent to be recorded.
    Refuses: may_not_host, suspended, person_unknown, invalid (also a word as `change_words` does; both recorded and
    ephemeral), too_many_scheduled, too_many_live.
    """

    name = "create_space"
    settings: Annotated[Settings, AfterValidator(_in_words)]
    scheduled_start: GivenMoment | None = None
    platform: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,20}$")] = "web"
    """The kind of client, which who may host can depend on."""
    words: GivenWords = ()
    """The word list to begin with; see `change_words`."""


@register
class StartSpace(SpaceCommand):
    """The host starts a scheduled Space. Refuses: not_host, not_scheduled, may_not_host (no longer), too_many_live."""

    name = "start_space"


@register
class CancelSpace(SpaceCommand):
    """The host cancels a scheduled Space. Refuses: not_host, not_scheduled."""

    name = "cancel_space"


@register
class EndSpace(SpaceCommand):
    """The host (or the platform: operator) ends it. Refuses: not_host, not_live."""

    name = "end_space"


@register
class DeleteSpace(Command[Nothing]):
    """The host deletes a Space that is scheduled or over, an operator any: a live one ends with that. Nobody is shown
    anything of it any more, and everything that was said and written in it is destroyed, but for the safety copy of
    its replay, which stays sealed for its time.

    Refuses: space_unknown, space_deleted, not_host, wrong_state (live).
    """

    service = "room"
    name = "delete_space"
    result = Nothing
    space_id: SpaceId

    @property
    def partition_key(self) -> str | None:
        return self.space_id


@register
class RequestToSpeak(SpaceCommand):
    """The actor joins the queue; where `who_can_speak` allows, straight onto the stage.

    Refuses: not_live, removed, blocked, not_allowed (may not join), already_on_stage, already_requested, stage_full,
    queue_full, invalid (a message that is too long), not_in_space (no live session; a conversation, which has no
    listeners, needs none).
    """

    name = "request_to_speak"
    message: Message = ""
    consent_to_recording: bool = True


@register
class CancelRequest(SpaceCommand):
    """The actor leaves the queue. Refuses: request_unknown."""

    name = "cancel_request"


@register
class AcceptRequest(SpaceCommand):
    """A host lets somebody in. Refuses: not_host, request_unknown, stage_full."""

    name = "accept_request"
    person_id: PersonId


@register
class DeclineRequest(SpaceCommand):
    """A host says no. Refuses: not_host, request_unknown."""

    name = "decline_request"
    person_id: PersonId


@register
class Mute(SpaceCommand):
    """A host mutes somebody, or the actor themself; muting the muted is accepted. Refuses: not_host, not_on_stage."""

    name = "mute"
    person_id: PersonId


@register
class Unmute(SpaceCommand):
    """The actor opens their own microphone. Refuses: only_self, not_on_stage."""

    name = "unmute"
    person_id: PersonId


@register
class LeaveStage(SpaceCommand):
    """The actor steps down, or a host moves somebody back to the listeners. Refuses: not_host, not_on_stage."""

    name = "leave_stage"
    person_id: PersonId


@register
class RemovePerson(SpaceCommand):
    """A host removes somebody for good. Refuses: not_host, not_allowed (the host, or a co-host by a co-host)."""

    name = "remove_person"
    person_id: PersonId
    explanation: Explanation = ""


@register
class ReadmitPerson(SpaceCommand):
    """A host undoes a removal. Refuses: not_host, not_allowed (removed by a block or a suspension)."""

    name = "readmit_person"
    person_id: PersonId


@register
class Reschedule(SpaceCommand):
    """The host chooses another start, at most 30 days ahead. Refuses: not_host, not_scheduled, invalid."""

    name = "reschedule"
    scheduled_start: GivenMoment


@register
class ChangeSettings(SpaceCommand):
    """The host chooses otherwise; what is None stays. `recorded`, `captions` and `ephemeral` are chosen before the
    start.

    Who can join and who can speak hold for those who come from now on: whoever is inside, or on stage, stays until
    they leave, and a host may remove them.

    Refuses: not_host, wrong_state (over; or chosen too late), invalid (a topic that is not on the list; both
    recorded and ephemeral).
    """

    name = "change_settings"
    title: GivenTitle | None = None
    topics: Annotated[tuple[Topic, ...], Field(max_length=3)] | None = None
    lang: GivenLanguage | None = None
    who_can_join: WhoCanJoin | None = None
    who_can_speak: WhoCanSpeak | None = None
    recorded: bool | None = None
    captions: bool | None = None
    ephemeral: bool | None = None


@register
class ChangeWords(SpaceCommand):
    """A host or co-host chooses the names, brands and terms that captions should be able to write, all of them anew.

    They help with what is said next. Refuses: not_host, wrong_state (over), invalid (a word with control or invisible
    characters, without a letter or digit, or of letters that look alike).
    """

    name = "change_words"
    words: GivenWords


@register
class Invite(SpaceCommand):
    """A host invites somebody to speak, or only to join. Who waits in the queue is let in by it.

    Inviting again before it lapsed changes nothing. Refuses: not_host, not_live, person_unknown, not_allowed
    (removed, suspended, or blocked by or blocking the host), already_on_stage, stage_full (who waited),
    too_many_invitations (that are not answered).
    """

    name = "invite"
    person_id: PersonId
    to: InvitedTo = InvitedTo.SPEAK


@register
class AcceptInvitation(SpaceCommand):
    """The actor comes on stage, muted.

    Refuses: invitation_unknown (none, or it has lapsed), not_live, stage_full, not_in_space (as `RequestToSpeak`).
    """

    name = "accept_invitation"
    consent_to_recording: bool = True


@register
class DeclineInvitation(SpaceCommand):
    """The actor says no. Refuses: invitation_unknown."""

    name = "decline_invitation"


@register
class WithdrawInvitation(SpaceCommand):
    """A host takes an invitation back: to speak, or `to` join, and with that to speak too. Whoever is there stays.

    Refuses: not_host, invitation_unknown, wrong_state (to join, of a Space that is over).
    """

    name = "withdraw_invitation"
    person_id: PersonId
    to: InvitedTo = InvitedTo.SPEAK


@register
class AppointCohost(SpaceCommand):
    """The host makes somebody on stage a co-host, at most 2. Refuses: not_host, not_on_stage, too_many_cohosts."""

    name = "appoint_cohost"
    person_id: PersonId


@register
class DismissCohost(SpaceCommand):
    """The host makes a co-host a speaker again, or a listener where all places of speakers are taken.

    Refuses: not_host, not_on_stage.
    """

    name = "dismiss_cohost"
    person_id: PersonId


@register
class HandOver(SpaceCommand):
    """The host leaves, and a co-host is the host from now on.

    Refuses: not_host, not_live, not_allowed (no co-host), may_not_host (the co-host).
    """

    name = "hand_over"
    person_id: PersonId


@register
class RaiseHand(SpaceCommand):
    """The actor, on stage, raises a hand. Refuses: not_on_stage, not_live."""

    name = "raise_hand"


@register
class LowerHand(SpaceCommand):
    """The person lowers their hand, or a host does. Refuses: not_host, not_on_stage, not_live."""

    name = "lower_hand"
    person_id: PersonId


@register
class ChooseLanguage(SpaceCommand):
    """The actor, on stage, says what they speak in this Space, also when they come back on stage later.

    None: the language of the Space. It holds from what they say next. Refuses: not_on_stage, not_live.
    """

    name = "choose_language"
    lang: SpokenLanguage | None


@register
class MuteAll(SpaceCommand):
    """A host mutes everybody else on stage. Refuses: not_host, not_live."""

    name = "mute_all"


@register
class PinLink(SpaceCommand):
    """Somebody on stage pins a link for everybody. `pin_id` is chosen by the gateway.

    It is kept with its host in Punycode. Refuses: not_on_stage, not_live, too_many_pins, already_pinned, invalid (with
    a user name, or a host that is none).
    """

    name = "pin_link"
    pin_id: PinId
    url: GivenLink
    text: GivenPreviewText = ""


@register
class Unpin(SpaceCommand):
    """Who pinned it, or a host, takes a link away. Refuses: pin_unknown, not_host, not_live."""

    name = "unpin"
    pin_id: PinId
