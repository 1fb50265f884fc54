"""Analytics' composition root. Nothing here imports the engine before the service's own process runs."""

from __future__ import annotations

from collections.abc import Mapping

from libs.service import Service, run
from services.analytics.adapters.clickhouse import ClickHouse
from services.analytics.app.engagement import CONSUMER, Engagement
from services.analytics.app.forgetting import Forgetting
from services.analytics.app.later_known import LaterKnown
from services.analytics.app.personal_data import held
from services.analytics.handlers import handlers
from services.analytics.projection import FILTERS, INDEX, INDEX_TYPE, NAMED, TABLE, schema
from services.analytics.settings import Settings


async def compose(service: Service[Settings]) -> None:
    """Open the engine, read the stream, answer the queries."""
    settings, bus = service.settings, service.bus
    database = await ClickHouse.open(settings.dsn, schema(settings.retention_days, settings.old_parts_seconds))
    service.on_stop(database.close)
    await database.index(TABLE, INDEX, NAMED, INDEX_TYPE)  # tables of earlier versions have none
    forgetting = Forgetting(database, after=settings.forget_after)
    engagement = Engagement(
        bus,
        database,
        forgetting,
        insert_every=settings.insert_every,
        insert_rows=settings.insert_rows,
        fresh_within=settings.fresh_within,
    )
    service.ready_when("events", engagement.behind)
    await service.enter(
        bus.consume(CONSUMER, engagement.store, filters=FILTERS, batch=settings.insert_rows, exclusive=True)
    )
    service.spawn("what is known only now", LaterKnown(bus, database, forgetting).run())
    service.spawn("forget Spaces and people", forgetting.run())
    await service.enter(bus.serve(handlers(engagement, held(database))))


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
