"""The table of engagement: what it looks like, how an event becomes a row, and the questions on it.

One wide table, one row an event. An event that comes again is the same row: it has the same place in the order and the
same `event_id`, the id its publisher gave it, which survives a rebuild of the stream (a sequence does not). Parts that
are not merged yet may hold a row twice, so every question says FINAL; `engagement_events` does for an analyst.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from contracts import subjects
from contracts.analytics.v1 import MinuteCount, SpaceFigures
from contracts.media import v1 as media
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.room import v1 as room
from contracts.tipping import v1 as tipping
from libs.bus import Received

FILTERS: Final = tuple(
    subjects.events_of(context)
    for context in ("room", "presence", "people", "media", "recording", "transcription", "tipping")
)
"""Everything but partial captions and live bars, which repeat what others said."""

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


def schema(retention_days: int) -> tuple[str, ...]:
    """Statements that make the table and its view exist; rows go after `retention_days`."""
    columns = ",\n    ".join(f"{name} {kind}" for name, (kind, _) in _COLUMNS.items())
    return (
        f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
    {columns}
) ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (space_id, context, name, at, event_id)
SETTINGS non_replicated_deduplication_window = 1000
        """,
        *(f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS {name} {kind}" for name, (kind, _) in _COLUMNS.items()),
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
        case presence.Joined(session_id=session, person_id=person, role=role, platform=platform, source=source):
            return {
                "session_id": session,
                "person_id": person or "",
                "role": role,
                "platform": platform,
                "source": source,
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
    return _of_session(event) | {"direction": event.direction}


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
        case _:
            return details | {"person_id": getattr(event, "person_id", "")}


def token(epoch: str, batch: Sequence[Received]) -> str:
    """What tells ClickHouse that it has seen an insert: the stream, where the batch begins and ends, how many it is."""
    return f"{subjects.EVENTS_STREAM}@{epoch}:{batch[0].sequence}-{batch[-1].sequence}/{len(batch)}"


# ---- questions ---------------------------------------------------------------------------------------------------

_OF_SPACE: Final = f"FROM {TABLE} FINAL WHERE space_id = {{space:String}}"

SUMMARY: Final = f"""
SELECT
    uniqExactIf(person_id, context = 'presence' AND name = 'joined' AND role = 'listener' AND person_id != ''),
    uniqExactIf(session_id, context = 'presence' AND name = 'joined' AND role = 'listener' AND person_id = ''),
    maxIf(listeners, context = 'presence' AND name = 'counted'),
    countIf(context = 'presence' AND name = 'counted'),
    uniqExactIf(person_id, context = 'room' AND name IN ('started', 'stage_joined')),
    minIfOrNull(at, context = 'room' AND name = 'started'),
    maxIfOrNull(at, context = 'room' AND name = 'ended'),
    sumMapIf(counts, context = 'presence' AND name = 'reacted'),
    uniqExactIf(subject_id, context = 'tipping' AND name = 'tip_offered'),
    uniqExactIf(subject_id, context = 'tipping' AND name = 'tip_confirmed')
{_OF_SPACE} AND context IN ('presence', 'room', 'tipping')
"""

PEAK_FROM_SESSIONS: Final = f"""
SELECT max(there) FROM (
    SELECT sum(step) OVER (ORDER BY at, step ROWS UNBOUNDED PRECEDING) AS there
    FROM (
        SELECT at, if(name = 'joined', 1, -1) AS step
        {_OF_SPACE} AND context = 'presence' AND session_id IN (
            SELECT session_id {_OF_SPACE} AND context = 'presence' AND name = 'joined' AND role = 'listener'
        ) AND name IN ('joined', 'left')
    )
)
"""
"""Asked where no count was published: the most listeners' sessions open at one time."""

SOURCES: Final = f"""
SELECT source, uniqExact(session_id)
{_OF_SPACE} AND context = 'presence' AND name = 'joined' AND role = 'listener'
GROUP BY source ORDER BY source
"""

MINUTES: Final = f"""
SELECT
    intDiv(dateDiff('millisecond', {{start:DateTime64(6, 'UTC')}}, at), 60000) AS minute,
    max(listeners),
    argMax(listeners, (at, sequence))
{_OF_SPACE} AND context = 'presence' AND name = 'counted'
    AND at >= {{start:DateTime64(6, 'UTC')}} AND at <= {{end:DateTime64(6, 'UTC')}}
GROUP BY minute ORDER BY minute
"""

# Talk time is the sum of the stretches that media reports when they end. A stretch that goes on, or whose report was
# lost with its node, is taken from who was heard: from `speaking` to the next `speaking` of that node, a minute at
# most, where no report of that person ends or begins within a second.
TALK: Final = f"""
WITH
    talked AS (
        SELECT person_id AS person, at AS finish, at - toIntervalMicrosecond(toInt64(seconds * 1e6)) AS start, seconds
        {_OF_SPACE} AND context = 'media' AND name = 'talked'
    ),
    heard AS (
        SELECT arrayJoin(people) AS person, since, least(next, since + toIntervalSecond(60)) AS finish
        FROM (
            SELECT people, at AS since, leadInFrame(at, 1, {{end:DateTime64(6, 'UTC')}}) OVER (
                PARTITION BY node_id ORDER BY at, sequence ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
            ) AS next
            {_OF_SPACE} AND context = 'media' AND name = 'speaking'
        )
    )
SELECT person, sum(seconds) FROM (
    SELECT person, seconds FROM talked
    UNION ALL
    SELECT
        h.person,
        greatest(0, dateDiff('microsecond', h.since, if(n.person = '', h.finish, least(h.finish, n.start))) / 1e6)
    FROM heard AS h
    ASOF LEFT JOIN talked AS n ON n.person = h.person AND n.finish >= h.since
    ASOF LEFT JOIN talked AS p ON p.person = h.person AND p.finish <= h.since
    WHERE (n.person = '' OR n.start > h.since + toIntervalSecond(1))
        AND (p.person = '' OR p.finish < h.since - toIntervalSecond(1))
)
GROUP BY person ORDER BY person
"""

_MINUTES_AT_MOST: Final = 20_000


def figures(
    space_id: str,
    *,
    summary: Sequence[Any],
    peak_from_sessions: int,
    sources: Iterable[Sequence[Any]],
    minutes: Iterable[Sequence[Any]],
    talk: Iterable[Sequence[Any]],
    now: datetime,
    through_sequence: int,
) -> SpaceFigures:
    """The answer, from the rows of the questions above."""
    persons, anonymous, counted_peak, counts, speakers, started, ended, reactions, offered, confirmed = summary
    end = ended or now
    return SpaceFigures(
        space_id=space_id,
        peak_listeners=counted_peak if counts else peak_from_sessions,
        total_listeners=persons + anonymous,
        speakers=speakers,
        duration_seconds=max(0.0, (end - started).total_seconds()) if started else 0.0,
        talk_seconds_by_speaker={person: round(seconds, 3) for person, seconds in talk},
        reactions={kind: count for kind, count in sorted(reactions.items()) if count},
        tips_offered=offered,
        tips_confirmed=confirmed,
        listeners_by_minute=_by_minute(minutes, started, end),
        sources={row[0]: row[1] for row in sources},
        through_sequence=through_sequence,
    )


def _by_minute(rows: Iterable[Sequence[Any]], started: datetime | None, end: datetime) -> tuple[MinuteCount, ...]:
    """The most listeners of each minute. Counts are published when they change; a minute without one keeps the last."""
    if started is None or end < started:
        return ()
    counted = {minute: (most, last) for minute, most, last in rows}
    result = []
    there = 0
    for minute in range(min(int((end - started).total_seconds() // 60) + 1, _MINUTES_AT_MOST)):
        most, last = counted.get(minute, (there, there))
        result.append(MinuteCount(minute=minute, listeners=max(there, most)))
        there = last
    return tuple(result)
