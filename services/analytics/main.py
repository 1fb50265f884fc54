"""Analytics' composition root. Nothing here imports the engine before the service's own process runs."""

from __future__ import annotations

from collections.abc import Mapping

from libs.service import Service, run
from services.analytics.adapters.clickhouse import Database
from services.analytics.app import CONSUMER, Engagement, LaterKnown
from services.analytics.handlers import handlers
from services.analytics.projection import FILTERS, schema
from services.analytics.settings import Settings


async def compose(service: Service[Settings]) -> None:
    """Open the engine, read the stream, answer the queries."""
    settings, bus = service.settings, service.bus
    database = await Database.open(settings.dsn, schema(settings.retention_days))
    service.on_stop(database.close)
    engagement = Engagement(
        bus,
        database,
        insert_every=settings.insert_every,
        insert_rows=settings.insert_rows,
        fresh_within=settings.fresh_within,
    )
    service.ready_when("events", engagement.behind)
    await service.enter(
        bus.consume(CONSUMER, engagement.store, filters=FILTERS, batch=settings.insert_rows, exclusive=True)
    )
    service.spawn("what is known only now", LaterKnown(bus, database).run())
    await service.enter(bus.serve(handlers(engagement)))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
