"""The tables, and the conditions on them that more than one query has."""

from __future__ import annotations

from typing import Final

from contracts.room.v1 import State
from libs import names

LIVE, SCHEDULED, OVER, CANCELED, DELETED = range(5)
"""Phases of a Space, in the order of a list of all. What was deleted is shown nowhere; its row stays for late news."""

PHASE_OF: Final = {
    State.LIVE: LIVE,
    State.SCHEDULED: SCHEDULED,
    State.ENDED: OVER,
    State.TIMED_OUT: OVER,
    State.CANCELED: CANCELED,
    State.DELETED: DELETED,
}

TABLES: Final = f"""
    {names.TABLE};
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
        talk INTEGER NOT NULL DEFAULT 0,
        -- The number of its transcript, NULL where nothing was said.
        transcript INTEGER,
        -- Who wrote the title, and what it is sealed in as JSON, NULL where room told it plainly.
        titled_by TEXT NOT NULL DEFAULT '',
        title_box TEXT
    );
    CREATE INDEX spaces_by_titler ON spaces (titled_by);
    -- Who has pinned something.
    CREATE TABLE pinned (
        space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (space_id, person_id)
    ) WITHOUT ROWID;
    CREATE INDEX pinned_by_person ON pinned (person_id);
    CREATE INDEX spaces_by_place ON spaces (phase, place, id DESC);
    CREATE INDEX spaces_by_host ON spaces (host_id);
    CREATE INDEX spaces_by_creator ON spaces (creator_id);
    CREATE INDEX spaces_by_creator_number ON spaces (creator_number);
    CREATE INDEX spaces_by_creator_handle ON spaces (creator_handle);
    CREATE INDEX spaces_official ON spaces (phase) WHERE official;
    CREATE INDEX spaces_closed ON spaces (host_id) WHERE who_can_join <> 'everyone';
    CREATE INDEX spaces_heard ON spaces (who_can_join, host_id, talk, phase, transcript, id)
        WHERE transcript IS NOT NULL;
    CREATE INDEX spaces_heard_by_host ON spaces (host_id) WHERE transcript IS NOT NULL;
    CREATE TABLE topics (topic TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (topic, n)) WITHOUT ROWID;
    CREATE INDEX topics_by_space ON topics (n);
    -- A row has the number of its Space, and far higher ones where not everybody may join: see `headlines`.
    CREATE VIRTUAL TABLE words USING fts5(
        title, topics, people, tokenize = "unicode61 remove_diacritics 2", prefix = '2 3 4'
    );
    CREATE TABLE terms (term TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE VIRTUAL TABLE grams USING fts5(term, tokenize = "trigram");
    -- Whether these two hold words still that were deleted.
    CREATE TABLE unmerged (one INTEGER PRIMARY KEY CHECK (one = 1));
    CREATE TABLE stage (
        space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (person_id, space_id)
    ) WITHOUT ROWID;
    CREATE INDEX stage_by_space ON stage (space_id);
    CREATE TABLE removed (
        space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (space_id, person_id)
    ) WITHOUT ROWID;
    CREATE INDEX removed_by_person ON removed (person_id);
    CREATE TABLE invited (
        space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (space_id, person_id)
    ) WITHOUT ROWID;
    CREATE INDEX invited_by_person ON invited (person_id);
    -- Who has ever been on stage.
    CREATE TABLE stood (
        space_id TEXT NOT NULL, person_id TEXT NOT NULL, PRIMARY KEY (space_id, person_id)
    ) WITHOUT ROWID;
    CREATE INDEX stood_by_person ON stood (person_id);
    CREATE TABLE suspended (person_id TEXT PRIMARY KEY) WITHOUT ROWID;
    -- What was said, by Space and not by number: others tell of it than of the Space, in no agreed order. `began` is
    -- when the replay begins (seconds since 1970), NULL where it was deleted.
    CREATE TABLE replays (space_id TEXT PRIMARY KEY, began REAL) WITHOUT ROWID;
    CREATE TABLE transcripts (
        n INTEGER PRIMARY KEY,
        space_id TEXT NOT NULL UNIQUE,
        -- As many were ever said, and when (seconds since 1970) the first and the last of them.
        sentences INTEGER NOT NULL,
        first REAL NOT NULL,
        last REAL NOT NULL
    );
    -- Every sentence. `k` is its transcript's number and, in the lowest 15 bits, its own in there.
    CREATE TABLE captions (
        k INTEGER PRIMARY KEY,
        space_id TEXT NOT NULL,
        id TEXT NOT NULL,
        person_id TEXT NOT NULL,
        lang TEXT NOT NULL,
        at REAL NOT NULL,
        until REAL NOT NULL,
        words INTEGER NOT NULL,
        corrected INTEGER NOT NULL DEFAULT 0,
        -- Whose words it has, NULL while they are as they were heard.
        corrected_by TEXT,
        UNIQUE (space_id, id)
    );
    CREATE INDEX captions_by_time ON captions (space_id, at);
    CREATE INDEX captions_by_corrector ON captions (corrected_by) WHERE corrected_by IS NOT NULL;
    CREATE TABLE speakers (person_id TEXT PRIMARY KEY, handle TEXT NOT NULL, person TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX speakers_by_handle ON speakers (handle);
    -- Where each word was said, as `sentences` reads and writes it.
    CREATE TABLE vocabulary (t INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE);
    CREATE TABLE slips (variant TEXT NOT NULL, t INTEGER NOT NULL, PRIMARY KEY (variant, t)) WITHOUT ROWID;
    CREATE TABLE postings (t INTEGER NOT NULL, block INTEGER NOT NULL, places BLOB NOT NULL, PRIMARY KEY (t, block))
        WITHOUT ROWID;
    CREATE TABLE said (k INTEGER PRIMARY KEY, text TEXT NOT NULL);
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

# The numbers of all that one may see of what not everybody may join, and of some that one may not.
CLOSED_TO_OTHERS: Final = """
    SELECT s.n FROM follows f CROSS JOIN spaces s ON s.host_id = f.followee_id AND s.who_can_join <> 'everyone'
        WHERE f.person_id = :actor
    UNION SELECT n FROM spaces WHERE host_id = :actor AND who_can_join <> 'everyone'
    UNION SELECT n FROM spaces WHERE creator_id = :actor
    UNION SELECT s.n FROM (
        SELECT space_id FROM invited WHERE person_id = :actor
        UNION SELECT space_id FROM stage WHERE person_id = :actor
        UNION SELECT space_id FROM stood WHERE person_id = :actor
    ) CROSS JOIN spaces s ON s.id = space_id
"""

# Whose transcript one may read, as room has it for who looks into a Space, live or over; nobody who is suspended.
READABLE: Final = f"""
    (s.phase IN ({LIVE}, {OVER})
    AND NOT EXISTS (SELECT 1 FROM suspended u WHERE u.person_id = :actor)
    AND (s.host_id = :actor OR ({JOINABLE} AND NOT s.talk OR {ON_STAGE} OR {STOOD}) AND {WELCOME}))
"""

# The numbers of all those transcripts, perhaps more than once: the same as `READABLE` says of one, but found by what
# makes a Space open to the actor, so that what is closed to them costs little.
READABLE_TRANSCRIPTS: Final = f"""
    SELECT s.transcript FROM spaces s
        WHERE s.who_can_join = 'everyone' AND NOT s.talk AND s.phase IN ({LIVE}, {OVER}) AND s.transcript IS NOT NULL
            AND s.host_id NOT IN (
                SELECT person_id FROM blocks WHERE blocked_id = :actor
                UNION ALL SELECT blocked_id FROM blocks WHERE person_id = :actor)
            AND NOT EXISTS (SELECT 1 FROM removed r WHERE r.space_id = s.id AND r.person_id = :actor)
            AND :actor NOT IN (SELECT person_id FROM suspended)
    UNION ALL
    SELECT s.transcript FROM (
        SELECT a.transcript, a.id, a.host_id FROM follows f CROSS JOIN spaces a
            ON a.who_can_join = 'followers' AND a.host_id = f.followee_id
            WHERE f.person_id = :actor AND NOT a.talk AND a.phase IN ({LIVE}, {OVER}) AND a.transcript IS NOT NULL
        UNION ALL
        SELECT a.transcript, a.id, a.host_id FROM invited i CROSS JOIN spaces a ON a.id = i.space_id
            WHERE i.person_id = :actor AND NOT a.talk AND a.phase IN ({LIVE}, {OVER}) AND a.transcript IS NOT NULL
        UNION ALL
        SELECT a.transcript, a.id, a.host_id FROM stage g CROSS JOIN spaces a ON a.id = g.space_id
            WHERE g.person_id = :actor AND a.phase IN ({LIVE}, {OVER}) AND a.transcript IS NOT NULL
        UNION ALL
        SELECT a.transcript, a.id, a.host_id FROM stood d CROSS JOIN spaces a ON a.id = d.space_id
            WHERE d.person_id = :actor AND a.phase = {OVER} AND a.transcript IS NOT NULL
    ) s WHERE {WELCOME} AND :actor NOT IN (SELECT person_id FROM suspended)
    UNION ALL
    SELECT transcript FROM spaces
        WHERE host_id = :actor AND phase IN ({LIVE}, {OVER}) AND transcript IS NOT NULL
            AND :actor NOT IN (SELECT person_id FROM suspended)
"""

# Whose words are hidden from the actor.
BLOCKED: Final = """
    SELECT blocked_id FROM blocks WHERE person_id = :actor UNION SELECT person_id FROM blocks WHERE blocked_id = :actor
"""

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
