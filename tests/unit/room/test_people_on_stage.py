"""Invitations, co-hosts, hands, pins, kinds of Spaces, and what a host changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from libs.eventstore import Fact
from libs.refusal import Refusal
from services.room.domain.facts import (
    Canceled,
    CohostAppointed,
    CohostDismissed,
    Created,
    Ended,
    HandLowered,
    HandRaised,
    HostChanged,
    InvitationClosed,
    Invited,
    Muted,
    Pinned,
    Readmitted,
    Removed,
    Rescheduled,
    SettingsChanged,
    StageJoined,
    StageLeft,
    Started,
    Uninvited,
    Unmuted,
    Unpinned,
)
from services.room.domain.space import Space
from services.room.domain.values import Person, Settings
from tests.unit.room.given import (
    ANN,
    ANN_ASKS,
    ANN_SPEAKS,
    BOB,
    COHOST,
    HOST,
    LIMITS,
    LIVE,
    NOW,
    SCHEDULED,
    SETTINGS,
    WITH_COHOST,
    Given,
    crowd,
    space_after,
)

LATER = NOW + LIMITS.invitation
ANN_INVITED = Invited(person=ANN, expires_at=LATER)
BOB_SPEAKS = StageJoined(person=BOB)


def live(**settings: object) -> tuple[Fact, ...]:
    """A live Space with these settings."""
    chosen = msgspec.structs.replace(SETTINGS, **settings)
    return (Created(host=HOST, settings=chosen), Started(host=HOST, settings=chosen))


def _invite(space: Space, by: Person = HOST, person: Person = ANN, *, barred: bool = False) -> list[Fact]:
    return space.invite(by.id, person, "speak", now=NOW, limits=LIMITS, barred=barred)


def _accept(space: Space, person: Person = ANN, at: datetime = NOW) -> list[Fact]:
    return space.accept_invitation(person.id, consent_to_recording=True, now=at, limits=LIMITS)


# ---- invitations ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [HOST, COHOST])
def test_host_and_cohosts_invite_to_speak(by: Person) -> None:
    Given(*WITH_COHOST).when(lambda s: _invite(s, by)).then(ANN_INVITED)
    Given(*WITH_COHOST, BOB_SPEAKS).when(lambda s: _invite(s, BOB)).refused("not_host")


def test_who_accepts_an_invitation_stands_on_stage_muted() -> None:
    joined = StageJoined(person=ANN, because="invited")
    Given(*LIVE, ANN_INVITED).when(_accept).then(joined)
    space = space_after(*LIVE, ANN_INVITED, joined)
    assert space.stage[ANN.id].muted
    assert not space.invitations
    Given(*LIVE, ANN_INVITED, joined).when(_accept).refused("invitation_unknown")


def test_consent_to_recording_is_asked_with_the_answer() -> None:
    Given(*LIVE, ANN_INVITED).when(
        lambda s: s.accept_invitation(ANN.id, consent_to_recording=False, now=NOW, limits=LIMITS)
    ).then(StageJoined(person=ANN, consent_to_recording=False, because="invited"))


def test_an_invitation_can_be_declined_or_withdrawn() -> None:
    given = Given(*WITH_COHOST, ANN_INVITED)
    given.when(lambda s: s.decline_invitation(ANN.id)).then(InvitationClosed(person_id=ANN.id, reason="declined"))
    for by in (HOST, COHOST):
        withdrawn = InvitationClosed(person_id=ANN.id, reason="withdrawn")
        given.when(lambda s, by=by: s.withdraw_invitation(by.id, ANN.id)).then(withdrawn)  # type: ignore[misc]
    Given(*LIVE).when(lambda s: s.decline_invitation(ANN.id)).refused("invitation_unknown")
    Given(*LIVE).when(lambda s: s.withdraw_invitation(HOST.id, ANN.id)).refused("invitation_unknown")


def test_an_invitation_lapses() -> None:
    Given(*LIVE, ANN_INVITED).when(lambda s: _accept(s, at=LATER - timedelta(seconds=1))).then(
        StageJoined(person=ANN, because="invited")
    )
    Given(*LIVE, ANN_INVITED).when(lambda s: _accept(s, at=LATER)).refused("invitation_unknown")


def test_inviting_twice_changes_nothing_until_it_lapsed() -> None:
    Given(*LIVE, ANN_INVITED).when(_invite).then()
    again = lambda s: s.invite(HOST.id, ANN, "speak", now=LATER, limits=LIMITS)  # noqa: E731
    Given(*LIVE, ANN_INVITED).when(again).then(Invited(person=ANN, expires_at=LATER + LIMITS.invitation))


def test_inviting_who_waits_lets_them_in_and_asking_when_invited_too() -> None:
    Given(*LIVE, ANN_ASKS).when(_invite).then(ANN_SPEAKS)
    ask = lambda s: s.request_to_speak(  # noqa: E731
        ANN, "", consent_to_recording=True, followed_by_host=False, limits=LIMITS, now=NOW
    )
    Given(*LIVE, ANN_INVITED).when(ask).then(StageJoined(person=ANN, because="invited"))


def test_nobody_is_invited_who_may_not_come_or_is_there() -> None:
    Given(*LIVE, Removed(person_id=ANN.id)).when(_invite).refused("not_allowed")
    Given(*LIVE).when(lambda s: _invite(s, barred=True)).refused("not_allowed")
    Given(*LIVE, ANN_SPEAKS).when(_invite).refused("already_on_stage")


def test_an_accepted_invitation_needs_a_place() -> None:
    Given(*LIVE, ANN_INVITED, *crowd(10)).when(_accept).refused("stage_full")


def test_where_only_invited_people_join_an_invitation_lets_them() -> None:
    given = live(who_can_join="invited")
    Given(*given).when(lambda s: s.invite(HOST.id, ANN, "join", now=NOW, limits=LIMITS)).then(
        Invited(person=ANN, to="join")
    )
    for invited in (Invited(person=ANN, to="join"), ANN_INVITED):
        space_after(*given, invited).admit(ANN.id, blocked=False, follows_host=False)
    for person_id in (BOB.id, None):
        with pytest.raises(Refusal, match="not_allowed"):
            space_after(*given, Invited(person=ANN, to="join")).admit(person_id, blocked=False, follows_host=True)


def test_an_invitation_to_join_can_be_taken_back_and_with_it_the_one_to_speak() -> None:
    closed = live(who_can_join="invited")
    for invited in (Invited(person=ANN, to="join"), ANN_INVITED):
        given = Given(*closed, invited)
        given.when(lambda s: s.withdraw_invitation(HOST.id, ANN.id, "join")).then(Uninvited(person_id=ANN.id))
        after = space_after(*closed, invited, Uninvited(person_id=ANN.id))
        assert not after.invitations
        with pytest.raises(Refusal, match="not_allowed"):
            after.admit(ANN.id, blocked=False, follows_host=True)
        # Whoever is there already stays.
        after.admit(ANN.id, blocked=False, follows_host=True, inside=True)
    Given(*closed).when(lambda s: s.withdraw_invitation(HOST.id, ANN.id, "join")).refused("invitation_unknown")


def test_people_are_invited_to_join_before_it_starts() -> None:
    Given(*SCHEDULED).when(lambda s: s.invite(HOST.id, ANN, "join", now=NOW, limits=LIMITS)).then(
        Invited(person=ANN, to="join")
    )
    Given(*SCHEDULED).when(_invite).refused("not_live")


def test_who_may_not_join_may_not_ask_to_speak() -> None:
    def ask(space: Space) -> list[Fact]:
        return space.request_to_speak(ANN, "", consent_to_recording=True, followed_by_host=True, limits=LIMITS)

    Given(*live(who_can_join="followers", who_can_speak="everyone")).when(ask).refused("not_allowed")
    Given(*live(who_can_join="invited", who_can_speak="followed")).when(ask).refused("not_allowed")


# ---- co-hosts ---------------------------------------------------------------------------------------------------


def test_the_host_appoints_up_to_two_cohosts() -> None:
    appoint = lambda s: s.appoint_cohost(HOST.id, ANN.id, limits=LIMITS)  # noqa: E731
    appointed = CohostAppointed(person_id=ANN.id)
    Given(*WITH_COHOST, ANN_SPEAKS).when(appoint).then(appointed)
    assert space_after(*WITH_COHOST, ANN_SPEAKS, appointed).role_of(ANN.id) == "cohost"
    Given(*WITH_COHOST, ANN_SPEAKS, appointed).when(appoint).then()
    full = Given(*WITH_COHOST, ANN_SPEAKS, BOB_SPEAKS, CohostAppointed(person_id=BOB.id))
    full.when(appoint).refused("too_many_cohosts")
    Given(*LIVE).when(appoint).refused("not_on_stage")
    Given(*LIVE).when(lambda s: s.appoint_cohost(HOST.id, HOST.id, limits=LIMITS)).refused("not_allowed")


def test_a_cohost_neither_appoints_nor_dismisses_nor_ends() -> None:
    given = Given(*WITH_COHOST, ANN_SPEAKS)
    given.when(lambda s: s.appoint_cohost(COHOST.id, ANN.id, limits=LIMITS)).refused("not_host")
    given.when(lambda s: s.dismiss_cohost(COHOST.id, COHOST.id, limits=LIMITS)).refused("not_host")
    given.when(lambda s: s.end(COHOST.id)).refused("not_host")


def test_a_dismissed_cohost_is_a_speaker_with_the_same_microphone() -> None:
    dismiss = lambda s: s.dismiss_cohost(HOST.id, COHOST.id, limits=LIMITS)  # noqa: E731
    dismissed = CohostDismissed(person_id=COHOST.id)
    Given(*WITH_COHOST).when(dismiss).then(dismissed)
    space = space_after(*WITH_COHOST, Unmuted(person_id=COHOST.id), dismissed)
    assert (space.role_of(COHOST.id), space.stage[COHOST.id].muted) == ("speaker", False)
    Given(*WITH_COHOST, dismissed).when(dismiss).then()
    full = Given(*WITH_COHOST, *crowd(10))
    full.when(dismiss).then(StageLeft(person_id=COHOST.id, reason="moved"))


# ---- the host goes ----------------------------------------------------------------------------------------------


def test_the_host_leaves_by_handing_over_to_a_cohost() -> None:
    changed = HostChanged(host=COHOST, previous_id=HOST.id, reason="handed_over")
    Given(*WITH_COHOST).when(lambda s: s.hand_over(HOST.id, COHOST.id)).then(changed)
    space = space_after(*WITH_COHOST, Unmuted(person_id=COHOST.id), changed)
    assert [(m.person, m.role, m.muted) for m in space.stage.values()] == [(COHOST, "host", False)]
    assert (space.host, space.role_of(HOST.id)) == (COHOST, "listener")
    assert space.end(COHOST.id) == [Ended(reason="host")]


@pytest.mark.parametrize("to", [ANN, BOB, HOST])
def test_it_is_handed_over_to_nobody_else(to: Person) -> None:
    Given(*WITH_COHOST, ANN_SPEAKS).when(lambda s: s.hand_over(HOST.id, to.id)).refused("not_allowed")


def test_it_is_handed_over_to_nobody_who_may_not_host() -> None:
    Given(*WITH_COHOST).when(lambda s: s.hand_over(HOST.id, COHOST.id, may_host=False)).refused("may_not_host")


# ---- microphones and hands --------------------------------------------------------------------------------------


def test_mute_all_mutes_everybody_else() -> None:
    talking = [Unmuted(person_id=p.id) for p in (HOST, COHOST, ANN)]
    given = Given(*WITH_COHOST, ANN_SPEAKS, BOB_SPEAKS, *talking)
    given.when(lambda s: s.mute_all(HOST.id)).then(Muted(person_id=COHOST.id), Muted(person_id=ANN.id))
    given.when(lambda s: s.mute_all(COHOST.id)).then(Muted(person_id=HOST.id), Muted(person_id=ANN.id))
    given.when(lambda s: s.mute_all(BOB.id)).refused("not_host")
    Given(*WITH_COHOST).when(lambda s: s.mute_all(HOST.id)).then()


def test_a_raised_hand_stays_until_it_is_lowered_or_they_unmute() -> None:
    raised = HandRaised(person_id=ANN.id)
    Given(*LIVE, ANN_SPEAKS).when(lambda s: s.raise_hand(ANN.id)).then(raised)
    Given(*LIVE, ANN_SPEAKS, raised).when(lambda s: s.raise_hand(ANN.id)).then()
    for stays in (Muted(person_id=ANN.id), BOB_SPEAKS, Unmuted(person_id=HOST.id)):
        assert space_after(*LIVE, ANN_SPEAKS, raised, stays).stage[ANN.id].hand_raised
    for lowers in (HandLowered(person_id=ANN.id), Unmuted(person_id=ANN.id)):
        assert not space_after(*LIVE, ANN_SPEAKS, raised, lowers).stage[ANN.id].hand_raised
    Given(*LIVE).when(lambda s: s.raise_hand(ANN.id)).refused("not_on_stage")


def test_a_hand_is_lowered_by_its_person_or_a_host() -> None:
    given = Given(*WITH_COHOST, ANN_SPEAKS, BOB_SPEAKS, HandRaised(person_id=ANN.id))
    for by in (ANN, HOST, COHOST):
        given.when(lambda s, by=by: s.lower_hand(by.id, ANN.id)).then(HandLowered(person_id=ANN.id))  # type: ignore[misc]
    given.when(lambda s: s.lower_hand(BOB.id, ANN.id)).refused("not_host")
    given.when(lambda s: s.lower_hand(BOB.id, BOB.id)).then()


# ---- pins -------------------------------------------------------------------------------------------------------

LINK = "https://example.org/"
PIN = Pinned(pin_id="1", url=LINK, text="read", person=ANN)


@pytest.mark.parametrize("by", [HOST, COHOST, ANN])
def test_everybody_on_stage_pins(by: Person) -> None:
    given = Given(*WITH_COHOST, ANN_SPEAKS)
    given.when(lambda s: s.pin(by.id, "1", LINK, "read", limits=LIMITS)).then(
        Pinned(pin_id="1", url=PIN.url, text="read", person=by)
    )
    given.when(lambda s: s.pin(BOB.id, "1", LINK, "", limits=LIMITS)).refused("not_on_stage")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://example.org", "https://example.org/"),
        ("HTTPS://Example.ORG:443/A?b=C#d", "https://example.org/A?b=C#d"),
        ("http://example.org:8080?q", "http://example.org:8080/?q"),
        ("https://\u0430\u0440\u0440le.com/", "https://xn--le-6kc8da.com/"),  # Cyrillic letters
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/ä"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://[2001:DB8::1]/x", "https://[2001:db8::1]/x"),
        ("https://example.org./", "https://example.org/"),
        ("https://192.0.2.1:443/", "https://192.0.2.1/"),
        ("https://192.0.2.1.example/", "https://192.0.2.1.example/"),
    ],
)
def test_a_link_is_kept_as_it_leads_there(given: str, kept: str) -> None:
    (pinned,) = space_after(*LIVE, ANN_SPEAKS).pin(ANN.id, "1", given, "", limits=LIMITS)
    assert isinstance(pinned, Pinned)
    assert pinned.url == kept
    again = Given(*LIVE, ANN_SPEAKS, pinned)
    again.when(lambda s: s.pin(HOST.id, "2", given, "", limits=LIMITS)).refused("already_pinned")
    again.when(lambda s: s.pin(HOST.id, "2", kept, "other words", limits=LIMITS)).refused("already_pinned")


@pytest.mark.parametrize(
    "url",
    [
        "https://bank.example@evil.example/",
        "https://user:secret@example.org/",
        "https://@example.org/",
        "https://evil.example\\@bank.example/",
        "https://bank.example\\.evil.example/",
        "https://exa%6dple.org/",
        "https://bank.example\u2044evil.example/",
        "https://bank\u200b.example/",
        "https://example.org/\u202egnp.exe",
        "https://-.example/",
        f"https://{'a' * 64}.example/",
        "https://2130706433/",  # 127.0.0.1
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://0x7f.1/",
        "https://bank.example.0x7f000001/",
        "https://\uff11\uff12\uff17.1/",
        "https://a..b/",
        "https://example.org:port/",
        "https://[::1/",
        "https:///path",
    ],
)
def test_a_link_that_hides_where_it_leads_is_not_pinned(url: str) -> None:
    Given(*LIVE, ANN_SPEAKS).when(lambda s: s.pin(ANN.id, "1", url, "", limits=LIMITS)).refused("invalid")


def test_pins_are_few_and_each_is_there_once() -> None:
    few = replace(LIMITS, pins=1)
    Given(*LIVE, ANN_SPEAKS, PIN).when(lambda s: s.pin(ANN.id, "2", LINK, "", limits=few)).refused("too_many_pins")
    Given(*LIVE, ANN_SPEAKS, PIN).when(lambda s: s.pin(ANN.id, "1", LINK, "", limits=few)).then()


def test_a_pin_is_taken_away_by_who_pinned_it_or_a_host() -> None:
    given = Given(*WITH_COHOST, ANN_SPEAKS, BOB_SPEAKS, PIN)
    for by in (ANN, HOST, COHOST):
        given.when(lambda s, by=by: s.unpin(by.id, "1")).then(Unpinned(pin_id="1"))  # type: ignore[misc]
    given.when(lambda s: s.unpin(BOB.id, "1")).refused("not_host")
    given.when(lambda s: s.unpin(HOST.id, "2")).refused("pin_unknown")
    gone = Given(*LIVE, ANN_SPEAKS, PIN, StageLeft(person_id=ANN.id))
    gone.when(lambda s: s.unpin(ANN.id, "1")).refused("not_host")


# ---- what the host changes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [SCHEDULED, LIVE])
def test_the_host_changes_title_topics_and_who_can_join_and_speak(given: tuple[Fact, ...]) -> None:
    changes = {"title": "On wasps", "topics": ("wasps",), "who_can_join": "followers", "who_can_speak": "everyone"}
    changed = SettingsChanged(settings=msgspec.structs.replace(SETTINGS, **changes))
    Given(*given).when(lambda s: s.change_settings(HOST.id, LIMITS, **changes)).then(changed)
    assert space_after(*given, changed).settings == changed.settings
    Given(*given, changed).when(lambda s: s.change_settings(HOST.id, LIMITS, **changes)).then()


def test_who_can_speak_holds_from_the_change_on() -> None:
    def ask(space: Space) -> list[Fact]:
        return space.request_to_speak(BOB, "", consent_to_recording=True, followed_by_host=False, limits=LIMITS)

    changed = SettingsChanged(settings=msgspec.structs.replace(SETTINGS, who_can_speak="everyone"))
    Given(*LIVE, ANN_ASKS, changed).when(ask).then(StageJoined(person=BOB, because="everyone"))
    assert list(space_after(*LIVE, ANN_ASKS, changed).requests) == [ANN.id]


def test_recording_and_captions_are_chosen_before_the_start() -> None:
    for change in ({"recorded": True}, {"captions": True}):
        changed = SettingsChanged(settings=msgspec.structs.replace(SETTINGS, **change))
        Given(*SCHEDULED).when(lambda s, c=change: s.change_settings(HOST.id, LIMITS, **c)).then(changed)  # type: ignore[misc]
        Given(*LIVE).when(lambda s, c=change: s.change_settings(HOST.id, LIMITS, **c)).refused("wrong_state")  # type: ignore[misc]


@pytest.mark.parametrize("over", [(*LIVE, Ended()), (*SCHEDULED, Canceled())])
def test_what_is_over_is_not_changed(over: tuple[Fact, ...]) -> None:
    Given(*over).when(lambda s: s.change_settings(HOST.id, LIMITS, title="x")).refused("wrong_state")
    Given(*over).when(lambda s: s.change_settings(ANN.id, LIMITS, title="x")).refused("not_host")


def test_topics_come_from_the_list() -> None:
    listed = replace(LIMITS, topics=frozenset({"bees"}))

    def create(space: Space, topic: str) -> list[Fact]:
        settings = Settings(title="x", topics=(topic,))
        return space.create(HOST, settings, scheduled_start=None, now=NOW, limits=listed)

    Given().when(lambda s: create(s, "wasps")).refused("invalid")
    assert create(Space("s"), "bees")
    Given(*LIVE).when(lambda s: s.change_settings(HOST.id, listed, topics=("wasps",))).refused("invalid")
    Given(*LIVE).when(lambda s: s.change_settings(HOST.id, listed, title="On wasps")).then(
        SettingsChanged(settings=msgspec.structs.replace(SETTINGS, title="On wasps"))
    )


def test_a_scheduled_space_is_rescheduled_until_it_starts() -> None:
    start = NOW + timedelta(days=30)
    reschedule = lambda s: s.reschedule(HOST.id, start, now=NOW, limits=LIMITS)  # noqa: E731
    Given(*SCHEDULED).when(reschedule).then(Rescheduled(scheduled_start=start))
    assert space_after(*SCHEDULED, Rescheduled(scheduled_start=start)).scheduled_start == start
    Given(*SCHEDULED, Rescheduled(scheduled_start=start)).when(reschedule).then()
    Given(*LIVE).when(reschedule).refused("not_scheduled")
    Given(*SCHEDULED).when(lambda s: s.reschedule(ANN.id, start, now=NOW, limits=LIMITS)).refused("not_host")


@pytest.mark.parametrize("start", [NOW, NOW - timedelta(hours=1), NOW + timedelta(days=30, seconds=1)])
def test_it_is_rescheduled_neither_to_the_past_nor_too_far_ahead(start: datetime) -> None:
    Given(*SCHEDULED).when(lambda s: s.reschedule(HOST.id, start, now=NOW, limits=LIMITS)).refused("invalid")


# ---- conversations ----------------------------------------------------------------------------------------------


def test_a_conversation_is_for_four_and_has_no_audience() -> None:
    talk = live(kind="conversation", who_can_speak="everyone")

    def ask(space: Space) -> list[Fact]:
        return space.request_to_speak(ANN, "", consent_to_recording=True, followed_by_host=False, limits=LIMITS)

    Given(*talk, *crowd(2)).when(ask).then(StageJoined(person=ANN, because="everyone"))
    Given(*talk, *crowd(3)).when(ask).refused("stage_full")
    space_after(*talk, ANN_SPEAKS).admit(ANN.id, blocked=False, follows_host=False)
    for listener in (BOB.id, None):
        with pytest.raises(Refusal, match="not_allowed"):
            space_after(*talk, ANN_SPEAKS).admit(listener, blocked=False, follows_host=True)


# ---- out, and in again ------------------------------------------------------------------------------------------


def test_a_removal_can_be_undone_by_a_host() -> None:
    given = Given(*WITH_COHOST, Removed(person_id=ANN.id))
    for by in (HOST, COHOST):
        given.when(lambda s, by=by: s.readmit(by.id, ANN.id)).then(Readmitted(person_id=ANN.id))  # type: ignore[misc]
    given.when(lambda s: s.readmit(BOB.id, ANN.id)).refused("not_host")
    given.when(lambda s: s.readmit(HOST.id, BOB.id)).then()
    space = space_after(*LIVE, ANN_SPEAKS, Removed(person_id=ANN.id), Readmitted(person_id=ANN.id))
    space.admit(ANN.id, blocked=False, follows_host=False)
    assert space.role_of(ANN.id) == "listener"


@pytest.mark.parametrize("because", ["blocked", "suspended"])
def test_who_is_blocked_or_suspended_is_out_while_it_lasts(because: str) -> None:
    out = Removed(person_id=ANN.id, because=because)  # type: ignore[arg-type]
    for before in (ANN_SPEAKS, ANN_ASKS, ANN_INVITED):
        Given(*LIVE, before).when(lambda s: s.bar(ANN.id, because)).then(out)  # type: ignore[arg-type]
        space = space_after(*LIVE, before, out)
        assert not {ANN.id} & {*space.stage, *space.requests, *space.invitations}
        with pytest.raises(Refusal, match=because):
            space.admit(ANN.id, blocked=False, follows_host=True)
    Given(*LIVE, out).when(lambda s: s.bar(ANN.id, because)).then()  # type: ignore[arg-type]
    Given(*LIVE, out).when(lambda s: s.readmit(HOST.id, ANN.id)).refused("not_allowed")
    Given(*LIVE, out).when(lambda s: s.unbar(ANN.id, because)).then(Readmitted(person_id=ANN.id))  # type: ignore[arg-type]


def test_a_removal_outlasts_a_block_that_is_lifted() -> None:
    Given(*LIVE, Removed(person_id=ANN.id)).when(lambda s: s.unbar(ANN.id, "blocked")).then()
    both = (Removed(person_id=ANN.id, because="blocked"), Removed(person_id=ANN.id))
    Given(*LIVE, both[0]).when(lambda s: s.remove(HOST.id, ANN.id, "")).then(both[1])
    Given(*LIVE, *both).when(lambda s: s.unbar(ANN.id, "blocked")).then()


def test_a_suspended_hosts_space_is_ended_by_the_platform() -> None:
    Given(*LIVE).when(lambda s: s.bar(HOST.id, "suspended")).then(Ended(reason="platform"))
    Given(*SCHEDULED).when(lambda s: s.bar(HOST.id, "suspended")).then(Canceled(reason="platform"))
    Given(*LIVE, Ended()).when(lambda s: s.bar(HOST.id, "suspended")).then()
