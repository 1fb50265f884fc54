"""Every contract event type crossed with every role: who is told, out of the live stream and out of its history.

The table is written from the rules, not from the code: a new event type fails here until somebody decides who may see
it.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Final

from contracts import catalogue
from contracts.captions.v1 import Partial
from contracts.discovery.v1 import BarChanged, BarsChanged
from contracts.envelope import Event, PersonRef
from contracts.media import v1 as media
from contracts.notifications import v1 as notifications
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.recording import v1 as recording
from contracts.room import v1 as room
from contracts.tipping import v1 as tipping
from contracts.transcription import v1 as transcription
from libs.identity.api_keys import new_secret
from libs.ids import new_id
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.client import Client, Events
from tests.integration.gateway.conftest import Running

ROLES: Final = ("anonymous", "listener", "concerned", "speaker", "cohost", "host", "operator")
EVERYBODY: Final = set(ROLES)
HOSTS: Final = {"host", "cohost"}
CONCERNED: Final = {"concerned"}
NOBODY: Final[set[str]] = set()
"""In a Space. Operators are told on their own stream."""

EXPECTED: Final[dict[str, set[str]]] = {
    "room.created": EVERYBODY,
    "room.started": EVERYBODY,
    "room.ended": EVERYBODY,
    "room.canceled": EVERYBODY,
    "room.speak_requested": HOSTS | CONCERNED,
    "room.request_canceled": HOSTS | CONCERNED,
    "room.request_declined": HOSTS | CONCERNED,
    "room.stage_joined": EVERYBODY,
    "room.stage_left": EVERYBODY,
    "room.muted": EVERYBODY,
    "room.unmuted": EVERYBODY,
    "room.removed": EVERYBODY,
    "room.removal_recorded": HOSTS,
    "room.readmitted": EVERYBODY,
    "room.rescheduled": EVERYBODY,
    "room.settings_changed": EVERYBODY,
    "room.words_changed": HOSTS,
    "room.language_chosen": EVERYBODY,
    "room.invited": HOSTS | CONCERNED,
    "room.invitation_closed": HOSTS | CONCERNED,
    "room.uninvited": HOSTS | CONCERNED,
    "room.hand_raised": EVERYBODY,
    "room.hand_lowered": EVERYBODY,
    "room.cohost_appointed": EVERYBODY,
    "room.cohost_dismissed": EVERYBODY,
    "room.host_changed": EVERYBODY,
    "room.arrived": EVERYBODY,
    "room.lost": EVERYBODY,
    "room.request_held": HOSTS | CONCERNED,
    "room.pinned": EVERYBODY,
    "room.unpinned": EVERYBODY,
    "presence.joined": NOBODY,
    "presence.left": NOBODY,
    "presence.counted": EVERYBODY,
    "presence.reacted": EVERYBODY,
    "people.registered": NOBODY,
    "people.profile_changed": EVERYBODY,  # of somebody on stage; `unit/gateway/test_visibility.py` has the others
    "people.followed": NOBODY,
    "people.unfollowed": NOBODY,
    "people.blocked": NOBODY,
    "people.unblocked": NOBODY,
    "people.privacy_changed": NOBODY,
    "people.hosting_policy_changed": NOBODY,
    "people.hosting_allowed": NOBODY,
    "people.hosting_withdrawn": NOBODY,
    "people.suspended": NOBODY,
    "people.tokens_revoked": NOBODY,
    "people.api_key_rotated": NOBODY,
    "people.api_key_revoked": NOBODY,
    "people.event_passed_over": NOBODY,
    "people.reinstated": NOBODY,
    "people.reported": NOBODY,
    "people.report_copied": NOBODY,
    "people.report_closed": NOBODY,
    "people.report_reopened": NOBODY,
    "people.appealed": NOBODY,
    "people.appeal_decided": NOBODY,
    "people.reminder_set": NOBODY,
    "people.reminder_cleared": NOBODY,
    "people.reminder_due": NOBODY,
    "people.keys_dropped": NOBODY,
    "people.erased": NOBODY,
    "people.forgotten": NOBODY,
    "media.speaking": EVERYBODY,
    "media.talked": NOBODY,
    "media.connected": CONCERNED,  # who listens; `unit/gateway/test_visibility.py` has those who speak
    "media.disconnected": CONCERNED,
    "media.quality": CONCERNED,
    "media.space_quality": HOSTS,
    "recording.began": EVERYBODY,
    "recording.replay_deleted": EVERYBODY,
    "recording.safety_copy_heard": NOBODY,
    "recording.safety_copy_destroyed": NOBODY,
    "recording.replay_ready": EVERYBODY,
    "recording.chapters_changed": EVERYBODY,
    "recording.failed": HOSTS,
    "transcription.captioned": EVERYBODY,
    "transcription.completed": EVERYBODY,
    "transcription.caption_corrected": EVERYBODY,
    "transcription.caption_restored": EVERYBODY,
    "transcription.own_caption_corrected": CONCERNED,
    "transcription.caption_deleted": EVERYBODY,
    "transcription.deleted": EVERYBODY,
    "room.deleted": EVERYBODY,
    "captions.partial": EVERYBODY,
    "tipping.jar_changed": NOBODY,
    "tipping.tip_offered": CONCERNED,
    "tipping.tip_opened": CONCERNED,
    "tipping.tip_confirmed": CONCERNED,
    "notifications.webhook_added": NOBODY,
    "notifications.webhook_changed": NOBODY,
    "notifications.webhook_paused": NOBODY,
    "notifications.webhook_resumed": NOBODY,
    "notifications.webhook_removed": NOBODY,
    "notifications.push_subscribed": NOBODY,
    "notifications.push_unsubscribed": NOBODY,
    "discovery.bar_changed": NOBODY,
    "discovery.bars_changed": NOBODY,
}
TO_OPERATORS: Final = {
    "presence.joined", "presence.left", "people.registered", "people.followed", "people.unfollowed", "people.blocked",
    "people.unblocked", "people.privacy_changed", "people.hosting_policy_changed", "people.hosting_allowed",
    "people.hosting_withdrawn", "people.suspended", "people.tokens_revoked", "people.event_passed_over",
    "people.reinstated", "people.api_key_rotated", "people.api_key_revoked",
    "people.reported", "people.report_copied", "people.report_closed", "people.report_reopened",
    "people.appealed", "people.appeal_decided", "people.reminder_set",
    "people.reminder_cleared", "people.erased", "people.forgotten",
    "media.talked", "media.connected", "media.disconnected", "media.quality", "media.space_quality",
    "recording.safety_copy_heard", "recording.safety_copy_destroyed",
    "recording.failed", "tipping.jar_changed", "tipping.tip_offered", "tipping.tip_opened", "tipping.tip_confirmed",
    "notifications.webhook_added", "notifications.webhook_changed", "notifications.webhook_paused",
    "notifications.webhook_resumed", "notifications.webhook_removed", "notifications.push_subscribed",
    "notifications.push_unsubscribed",
}  # fmt: skip
TO_SERVERS: Final = {
    "room.created", "room.started", "room.ended", "room.canceled", "room.speak_requested", "room.request_canceled",
    "room.request_declined", "room.stage_joined", "room.stage_left", "room.muted", "room.unmuted", "room.removed",
    "room.removal_recorded", "room.readmitted", "room.rescheduled", "room.settings_changed", "room.words_changed",
    "room.language_chosen", "room.invited", "room.invitation_closed", "room.uninvited", "room.hand_raised",
    "room.hand_lowered", "room.cohost_appointed", "room.cohost_dismissed", "room.host_changed", "room.arrived",
    "room.lost", "room.request_held", "room.pinned", "room.unpinned", "room.deleted",
    "presence.counted", "presence.reacted", "people.profile_changed", "people.erased",
    "media.speaking", "media.space_quality",
    "recording.began", "recording.replay_ready", "recording.replay_deleted", "recording.failed",
    "recording.chapters_changed",
    "transcription.captioned", "transcription.completed", "transcription.caption_corrected",
    "transcription.caption_restored", "transcription.caption_deleted", "transcription.deleted",
}  # fmt: skip
KEPT_NOWHERE: Final = {"captions.partial", "people.keys_dropped"}
MARK: Final = "transcription.completed"
"""Sent after the event in question, and public: whoever has it was told everything before it."""
LAST: Final = "presence.left"
"""The same for operators."""
DROPPED: Final = "people.keys_dropped"
"""With it goes what was said before and has not been told yet."""
ALONE: Final = [kind for kind in EXPECTED if kind.startswith("room.") or kind in (MARK, LAST, DROPPED)]
"""What changes a Space, marks the end, or takes words with it is told in a Space of its own."""
TOGETHER: Final = [kind for kind in EXPECTED if kind not in ALONE]


def test_the_table_has_every_event_type() -> None:
    known = {f"{context}.{name}" for context, name in catalogue.event_types()}
    assert known == set(EXPECTED)


class Cast:
    """One Space with somebody of every role in it."""

    def __init__(self, behind: Backend) -> None:
        self.people = {role: a_person(role.title()) for role in (*ROLES, "removed", "bystander") if role != "anonymous"}
        self.behind = behind
        self.space = behind.add(
            self["host"],
            stage=(
                self._member("host", room.Role.HOST),
                self._member("cohost", room.Role.COHOST),
                self._member("speaker", room.Role.SPEAKER),
            ),
            removed=(self["removed"].id,),
        )

    def __getitem__(self, role: str) -> PersonRef:
        return self.people[role]

    def _member(self, role: str, as_: room.Role) -> room.StageMember:
        return room.StageMember(person=self[role], role=as_, joined_at=datetime.now(UTC))

    def event(self, kind: str) -> Event:
        """One event of this kind that happens in the Space, about the person concerned where it is about somebody."""
        who = self["concerned"]
        other = self["bystander"]
        settings = self.space.settings
        at = datetime.now(UTC)
        here: dict[str, Any] = {"space_id": self.space.id, "at": at}
        follows = self.behind.next(self.space)
        listening: dict[str, Any] = {
            "node_id": "n", "session_id": new_id(), "person_id": who.id, "direction": "subscribe", **here,
        }  # fmt: skip
        tip: dict[str, Any] = {"person_id": other.id, "version": 1, "tip_id": new_id(), **here}
        mine: dict[str, Any] = {"person_id": who.id, "version": 1, "at": at}
        hook: dict[str, Any] = {"webhook_id": new_id(), "version": 1, "at": at}
        caption = transcription.Caption(id="c", person=who, lang="en", text="Hello.", start_at=at, end_at=at)
        spoken: dict[str, Any] = {**here, "version": 2, "caption_id": "c", "person_id": who.id}
        made: dict[str, Event] = {
            "room.created": room.Created(**follows, host=self["host"], settings=settings),
            "room.started": room.Started(**follows, host=self["host"], settings=settings),
            "room.ended": room.Ended(**follows),
            "room.canceled": room.Canceled(**follows),
            "room.deleted": room.SpaceDeleted(**follows),
            "room.speak_requested": room.SpeakRequested(**follows, person=who),
            "room.request_canceled": room.RequestCanceled(**follows, person_id=who.id),
            "room.request_declined": room.RequestDeclined(**follows, person_id=who.id),
            "room.stage_joined": room.StageJoined(**follows, person=other, role=room.Role.SPEAKER),
            "room.stage_left": room.StageLeft(**follows, person_id=other.id),
            "room.muted": room.Muted(**follows, person_id=who.id),
            "room.unmuted": room.Unmuted(**follows, person_id=who.id),
            "room.removed": room.Removed(**follows, person_id=other.id),
            "room.removal_recorded": room.RemovalRecorded(**follows, person_id=who.id, explanation="spam"),
            "room.readmitted": room.Readmitted(**follows, person_id=other.id),
            "room.rescheduled": room.Rescheduled(**follows, scheduled_start=at),
            "room.settings_changed": room.SettingsChanged(**follows, settings=settings),
            "room.words_changed": room.WordsChanged(**follows, words=("Dashwood",)),
            "room.language_chosen": room.LanguageChosen(**follows, person_id=self["speaker"].id, lang="de"),
            "room.invited": room.Invited(
                **follows, person=who, invitation=room.Invitation(person=who, invited_by=self["host"].id, expires_at=at)
            ),
            "room.invitation_closed": room.InvitationClosed(**follows, person_id=who.id, reason="expired"),
            "room.uninvited": room.Uninvited(**follows, person_id=who.id),
            "room.hand_raised": room.HandRaised(**follows, person_id=self["speaker"].id),
            "room.hand_lowered": room.HandLowered(**follows, person_id=self["speaker"].id),
            "room.cohost_appointed": room.CohostAppointed(**follows, person_id=other.id),
            "room.cohost_dismissed": room.CohostDismissed(**follows, person_id=other.id),
            "room.host_changed": room.HostChanged(
                **follows, host=other, previous_id=self["bystander"].id, reason="handed_over"
            ),
            "room.arrived": room.Arrived(**follows, person_id=self["speaker"].id),
            "room.lost": room.Lost(**follows, person_id=self["speaker"].id, until=at),
            "room.request_held": room.RequestHeld(**follows, person_id=who.id, until=at),
            "room.pinned": room.Pinned(
                **follows, pin=room.Pin(id=new_id(), url="https://example.org/", person=self["host"], pinned_at=at)
            ),
            "room.unpinned": room.Unpinned(**follows, pin_id=new_id()),
            "presence.joined": presence.Joined(**here, session_id=new_id(), person_id=who.id),
            "presence.left": presence.Left(**here, session_id=new_id(), person_id=who.id, joined_at=at, seconds=1),
            "presence.counted": presence.Counted(**here, listeners=1, on_stage=1),
            "presence.reacted": presence.Reacted(**here, counts={"clap": 1}, window_ms=250),
            "people.registered": people.Registered(**mine, handle="h", display_name="H"),
            "people.profile_changed": people.ProfileChanged(
                person_id=self["speaker"].id, version=2, at=at, handle="h", display_name="H"
            ),
            "people.followed": people.Followed(**mine, followee_id=other.id),
            "people.unfollowed": people.Unfollowed(**mine, followee_id=other.id),
            "people.blocked": people.Blocked(**mine, blocked_id=other.id),
            "people.unblocked": people.Unblocked(**mine, blocked_id=other.id),
            "people.privacy_changed": people.PrivacyChanged(**mine, protected=True, hides_listening=False),
            "people.hosting_policy_changed": people.HostingPolicyChanged(
                at=at, version=1, policy=people.HostingPolicy()
            ),
            "people.hosting_allowed": people.HostingAllowed(**mine),
            "people.hosting_withdrawn": people.HostingWithdrawn(**mine),
            # Somebody without a stream: what it does to the person's own is another test's.
            "people.tokens_revoked": people.TokensRevoked(person_id=other.id, at=at),
            "people.api_key_rotated": people.ApiKeyRotated(at=at, key_id=new_id(), kept_until=at),
            "people.api_key_revoked": people.ApiKeyRevoked(at=at, key_id=new_id()),
            "people.event_passed_over": people.EventPassedOver(at=at, event_id="room:1207"),
            "people.suspended": people.Suspended(person_id=other.id, version=1, at=at, reason="abuse"),
            "people.reinstated": people.Reinstated(**mine),
            "people.reported": people.Reported(
                **here, report_id=new_id(), version=1, reporter_id=who.id, person_id=other.id, reason="abuse"
            ),
            "people.report_copied": people.ReportCopied(
                **here, report_id=new_id(), version=2, piece=0, sound_since=at, sound_until=at
            ),
            "people.report_closed": people.ReportClosed(
                at=at, report_id=new_id(), version=2, outcome=people.ReportState.DISMISSED
            ),
            "people.report_reopened": people.ReportReopened(at=at, report_id=new_id(), version=3),
            "people.appealed": people.Appealed(**mine, text="Not me."),
            "people.appeal_decided": people.AppealDecided(**mine, state=people.AppealState.REJECTED),
            "people.reminder_set": people.ReminderSet(**mine, space_id=self.space.id),
            "people.reminder_cleared": people.ReminderCleared(**mine, space_id=self.space.id),
            "people.reminder_due": people.ReminderDue(
                **mine, space_id=self.space.id, kind=people.ReminderKind.START, title="Tea", scheduled_start=at
            ),
            "people.keys_dropped": people.KeysDropped(
                at=at, number=1, gone=(people.Gone(what=f"space:{self.space.id}"),)
            ),
            "people.erased": people.Erased(at=at, person_id=other.id, version=9),
            "people.forgotten": people.Forgotten(at=at, number=1, what=f"space:{new_id()}"),
            "media.speaking": media.Speaking(**here, node_id="n", person_ids=(who.id,)),
            "media.talked": media.Talked(**here, node_id="n", person_id=who.id, session_id=new_id(), seconds=1),
            "media.connected": media.Connected(**listening, setup_ms=1),
            "media.disconnected": media.Disconnected(**listening, reason="closed"),
            "media.quality": media.Quality(**listening, fraction_lost=0, jitter_ms=1),
            "media.space_quality": media.SpaceQuality(**here, node_id="n", listeners=1, reporting=1),
            "recording.began": recording.Began(**here, version=1),
            "recording.chapters_changed": recording.ChaptersChanged(**here, version=1, chapters=2),
            "recording.replay_ready": recording.ReplayReady(
                **here, version=1, seconds=1, bytes=1, mix="m", tracks=(), began_at=at
            ),
            "recording.replay_deleted": recording.ReplayDeleted(**here, version=1, reason="host"),
            "recording.safety_copy_heard": recording.SafetyCopyHeard(
                **here, version=1, actor_id=new_id(), report_id=new_id()
            ),
            "recording.safety_copy_destroyed": recording.SafetyCopyDestroyed(**here, version=1),
            "recording.failed": recording.Failed(**here, version=1, reason="storage", detail="full"),
            "transcription.captioned": transcription.Captioned(**here, version=1, caption=caption),
            "transcription.completed": self.mark(),
            "transcription.caption_corrected": transcription.CaptionCorrected(
                **spoken, text="Hullo.", by=self["host"].id
            ),
            "transcription.caption_restored": transcription.CaptionRestored(**spoken, text="Hello.", reason="rejected"),
            "transcription.caption_deleted": transcription.CaptionDeleted(**spoken),
            "transcription.deleted": transcription.Deleted(**here, version=1),
            "transcription.own_caption_corrected": transcription.OwnCaptionCorrected(
                **spoken, text="Hullo.", heard="Hello.", by=self["host"].id
            ),
            "captions.partial": Partial(
                **here, caption_id="c", person=self["host"], lang="en", text="and", start_at=at
            ),
            "tipping.jar_changed": tipping.JarChanged(**mine, enabled=True, providers=()),
            "tipping.tip_offered": tipping.TipOffered(**tip, payer=who, provider="venmo"),
            "tipping.tip_opened": tipping.TipOpened(**tip, payer=who.id),
            "tipping.tip_confirmed": tipping.TipConfirmed(**tip, payer=who.id),
            "notifications.webhook_added": notifications.WebhookAdded(**hook, rights=("events",)),
            "notifications.webhook_changed": notifications.WebhookChanged(**hook),
            "notifications.webhook_paused": notifications.WebhookPaused(**hook, reason=notifications.PauseReason.ASKED),
            "notifications.webhook_resumed": notifications.WebhookResumed(**hook),
            "notifications.webhook_removed": notifications.WebhookRemoved(**hook),
            "notifications.push_subscribed": notifications.PushSubscribed(
                **mine, subscription_id="0" * 26, reminders=True, live=True
            ),
            "notifications.push_unsubscribed": notifications.PushUnsubscribed(
                **mine, subscription_id="0" * 26, reason=notifications.PushReason.ASKED
            ),
            "discovery.bar_changed": BarChanged(person_id=who.id, space_id=self.space.id, card=None, at=at),
            "discovery.bars_changed": BarsChanged(person_ids=(who.id,), space_id=self.space.id, card=None, at=at),
        }
        return made[kind]

    def mark(self) -> transcription.Completed:
        return transcription.Completed(space_id=self.space.id, at=datetime.now(UTC), version=1, captions=1, words=1)


async def test_events_are_told_to_whom_they_are_for_and_to_nobody_else(gateway: Running, behind: Backend) -> None:
    live: Told = {}
    missed: Told = {}
    to_operators: set[str] = set()
    to_servers: set[str] = set()
    behind.on(people.UseApiKey, _good)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Client(gateway.base, new_secret()[1]))
        for_servers = await stack.enter_async_context(server.events("/v1/server/events"))
        start = (await for_servers.until("snapshot"))[-1].id
        operator = await stack.enter_async_context(gateway.client(new_id(), operator=True))
        for_operators = await stack.enter_async_context(operator.events("/v1/ops/events"))
        await for_operators.until("snapshot")
        for kinds in [*([kind] for kind in ALONE), TOGETHER]:
            cast = Cast(behind)
            async with AsyncExitStack() as streams:
                told, told_later = await _told(gateway, cast, kinds, streams)
            to_servers |= await _to_server(for_servers, cast, kinds)
            live |= told
            missed |= told_later
            await behind.emit(Cast(behind).event(LAST))
            heard = [one.event for one in await for_operators.until(LAST)][:-1]
            if LAST in kinds:
                await for_operators.until(LAST)  # what was heard first is the one in question
            to_operators |= {kind for kind in kinds if kind in heard or kind == LAST}
        async with server.events("/v1/server/events", start) as again:
            to_servers_later = await _to_server(again, cast, list(EXPECTED))
    assert live == EXPECTED
    assert missed == {kind: set() if kind in KEPT_NOWHERE else roles for kind, roles in EXPECTED.items()}
    assert to_operators == TO_OPERATORS
    assert to_servers == to_servers_later == TO_SERVERS


async def _good(command: people.UseApiKey) -> people.ApiKey:
    return people.ApiKey(id=command.key_id, name="The app", scopes=("events",), created_at=datetime.now(UTC))


async def _to_server(events: Events, cast: Cast, kinds: list[str]) -> set[str]:
    """Those of these kinds that a server is told, up to the mark of this Space."""
    told: set[str] = set()
    marks = 2 if kinds == [MARK] else 1
    while marks:
        one = await events.next()
        if one.event == MARK and one.data["space_id"] == cast.space.id:
            marks -= 1
            if not marks and kinds != [MARK]:
                break
        told.add(one.event)
    return told & set(kinds)


Told = dict[str, set[str]]
"""The roles that are told of events, by their kind."""


async def _told(gateway: Running, cast: Cast, kinds: list[str], stack: AsyncExitStack) -> tuple[Told, Told]:
    """Who is told of one event of each of these kinds as it happens, and who of those who were away meanwhile."""
    path = f"/v1/spaces/{cast.space.id}/events"
    clients: dict[str, Client] = {}
    streams: dict[str, Events] = {}
    start = ""
    for role in ROLES:
        person = None if role == "anonymous" else cast[role].id
        clients[role] = await stack.enter_async_context(gateway.client(person, operator=role == "operator"))
        streams[role] = await stack.enter_async_context(clients[role].events(path))
        start = (await streams[role].until("snapshot"))[-1].id
    removed = await stack.enter_async_context(gateway.client(cast["removed"].id))
    assert (await removed.http.get(path)).status_code == 403
    live: Told = {kind: set() for kind in kinds}
    missed: Told = {kind: set() for kind in kinds}
    for kind in kinds:
        await cast.behind.emit(cast.event(kind))
        if kind in KEPT_NOWHERE and EXPECTED[kind]:
            # It has no place in the stream, so the mark may overtake it. All are told at once.
            witness = min(EXPECTED[kind])
            for one in await streams[witness].until(kind):
                if one.event in live:
                    live[one.event].add(witness)
    await cast.behind.emit(cast.mark())
    for role, client in clients.items():
        for kind in await _before_mark(streams[role], kinds):
            live[kind].add(role)
        async with client.events(path, start) as events:
            for kind in await _before_mark(events, kinds):
                missed[kind].add(role)
    return live, missed


async def _before_mark(events: Events, kinds: list[str]) -> list[str]:
    told = [one.event for one in await events.until(MARK)]
    return [kind for kind in kinds if kind in (told if MARK in kinds else told[:-1])]


async def test_the_operators_stream_is_for_operators(gateway: Running, behind: Backend) -> None:
    async with gateway.client(new_id()) as client, gateway.client() as nobody:
        assert (await client.http.get("/v1/ops/events")).status_code == 403
        assert (await nobody.http.get("/v1/ops/events")).status_code == 401
