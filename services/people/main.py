"""People's composition root."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from functools import partial

from libs.clock import utc_now
from libs.commands import Executor
from libs.eventstore import open_store
from libs.keyring import CannotOpen, Holders
from libs.keyring.keys import Keys, open_keys
from libs.keyring.master import master_key
from libs.relay import Relay
from libs.service import CannotStart, Service, run
from services.people.app.forgetting import Forgetter
from services.people.app.hosting import Hosting
from services.people.app.lapsing import Lapsing
from services.people.app.moderation import Moderators
from services.people.app.people import People
from services.people.app.reminders import Reminding
from services.people.app.sign_up_codes import SignUpCodes
from services.people.app.vault import Vault
from services.people.domain.entities import new
from services.people.domain.profile import Limits, Often
from services.people.handlers import handlers
from services.people.handlers.access import ordered
from services.people.projection import Follows, KnownSpaces, Moderation, Names, Wanted
from services.people.settings import Settings
from services.people.translation import keys_dropped, translate


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
    vault = Vault(keys, settings.key_lease, time.monotonic)
    follows = await service.enter(Follows(settings.read_model_path))
    await follows.catch_up(store)
    names = await service.enter(Names(settings.var / "stores" / "people-names.db", vault.read_name))
    await names.catch_up(store)
    moderation = await service.enter(Moderation(settings.var / "stores" / "people-moderation.db"))
    await moderation.catch_up(store)
    spaces = await service.enter(KnownSpaces(settings.var / "stores" / "people-spaces.db"))
    service.spawn("spaces", spaces.run(bus))
    service.ready_when("spaces", spaces.lack)
    relay = Relay(bus, store, partial(translate, name=vault.read_name, about=vault.read_about), context="people")
    service.spawn("relay", relay.run())
    service.on_stop(relay.flush)
    service.ready_when("relay", relay.behind)
    executor = Executor(store, utc_now, ordered)
    codes = SignUpCodes(store, executor)
    people = People(
        store,
        executor,
        follows,
        names,
        codes,
        vault,
        invite_only=settings.invite_only,
        max_following=settings.max_following,
        limits=Limits(
            handles=Often(settings.handle_changes, timedelta(days=30)),
            profiles=Often(settings.profile_changes, timedelta(days=1)),
        ),
    )
    hosting = Hosting(store, follows, spaces)
    moderators = Moderators(
        store, executor, moderation, spaces, vault, reasons=settings.report_reasons, space_wait=settings.space_wait
    )
    wanted = await service.enter(Wanted(settings.var / "stores" / "people-wanted.db"))
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
    forgetter = Forgetter(
        keys,
        Holders(settings.key_lease, None if keys.begun else time.monotonic()),
        store,
        executor,
        lambda entries: bus.tell(keys_dropped(entries, utc_now())),
        vault.drop,
        partial(names.catch_up, store),
        now=utc_now,
        clock=time.monotonic,
    )
    try:
        await forgetter.check()
    except CannotOpen as error:
        raise CannotStart(str(error)) from error
    service.spawn("forgetting", forgetter.run())
    table = handlers(executor, people, hosting, moderators, codes, reminding, forgetter)
    await service.enter(bus.serve(table))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
