"""Event-sourced aggregates on `eventsourcing`: decided in memory, committed in groups, answered after."""

from libs.eventstore.facts import Fact, FactMapper, Meta, Record, StoredFact, name_of, stored
from libs.eventstore.rebuild import history, rebuild
from libs.eventstore.recorder import Claim, Recorder, open_recorder
from libs.eventstore.sqlite import SqliteRecorder
from libs.eventstore.store import Store, open_store
from libs.eventstore.words import Aggregate, Done, Notification, Order, State, digest_of

__all__ = [
    "Aggregate",
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
