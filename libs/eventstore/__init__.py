"""Event-sourced aggregates on `eventsourcing`: decided in memory, committed in groups, answered after."""

from libs.eventstore.facts import Fact, FactMapper, Meta, Record, StoredFact, name_of, stored
from libs.eventstore.recorder import Claim, Recorder, open_recorder
from libs.eventstore.sqlite import SqliteRecorder
from libs.eventstore.store import Done, Notification, Order, State, Store, digest_of, history, open_store, rebuild

__all__ = [
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
    "State",
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
