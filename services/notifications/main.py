"""Notifications' composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from contracts.people.v1 import DestroySubjects
from libs.bus import Handlers
from libs.clock import utc_now
from libs.commands import Executor
from libs.eventstore import open_store
from libs.fetch import Fetcher
from libs.identity import OWN_ISSUER
from libs.ids import new_id
from libs.keyring.client import open_keyring
from libs.keyring.opening import Opener
from libs.migration import Migration
from libs.relay import Relay
from libs.service import Service, run
from libs.tables import open_tables
from services.notifications.adapters import deliveries as of_deliveries
from services.notifications.adapters import pushes as of_pushes
from services.notifications.adapters.attempt_log import AttemptLog
from services.notifications.adapters.deliveries import Deliveries
from services.notifications.adapters.inbox import Inbox
from services.notifications.adapters.posting import Posters
from services.notifications.adapters.pushes import Pushes
from services.notifications.app.addresses import Addresses
from services.notifications.app.browsers import Browsers, endings
from services.notifications.app.delivering import Deliverer, Worker
from services.notifications.app.intake import Intake
from services.notifications.app.keeping import Keeping
from services.notifications.app.messages import Messages
from services.notifications.app.migration import today
from services.notifications.app.owed import Owed
from services.notifications.app.payloads import Payloads
from services.notifications.app.personal_data import held
from services.notifications.app.sealing import Sealer, of_webhook
from services.notifications.app.sending import Sending, wants
from services.notifications.app.telling import Teller
from services.notifications.domain import webhooks as facts
from services.notifications.domain.entities import new
from services.notifications.domain.retrying import Retrying
from services.notifications.domain.webhooks import Webhook
from services.notifications.handlers import ordered, push, webhooks
from services.notifications.projection.audience import Audience
from services.notifications.settings import Settings
from services.notifications.translation import translate

_DAY = 86_400.0
_IDLE_PUSH_SERVICES = 32
_CHANGES = (
    facts.WebhookAdded, facts.WebhookChanged, facts.SecretRotated, facts.WebhookPaused, facts.WebhookResumed,
    facts.WebhookRemoved,
)  # fmt: skip


async def compose(service: Service[Settings]) -> None:
    """Open the stores, publish what is committed, take events in and send them, answer commands and queries."""
    settings, bus = service.settings, service.bus
    store = await service.enter(open_store(settings.store_place, new))
    service.ready_when("store", store.trouble)
    tables = await service.enter(open_tables(settings.deliveries_place, (*of_deliveries.SCHEMA, *of_pushes.SCHEMA)))
    service.ready_when("deliveries", tables.trouble)
    deliveries, kept, to_tell = Deliveries(tables), Inbox(tables), Pushes(tables)
    keyring = await service.enter(open_keyring(bus, settings.name))
    sealer = Sealer(keyring)
    relay = Relay(bus, store, translate, context="notifications")
    service.spawn("relay", relay.run())
    service.on_stop(relay.flush)
    service.ready_when("relay", relay.behind)
    service.spawn("migration", Migration(bus, store, today, keyring.locks, context="notifications").run())

    checker = await service.enter(Fetcher(trusted=settings.private_hosts, http_to_trusted=True))
    posters = await service.enter(
        Posters(settings.private_hosts, connections=settings.webhook_slots, within=settings.webhook_seconds)
    )

    def changed(id: str, fact: object) -> None:
        deliverer.changed()

    executor = Executor(store, utc_now, ordered, consequences=dict.fromkeys(_CHANGES, changed))
    addresses = Addresses(store, executor, sealer, deliveries, checker.check, now=utc_now)
    payloads = Payloads(bus, Opener(keyring.locks), settings.identity_issuer or OWN_ISSUER)
    keyring.on_drop(payloads.drop)
    sending = Sending(addresses, payloads, posters, now=utc_now)
    service.ready_when("what is sent", sending.trouble)
    retrying = Retrying(
        first=settings.retry_first_seconds,
        longest=settings.retry_longest_seconds,
        give_up=settings.retry_days * _DAY,
        hold=settings.hold_seconds,
    )

    def worker(id: str, find: Callable[[], Webhook | None]) -> Worker:
        return Worker(
            id, deliveries, find, wants, sending.send, addresses.give_up, retrying,
            slots=settings.webhook_slots, now=utc_now,
        )  # fmt: skip

    async def forget(id: str) -> None:
        await posters.close(id)
        await bus.ask(DestroySubjects(command_id=new_id(), subjects=(of_webhook(id),)))

    deliverer = Deliverer(deliveries, worker, addresses.all, wants, forget)
    keeping = Keeping(deliveries, to_tell, settings.kept_days * _DAY, now=utc_now)

    audience = await service.enter(Audience(settings.model_path))
    service.spawn("audience", audience.run(bus))
    service.ready_when("audience", audience.lack)
    push_checker = await service.enter(Fetcher(trusted=settings.private_push_hosts, http_to_trusted=True))
    browsers = Browsers(
        store, executor, sealer, audience, push_checker.check, settings.push_hosts,
        person_wait=settings.person_wait, now=utc_now,
    )  # fmt: skip

    push_services = await service.enter(
        Posters(
            settings.private_push_hosts, connections=max(1, settings.push_slots // 4),
            within=settings.webhook_seconds, most=settings.push_slots + _IDLE_PUSH_SERVICES,
        )
    )  # fmt: skip
    messages = Messages(bus, browsers, push_services, settings.contact, now=utc_now)
    teller = Teller(
        bus, to_tell, audience, browsers, messages.send, retrying,
        slots=settings.push_slots, service_slots=max(1, settings.push_slots // 4), now=utc_now,
    )  # fmt: skip
    service.ready_when("messages to browsers", teller.trouble)

    owed = Owed(kept, {"key": addresses.revoke, **endings(browsers)})
    service.ready_when("what is owed", owed.trouble)
    intake = Intake(bus, tables, kept, deliverer.wanted, now=utc_now)
    intake.on_kept.append(deliverer.wake)
    intake.on_owed.append(owed.wake)
    intake.on_forgotten.append(keeping.wipe)
    intake.on_news.append(teller.wake)
    teller.on_gone.append(owed.wake)
    service.ready_when("events", intake.lack)
    service.spawn("webhooks", deliverer.run())
    service.spawn("owed", owed.run())
    service.spawn("browsers", teller.run())
    service.on_stop(teller.finish)
    service.spawn("keeping", keeping.run())
    service.spawn("figures", keeping.count())
    service.spawn("intake", intake.run())

    table = Handlers("notifications")
    webhooks.add(table, executor, addresses, deliverer, deliveries, AttemptLog(tables), sending, retrying, utc_now)
    push.add(table, executor, browsers, held(browsers))
    await service.enter(bus.serve(table))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
