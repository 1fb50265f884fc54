"""People's composition root."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from functools import partial

from contracts.recording import v1 as recording
from libs.clock import utc_now
from libs.commands import Executor
from libs.eventstore import open_store
from libs.keyring import CannotOpen, Holders
from libs.keyring.keys import Keys, open_keys
from libs.keyring.master import master_key
from libs.migration import Migration
from libs.object_store import ObjectStoreError, StoredObjects
from libs.personal_data import Concerned
from libs.relay import Relay
from libs.service import CannotStart, Service, run
from services.people.app.api_keys import KeyRing
from services.people.app.copies_awaited import CopiesAwaited
from services.people.app.erasing import Erasing
from services.people.app.forgetting import Forgetter
from services.people.app.handles import Handles
from services.people.app.hosting import Hosting
from services.people.app.identities import Identities, IdentityMarks
from services.people.app.lapsing import Lapsing
from services.people.app.migration import today
from services.people.app.mirroring import Mirroring
from services.people.app.moderation import Moderators
from services.people.app.people import People
from services.people.app.people_sealer import PeopleSealer
from services.people.app.personal_data import Holdings, people_of
from services.people.app.pictures import Pictures
from services.people.app.reminders import Reminding
from services.people.app.report_copier import Copier
from services.people.app.report_copies import Copying
from services.people.app.sign_up_codes import SignUpCodes
from services.people.domain.entities import new
from services.people.domain.profile import Often, ProfileLimits
from services.people.handlers import handlers
from services.people.handlers.access import ordered
from services.people.projection.erasures import Erasures
from services.people.projection.follows import Follows
from services.people.projection.moderation import Moderation
from services.people.projection.names import NameSearch
from services.people.projection.pictures import PicturesKept
from services.people.projection.reminders_wanted import RemindersWanted
from services.people.projection.spaces import KnownSpaces
from services.people.settings import Settings
from services.people.translation import keys_dropped, translate

_ANSWERS = 2.0
"""Seconds for which recording is waited for when keys are to be destroyed."""


def _open_keys(settings: Settings) -> Keys:
    given, path = settings.master_key.get_secret_value(), settings.var / "keys" / "master.key"
    return open_keys(settings.keys_place, settings.ledger_place, lambda begun: master_key(path, given, begun=begun))


def take_in_ledger(env: Mapping[str, str]) -> None:
    """Destroy the keys of everything that the ledger names, as each start does. Raises BadSettings, OSError."""
    try:
        _open_keys(Settings.read(env)).close()
    except CannotOpen as error:
        raise OSError(str(error)) from error


@contextlib.asynccontextmanager
async def _opened_keys(settings: Settings) -> AsyncIterator[Keys]:
    try:
        keys = await asyncio.to_thread(_open_keys, settings)
    except CannotOpen as error:
        raise CannotStart(str(error)) from error
    try:
        yield keys
    finally:
        keys.close()


async def compose(service: Service[Settings]) -> None:
    """Open the store, publish what it commits, answer commands and queries."""
    settings, bus = service.settings, service.bus
    keys = await service.enter(_opened_keys(settings))
    store = await service.enter(open_store(settings.store_place, new))
    service.ready_when("store", store.trouble)
    erasures = await service.enter(Erasures(settings.var / "stores" / "people-erasures.db"))
    await erasures.catch_up(store)
    sealer = PeopleSealer(keys, settings.key_lease, time.monotonic, erasures.is_gone)
    follows = await service.enter(Follows(settings.read_model_path))
    await follows.catch_up(store)
    names = await service.enter(NameSearch(settings.var / "stores" / "people-names.db", sealer.read_name))
    await names.catch_up(store)
    moderation = await service.enter(Moderation(settings.var / "stores" / "people-moderation.db"))
    await moderation.catch_up(store)
    spaces = await service.enter(KnownSpaces(settings.var / "stores" / "people-spaces.db", sealer.open_box))
    service.spawn("spaces", spaces.run(bus))
    service.ready_when("spaces", spaces.lack)

    async def know_who_is_gone(_: object) -> None:
        await erasures.catch_up(store)

    told = partial(translate, name=sealer.read_name, about=sealer.told_about)
    relay = Relay(
        bus,
        store,
        told,
        context="people",
        prepare=know_who_is_gone,
    )
    service.spawn("relay", relay.run())
    service.on_stop(relay.flush)
    service.ready_when("relay", relay.behind)
    migration = Migration(bus, store, today, sealer.locks, context="people", models=[moderation])
    service.spawn("migration", migration.run())
    executor = Executor(store, utc_now, ordered)
    codes = SignUpCodes(store, executor)
    handles = Handles(store, sealer)
    people = People(
        store,
        executor,
        follows,
        names,
        codes,
        handles,
        sealer,
        invite_only=settings.invite_only,
        max_following=settings.max_following,
        limits=ProfileLimits(
            handles=Often(settings.handle_changes, timedelta(days=30)),
            profiles=Often(settings.profile_changes, timedelta(days=1)),
        ),
    )
    hosting = Hosting(store, follows, spaces)
    copier = Copier(bus, store, sealer, utc_now)
    moderators = Moderators(
        store,
        executor,
        moderation,
        spaces,
        sealer,
        copier,
        reasons=settings.report_reasons,
        space_wait=settings.space_wait,
    )
    wanted = await service.enter(RemindersWanted(settings.var / "stores" / "people-wanted.db"))
    reminding = Reminding(
        store,
        executor,
        spaces,
        wanted,
        now=utc_now,
        soon=timedelta(minutes=settings.remind_host_minutes),
        space_wait=settings.space_wait,
    )
    service.spawn("reminders", reminding.run())
    service.spawn("suspensions", Lapsing(store, executor, moderation, moderators.suspended, utc_now).run())

    try:
        objects = StoredObjects(settings.objects_url)
    except ObjectStoreError as error:
        raise CannotStart(f"ROSTRUM_RECORDINGS_URL: {error}") from error
    kept_pictures = await service.enter(PicturesKept(settings.var / "stores" / "people-pictures.db"))

    async def take_in() -> None:
        await erasing.catch_up()

    async def ask_recording(query: recording.ReportedSoundsQuery) -> recording.ReportedSounds:
        return (await bus.ask(query, timeout=_ANSWERS)).result

    awaited = CopiesAwaited(
        store, moderation, ask_recording, now=utc_now, clock=time.monotonic, patience=settings.copies_wait
    )
    service.ready_when("copies of what is reported", awaited.trouble)
    forgetter = Forgetter(
        keys,
        Holders(settings.key_lease, None if keys.begun else time.monotonic()),
        store,
        executor,
        lambda entries: bus.tell(keys_dropped(entries, utc_now())),
        sealer.drop,
        take_in,
        awaited.must_have,
        now=utc_now,
        clock=time.monotonic,
    )
    try:
        await forgetter.check()
    except CannotOpen as error:
        raise CannotStart(str(error)) from error
    erasing = Erasing(
        store,
        executor,
        erasures,
        follows,
        names,
        wanted,
        handles,
        IdentityMarks(store),
        forgetter,
        sealer,
        now=utc_now,
        keep_handle=timedelta(days=settings.handle_kept_days),
    )
    pictures = Pictures(store, executor, people, kept_pictures, objects, sealer, forgetter)
    service.spawn("pictures", pictures.run())
    service.spawn("forgetting", forgetter.run())
    service.spawn("erasing", erasing.run())
    kept = timedelta(days=settings.reported_days)
    copying = Copying(store, executor, moderation, copier, forgetter, moderators.filed_or_closed, utc_now, kept)
    service.spawn("copies of what is reported", copying.run())
    concerned = await service.enter(Concerned(settings.var / "stores" / "people-concerned.db", people_of))
    service.spawn("what concerns whom", concerned.run(store))
    holdings = Holdings(
        store,
        people,
        follows,
        wanted,
        moderation,
        concerned,
        sealer,
        told,
        lambda report, row: moderators.read_in(report, row.filed.comment),
    )
    identities = Identities(store, executor, people, handles, sealer)
    table = handlers(
        executor,
        people,
        pictures,
        hosting,
        moderators,
        codes,
        reminding,
        forgetter,
        erasing,
        holdings.held(),
        identities,
        KeyRing(store, executor),
        Mirroring(store, executor, identities, names, max_following=settings.max_following),
    )
    await service.enter(bus.serve(table))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
