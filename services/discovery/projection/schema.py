"""The tables, and the conditions on them that more than one query has."""

from __future__ import annotations

from typing import Final

from contracts.room.v1 import State

LIVE, SCHEDULED, OVER, CANCELED = range(4)
"""Phases of a Space, in the order of a list of all."""

PHASE_OF: Final = {
    State.LIVE: LIVE,
    State.SCHEDULED: SCHEDULED,
    State.ENDED: OVER,
    State.TIMED_OUT: OVER,
    State.CANCELED: CANCELED,
}

TABLES: Final = """
    CREATE TABLE spaces (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        phase INTEGER NOT NULL,
        -- The place in a list without words, lowest first: fewer listeners, later start or longer ago is further down.
        place REAL NOT NULL,
        starts REAL NOT NULL,
        host_id TEXT NOT NULL,
        host_handle TEXT NOT NULL,
        creator_id TEXT NOT NULL,
        creator_handle TEXT NOT NULL,
        creator_number INTEGER NOT NULL,
        who_can_join TEXT NOT NULL,
        lang TEXT NOT NULL,
        official INTEGER NOT NULL,
        listeners INTEGER NOT NULL DEFAULT 0,
        updated REAL NOT NULL,
        version INTEGER NOT NULL,
        space TEXT NOT NULL,
        creator TEXT NOT NULL,
        spoke TEXT NOT NULL DEFAULT '[]',
        invited TEXT NOT NULL DEFAULT '[]',
        -- A conversation, which has no audience.
        talk INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX spaces_by_place ON spaces (phase, place, id DESC);
    CREATE INDEX spaces_by_creator ON spaces (creator_id);
    CREATE INDEX spaces_by_creator_number ON spaces (creator_number);
    CREATE INDEX spaces_by_creator_handle ON spaces (creator_handle);
    CREATE INDEX spaces_official ON spaces (phase) WHERE official;
    CREATE TABLE topics (topic TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (topic, n)) WITHOUT ROWID;
    CREATE INDEX topics_by_space ON topics (n);
    CREATE VIRTUAL TABLE words USING fts5(
        title, topics, people, tokenize = "unicode61 remove_diacritics 2", prefix = '2 3 4'
    );
    CREATE TABLE terms (term TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE VIRTUAL TABLE grams USING fts5(term, tokenize = "trigram");
    CREATE TABLE stage (
        space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (person_id, space_id)
    ) WITHOUT ROWID;
    CREATE INDEX stage_by_space ON stage (space_id);
    CREATE TABLE removed (
        space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (space_id, person_id)
    ) WITHOUT ROWID;
    CREATE TABLE invited (
        space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (space_id, person_id)
    ) WITHOUT ROWID;
    -- Who has ever been on stage.
    CREATE TABLE stood (
        space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (space_id, person_id)
    ) WITHOUT ROWID;
    -- What was said, by Space and not by number: others tell of it than of the Space, in no agreed order. `began` is
    -- when the replay begins (seconds since 1970), NULL where it was deleted.
    CREATE TABLE replays (space_id TEXT PRIMARY KEY, began REAL) WITHOUT ROWID;
    CREATE TABLE captions (
        k INTEGER PRIMARY KEY, space_id TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, UNIQUE (space_id, id)
    );
    CREATE VIRTUAL TABLE said USING fts5(text, tokenize = "unicode61 remove_diacritics 2", prefix = '3');
    CREATE TABLE reminders (
        space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (space_id, person_id)
    ) WITHOUT ROWID;
    CREATE TABLE follows (
        person_id TEXT NOT NULL, followee_id TEXT NOT NULL, PRIMARY KEY (person_id, followee_id)
    ) WITHOUT ROWID;
    CREATE INDEX follows_by_followee ON follows (followee_id);
    CREATE TABLE blocks (
        person_id TEXT NOT NULL, blocked_id TEXT NOT NULL, PRIMARY KEY (person_id, blocked_id)
    ) WITHOUT ROWID;
    CREATE INDEX blocks_by_blocked ON blocks (blocked_id);
    CREATE TABLE watchers (person_id TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE shown (
        person_id TEXT NOT NULL, space_id TEXT NOT NULL, look TEXT NOT NULL, PRIMARY KEY (person_id, space_id)
    ) WITHOUT ROWID
"""

# What nobody is shown: a Space they were removed from, or whose host they block or are blocked by.
WELCOME: Final = """
    NOT EXISTS (SELECT 1 FROM removed r WHERE r.space_id = s.id AND r.person_id = :actor)
    AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.person_id = s.host_id AND b.blocked_id = :actor)
    AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.person_id = :actor AND b.blocked_id = s.host_id)
"""

# Whom it is open to.
JOINABLE: Final = """
    (s.who_can_join = 'everyone'
    OR s.who_can_join = 'followers' AND EXISTS (
        SELECT 1 FROM follows f WHERE f.person_id = :actor AND f.followee_id = s.host_id)
    OR EXISTS (SELECT 1 FROM invited i WHERE i.space_id = s.id AND i.person_id = :actor))
"""

ON_STAGE: Final = "EXISTS (SELECT 1 FROM stage g WHERE g.space_id = s.id AND g.person_id = :actor)"

STOOD: Final = f"""
    (s.phase = {OVER} AND EXISTS (SELECT 1 FROM stood d WHERE d.space_id = s.id AND d.person_id = :actor))
"""

# In a list: one's own, and what one may join; of what is over, also where one stood on the stage.
VISIBLE: Final = f"(s.host_id = :actor OR s.creator_id = :actor OR {ON_STAGE} OR ({JOINABLE} OR {STOOD}) AND {WELCOME})"

# Whose replay one may hear, as room has it for who looks back: of a conversation only those who were in it.
AUDIBLE: Final = f"(s.host_id = :actor OR ({JOINABLE} AND NOT s.talk OR {STOOD}) AND {WELCOME})"

# In the bar: one is on stage; or somebody one follows is, or it is official, and one may join. The plus keeps SQLite
# from going through all live Spaces.
IN_BAR: Final = f"""
    +s.phase = {LIVE} AND ({ON_STAGE} OR (
        (s.official OR EXISTS (
            SELECT 1 FROM stage g JOIN follows f ON f.followee_id = g.person_id
            WHERE g.space_id = s.id AND f.person_id = :actor
        ))
        AND {JOINABLE} AND {WELCOME}
    ))
"""
