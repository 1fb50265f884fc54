"""The table of engagement: what it looks like, and how an event becomes a row.

One wide table, one row an event. An event that comes again is the same row: it has the same place in the order and the
same `event_id`, the id its publisher gave it, which survives a rebuild of the stream (a sequence does not). Parts that
are not merged yet may hold a row twice, so whoever reads says FINAL; `engagement_events` does so for an analyst.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import contracts.catalogue  # noqa: F401  (what no import has declared would be passed over)
from contracts import consumers, subjects
from contracts.envelope import event_types
from contracts.media import v1 as media
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.room import v1 as room
from contracts.tipping import v1 as tipping
from libs.bus import Received

FILTERS: Final = consumers.ANALYTICS_ENGAGEMENT.filters

_COLUMNS: Final[dict[str, tuple[str, Any]]] = {
    "at": ("DateTime64(6, 'UTC') CODEC(Delta, ZSTD)", None),
    "space_id": ("String CODEC(ZSTD)", ""),
    "context": ("LowCardinality(String)", ""),
    "name": ("LowCardinality(String)", ""),
    "event_id": ("String CODEC(ZSTD)", ""),
    "epoch": ("LowCardinality(String)", ""),
    "sequence": ("UInt64 CODEC(Delta, ZSTD)", 0),
    "person_id": ("String CODEC(ZSTD)", ""),
    "other_id": ("String CODEC(ZSTD)", ""),
    "session_id": ("String CODEC(ZSTD)", ""),
    "subject_id": ("String CODEC(ZSTD)", ""),
    "node_id": ("LowCardinality(String)", ""),
    "role": ("LowCardinality(String)", ""),
    "platform": ("LowCardinality(String)", ""),
    "source": ("LowCardinality(String)", ""),
    "direction": ("LowCardinality(String)", ""),
    "reason": ("LowCardinality(String)", ""),
    "seconds": ("Float64", 0.0),
    "listeners": ("UInt32", 0),
    "on_stage": ("UInt32", 0),
    "packets": ("UInt64", 0),
    "lost": ("UInt64", 0),
    "fraction_lost": ("Float32", 0.0),
    "jitter_ms": ("Float32", 0.0),
    "round_trip_ms": ("Float32", 0.0),
    "counts": ("Map(LowCardinality(String), UInt32)", {}),
    "people": ("Array(String) CODEC(ZSTD)", []),
    "provider": ("LowCardinality(String)", ""),
    "currency": ("LowCardinality(String)", ""),
    "amount_minor": ("UInt64", 0),
}
"""Type and default by column. `person_id` is who did it or whom it is about, `other_id` the one on the other side
(followed, blocked, tipped, moderating), `subject_id` the thing (a tip). Words people wrote are not kept."""

COLUMNS: Final = tuple(_COLUMNS)
TABLE: Final = "engagement"
NOTES: Final = "known_types"
"""Which types of events each version knew, that ran here: the newest row counts."""
FORGOTTEN: Final = "forgotten_spaces"
"""Spaces in whose rows nobody is to be any more, and how far that is; of several rows the highest step counts."""
ERASED: Final = "erased_people"
"""People who are to be nobody in all rows, and how far that is; of several rows the highest step counts."""
SECRETS: Final = "forgetting_secrets"
"""From what the words are made that take the place of ids, by what is forgotten, until that is done."""
NAMELESS: Final = "~"
"""Begins what stands in the place of an id; no id does."""
NAMED: Final = "arrayConcat([person_id, other_id], people)"
"""Everybody whom a row names: what the index is of."""
INDEX: Final = "by_person"
INDEX_TYPE: Final = "bloom_filter(0.01)"
PLACE: Final = ("space_id", "context", "name", "at", "event_id")
"""The order of rows: no two have the same place."""
_CONTEXTS: Final = frozenset(pattern.split(".")[1] for pattern in FILTERS)


def known_types() -> frozenset[str]:
    """The types of events that this version stores, as `<context>.<name>`."""
    kept = (type for type in event_types().values() if not type.passing and type.context in _CONTEXTS)
    return frozenset(f"{type.context}.{type.name}" for type in kept)


def schema(retention_days: int, old_parts_seconds: int) -> tuple[str, ...]:
    """Statements that make the table and its view exist; rows go after `retention_days`, and files of parts that others
    replaced after `old_parts_seconds`."""
    often = min(old_parts_seconds, 30)
    cleaning = (
        f"old_parts_lifetime = {old_parts_seconds}, cleanup_delay_period = {often},"
        f" max_cleanup_delay_period = {often}, cleanup_delay_period_random_add = 0"
    )
    columns = ",\n    ".join(f"{name} {kind}" for name, (kind, _) in _COLUMNS.items())
    return (
        f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
    {columns},
    INDEX {INDEX} {NAMED} TYPE {INDEX_TYPE} GRANULARITY 1
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY ({", ".join(PLACE)})
SETTINGS non_replicated_deduplication_window = 1000, {cleaning}
        """,
        *(f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS {name} {kind}" for name, (kind, _) in _COLUMNS.items()),
        f"CREATE TABLE IF NOT EXISTS {NOTES} (at DateTime64(6, 'UTC'), types Array(String))"
        " ENGINE = MergeTree ORDER BY at",
        f"CREATE TABLE IF NOT EXISTS {FORGOTTEN} (space_id String, step UInt8, at DateTime64(6, 'UTC'))"
        " ENGINE = ReplacingMergeTree(step) ORDER BY space_id",
        f"CREATE TABLE IF NOT EXISTS {ERASED} (person_id String, step UInt8, at DateTime64(6, 'UTC'))"
        " ENGINE = ReplacingMergeTree(step) ORDER BY person_id",
        f"CREATE TABLE IF NOT EXISTS {SECRETS} (id String, secret String)"
        f" ENGINE = MergeTree ORDER BY id SETTINGS {cleaning}",
        *(f"ALTER TABLE {table} MODIFY SETTING {cleaning}" for table in (TABLE, SECRETS)),
        f"CREATE OR REPLACE VIEW {TABLE}_events AS SELECT * FROM {TABLE} FINAL",
        # Old parts follow at their next merge: a change of the setting rewrites nothing at start.
        f"ALTER TABLE {TABLE} MODIFY TTL toDateTime(at) + INTERVAL {retention_days} DAY"
        " SETTINGS materialize_ttl_after_modify = 0",
    )


def row_of(received: Received, epoch: str) -> tuple[Any, ...]:
    """The row of one event, in the order of COLUMNS."""
    event = received.event
    row = {
        "at": event.at,
        "space_id": event.space or "",
        "context": event.context,
        "name": event.name,
        "event_id": f"{received.source.rpartition('/')[2]}:{received.id}",
        "epoch": epoch,
        "sequence": received.sequence,
        **_details(received),
    }
    return tuple(row.get(name, default) for name, (_, default) in _COLUMNS.items())


def _details(received: Received) -> Mapping[str, Any]:
    match received.event:
        case presence.Joined() as event:
            return {
                "session_id": event.session_id,
                "person_id": event.person_id or "",
                "role": event.role,
                "platform": event.platform,
                "source": event.source,
                "subject_id": event.continues or "",
            }
        case presence.Left(session_id=session, person_id=person, seconds=seconds, lapsed=lapsed):
            reason = "lapsed" if lapsed else "left"
            return {"session_id": session, "person_id": person or "", "seconds": seconds, "reason": reason}
        case presence.Counted(listeners=listeners, on_stage=on_stage):
            return {"listeners": listeners, "on_stage": on_stage}
        case presence.Reacted(counts=counts, window_ms=window):
            return {"counts": counts, "seconds": window / 1000}
        case media.Speaking(node_id=node, person_ids=persons):
            return {"node_id": node, "people": list(persons)}
        case media.Talked() as event:
            return _of_session(event) | {"seconds": event.seconds}
        case media.Connected() as event:
            return _of_connection(event) | {"seconds": event.setup_ms / 1000}
        case media.Disconnected() as event:
            return _of_connection(event) | {"reason": event.reason, "packets": event.packets, "lost": event.lost}
        case media.Quality() as event:
            return _of_connection(event) | {
                "fraction_lost": event.fraction_lost,
                "jitter_ms": event.jitter_ms,
                "round_trip_ms": event.round_trip_ms or 0.0,
            }
        case media.SpaceQuality() as event:
            return _of_listeners(event)
        case room.SpaceEvent() as event:
            return _of_room(event)
        case (
            people.Followed(person_id=person, followee_id=other)
            | people.Unfollowed(person_id=person, followee_id=other)
        ):
            return {"person_id": person, "other_id": other}
        case people.Blocked(person_id=person, blocked_id=other) | people.Unblocked(person_id=person, blocked_id=other):
            return {"person_id": person, "other_id": other}
        case tipping.TipOffered() as event:
            return {
                "person_id": event.payer.id,
                "other_id": event.person_id,
                "subject_id": event.tip_id,
                "provider": event.provider,
                "currency": event.currency or "",
                "amount_minor": event.amount_minor or 0,
            }
        case tipping.TipOpened() | tipping.TipConfirmed() as event:
            return {"person_id": event.payer, "other_id": event.person_id, "subject_id": event.tip_id}
        case event:
            return {"person_id": getattr(event, "person_id", None) or ""}


def _of_session(event: media.Talked | media.Connected | media.Disconnected | media.Quality) -> dict[str, Any]:
    return {"node_id": event.node_id, "session_id": event.session_id, "person_id": event.person_id or ""}


def _of_connection(event: media.Connected | media.Disconnected | media.Quality) -> dict[str, Any]:
    # Who listens is known by the session, which names nobody who hides.
    person = event.person_id or "" if event.direction == "publish" else ""
    return _of_session(event) | {"direction": event.direction, "person_id": person}


def _of_listeners(event: media.SpaceQuality) -> dict[str, Any]:
    """Of each spread the 95th percentile: how those fare who fare worst, but for a few."""
    spreads = {
        "fraction_lost": event.fraction_lost,
        "jitter_ms": event.jitter_ms,
        "round_trip_ms": event.round_trip_ms,
    }
    return {
        "node_id": event.node_id,
        "listeners": event.listeners,
        "packets": event.packets,
        "lost": event.lost,
        **{name: spread.p95 for name, spread in spreads.items() if spread is not None},
    }


def _of_room(event: room.SpaceEvent) -> dict[str, Any]:
    details: dict[str, Any] = {"other_id": event.actor or "", "reason": getattr(event, "reason", "")}
    match event:
        case room.Created(host=person) | room.Started(host=person):
            return details | {"person_id": person.id, "role": "host"}
        case room.StageJoined(person=person, role=role):
            return details | {"person_id": person.id, "role": role}
        case room.SpeakRequested(person=person):
            return details | {"person_id": person.id}
        case room.Removed(listened=True) | room.Readmitted(listened=True):
            return details  # that they listened there is nobody's to know
        case _:
            return details | {"person_id": getattr(event, "person_id", "")}


def token(epoch: str, batch: Sequence[Received]) -> str:
    """What tells ClickHouse that it has seen an insert: the stream, where the batch begins and ends, how many it is."""
    return f"{subjects.EVENTS_STREAM}@{epoch}:{batch[0].sequence}-{batch[-1].sequence}/{len(batch)}"
