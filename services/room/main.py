"""Composition root of the room service."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path

from contracts import subjects
from contracts.room import v1
from libs.bus import Leases
from libs.clock import utc_now
from libs.commands import Executor
from libs.eventstore import StoredFact, history, open_recorder, open_store, rebuild
from libs.keyring.client import open_keyring
from libs.keyring.opening import Opener
from libs.keyring.vault import Vault
from libs.keyring.worded import UnopenedWords
from libs.migration import Migration
from libs.names import names_in
from libs.personal_data import Concerned
from libs.relay import Relay
from libs.service import Service, run
from services.room.app.admission import Admission
from services.room.app.attendance import Attendance
from services.room.app.live_limit import LiveLimit
from services.room.app.looking_back import LookingBack
from services.room.app.migration import today
from services.room.app.personal_data import held
from services.room.app.reactions import ReactionCounts
from services.room.app.renewals import Renewals
from services.room.app.scheduling import Scheduling
from services.room.app.session_leases import SessionLeases
from services.room.app.space_timers import SpaceTimers
from services.room.app.stage_entrance import StageEntrance
from services.room.app.standstill import Standstill
from services.room.app.taking_back import TakingBack
from services.room.domain.limits import Limits
from services.room.domain.space import Space
from services.room.domain.written import WORDS
from services.room.handlers import anywhere, handlers
from services.room.handlers.commands import ordered
from services.room.projection.agenda import Agenda
from services.room.projection.concerned import people_of
from services.room.projection.people import People
from services.room.projection.taken_back import TakenBack
from services.room.settings import Settings
from services.room.translation import translate, wire_space


async def compose(service: Service[Settings]) -> None:
    """Store, relay, people, attendance, and the partitions this process owns."""
    settings, bus = service.settings, service.bus
    store = await service.enter(open_store(settings.store_place, Space, cached=settings.cached_spaces))
    service.ready_when("store", store.trouble)
    people = await service.enter(People(_people_path(settings)))
    service.spawn("people", people.run(bus))
    service.ready_when("people", people.lack)
    who = people.names
    service.spawn("names", who.run(bus))

    keyring = await service.enter(open_keyring(bus, settings.name))
    vault = Vault(keyring, WORDS, people.erased, most=settings.cached_spaces)
    service.on_stop(vault.close)
    told = partial(translate, told=vault.told)
    relay = Relay(bus, store, told, context="room")
    service.spawn("relay", relay.run())
    service.on_stop(relay.flush)
    service.ready_when("relay", relay.behind)
    migration = Migration(bus, store, today, keyring.locks, context="room")
    service.spawn("migration", migration.run())

    standstill = Standstill(bus, utc_now)
    service.spawn("standstill", standstill.run())
    limits, wait = _limits(settings), settings.person_wait
    admission = Admission(store, people, vault, person_wait=wait)
    sessions = SessionLeases(settings.lease_seconds)
    attendance = Attendance(
        bus,
        store,
        people,
        sessions,
        ReactionCounts(settings.reactions, settings.with_skin_tone),
        standstill,
        count_interval=settings.count_interval,
        reaction_interval=settings.reaction_interval,
        now=utc_now,
    )
    service.spawn("attendance", attendance.run())
    renewals = Renewals(bus, admission, people, attendance, utc_now)
    service.on_stop(attendance.outbox.publish)

    executor = Executor(
        store, utc_now, ordered, check=admission.check, consequences=attendance.consequences, sealing=vault
    )
    agenda = await service.enter(Agenda(settings.var / "stores" / f"{settings.name}-agenda.db"))
    live = LiveLimit(store, agenda, settings.live_limit)
    scheduling = Scheduling(store, executor, people, limits, sessions.platform_of, live, person_wait=wait)
    entrance = StageEntrance(executor, people, limits, attendance.may_act, attendance.is_there, person_wait=wait)
    timers = SpaceTimers(store, executor, admission, scheduling, agenda, attendance, standstill, limits, utc_now)
    people.on_applied.append(timers.saw)
    service.spawn("timers", timers.run())
    taken = await service.enter(TakenBack(settings.var / "stores" / f"{settings.name}-taken-back.db"))
    taking_back = TakingBack(bus, store, taken, vault, attendance.owns)
    people.on_applied.append(taking_back.heard)
    service.spawn("taking back", taking_back.run())

    back = LookingBack(store, admission, people)
    table = handlers(executor, scheduling, entrance, admission, back, attendance, agenda, limits, people, vault)
    served: dict[int, AsyncExitStack] = {}

    async def gained(partition: int) -> None:
        # First of all: what is cut off in the middle, as the process stops, is lost all the same.
        served[partition] = AsyncExitStack()
        # Another process may have written these Spaces since we last read them.
        store.forget(lambda id: subjects.partition_of(id, settings.partitions) == partition)
        await renewals.hear(partition)
        attendance.gain(partition)
        timers.gain(partition)
        await served[partition].enter_async_context(bus.serve(table, route=str(partition), hot=True))

    async def lost(partition: int) -> None:
        await served.pop(partition).aclose()
        attendance.lose(partition)
        await renewals.ignore(partition)

    concerned = await service.enter(Concerned(settings.var / "stores" / f"{settings.name}-concerned.db", people_of))
    service.spawn("what concerns whom", concerned.run(store))
    holdings = held(store, concerned, told, Opener(keyring.locks), people.must_be_complete)
    everywhere = anywhere(settings.topics, settings.reactions, settings.with_skin_tone, holdings)
    await service.enter(bus.serve(everywhere))
    leases = await service.enter(Leases(bus, "room", settings.name, settings.partitions, gained, lost))
    service.ready_when("partitions", leases.lack)


def _people_path(settings: Settings) -> Path:
    return settings.var / "stores" / "room-people.db"


def _limits(settings: Settings) -> Limits:
    return Limits(
        stage=settings.stage_limit,
        speakers=settings.speaker_limit,
        cohosts=settings.cohost_limit,
        conversation=settings.conversation_limit,
        schedule_ahead=timedelta(days=settings.schedule_ahead_days),
        scheduled=settings.scheduled_limit,
        grace=timedelta(seconds=settings.grace_seconds),
        invitation=timedelta(seconds=settings.invitation_seconds),
        invitations=settings.invitation_limit,
        queue=settings.queue_limit,
        message=settings.request_message_limit,
        unstarted=timedelta(seconds=settings.unstarted_seconds),
        pins=settings.pin_limit,
        topics=frozenset(settings.topics) or None,
    )


def main(env: Mapping[str, str]) -> int:
    """Run the room service; its exit code."""
    return run(Settings, compose, env)


def inspect(env: Mapping[str, str], space_id: str, *, at: int | None = None) -> v1.Space | None:
    """A Space rebuilt from its stored events alone, up to version `at`, with what people are called now and without
    words that are sealed; None where there is none.

    Reads the store of a running service without disturbing it. Raises BadSettings, OSError where there is no store.
    """
    settings = Settings.read(env)
    recorder = open_recorder(settings.store_place, read_only=True)
    try:
        space = rebuild(recorder, space_id, Space, at=at)
    finally:
        recorder.close()
    with names_in(_people_path(settings)) as who:
        return wire_space(space, who, UnopenedWords(), all=True) if space.version else None


def stored_facts(env: Mapping[str, str], space_id: str) -> list[StoredFact]:
    """Every stored event of a Space, in order. Raises as `inspect` does."""
    recorder = open_recorder(Settings.read(env).store_place, read_only=True)
    try:
        return history(recorder, space_id)
    finally:
        recorder.close()
