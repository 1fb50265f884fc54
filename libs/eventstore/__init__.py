"""Event-sourced aggregates on `eventsourcing`: decided in memory, committed in groups, answered after."""

from libs.eventstore.aggregate import Aggregate, AggregateState
from libs.eventstore.facts import Fact, FactMapper, Meta, Notification, Record, StoredFact, name_of, stored
from libs.eventstore.opening import open_recorder, open_store
from libs.eventstore.order import Done, Order, digest_of
from libs.eventstore.rebuild import history, rebuild
from libs.eventstore.recorder import Claim, Recorder
from libs.eventstore.sqlite import SqliteRecorder
from libs.eventstore.store import Store

__all__ = [
    "Aggregate",
    "AggregateState",
    "Claim",
    "Done",
    "Fact",
    "FactMapper",
    "Meta",
    "Notification",
    "Order",
    "Record",
    "Recorder",
    "SqliteRecorder",
    "Store",
    "StoredFact",
    "digest_of",
    "history",
    "name_of",
    "open_recorder",
    "open_store",
    "rebuild",
    "stored",
]
