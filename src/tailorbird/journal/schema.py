"""The journal's tables, as the history of their changes: a step that was released never changes."""

from __future__ import annotations

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        identity TEXT NOT NULL,
        name TEXT NOT NULL,
        run_key TEXT NOT NULL,
        summary TEXT NOT NULL,
        plan TEXT NOT NULL,
        state TEXT NOT NULL,
        job_id TEXT,
        attempt INTEGER NOT NULL DEFAULT 0,
        begun_at TEXT NOT NULL,
        lease_owner TEXT,
        lease_until TEXT,
        UNIQUE (identity, name)
    );
    CREATE TABLE uploads (
        identity TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        file_id TEXT NOT NULL,
        PRIMARY KEY (identity, sha256)
    ) WITHOUT ROWID;
    CREATE TABLE answers (
        arm TEXT NOT NULL,
        question TEXT NOT NULL,
        answer TEXT NOT NULL,
        PRIMARY KEY (arm, question)
    ) WITHOUT ROWID;
    CREATE TABLE vectors (
        space TEXT NOT NULL,
        text TEXT NOT NULL,
        vector BLOB NOT NULL,
        PRIMARY KEY (space, text)
    )
    """,
    """
    CREATE TABLE spending (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        identity TEXT NOT NULL,
        what TEXT NOT NULL,
        subject TEXT NOT NULL,
        model TEXT NOT NULL,
        usage TEXT NOT NULL,
        usd TEXT
    )
    """,
    """
    ALTER TABLE runs ADD COLUMN sent_at TEXT;
    ALTER TABLE spending ADD COLUMN reference TEXT;
    CREATE UNIQUE INDEX spending_once ON spending (identity, what, reference);
    CREATE TABLE hosting (
        identity TEXT NOT NULL,
        name TEXT NOT NULL,
        model TEXT NOT NULL,
        hourly TEXT,
        since TEXT NOT NULL,
        PRIMARY KEY (identity, name)
    ) WITHOUT ROWID;
    CREATE TABLE events (
        identity TEXT NOT NULL,
        job_id TEXT NOT NULL,
        event TEXT NOT NULL,
        PRIMARY KEY (identity, job_id, event)
    ) WITHOUT ROWID
    """,
    """
    ALTER TABLE spending ADD COLUMN calls INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE spending ADD COLUMN assumed TEXT NOT NULL DEFAULT '0';
    CREATE TABLE holds (
        identity TEXT NOT NULL,
        what TEXT NOT NULL,
        reference TEXT NOT NULL,
        subject TEXT NOT NULL,
        nano INTEGER NOT NULL,
        at TEXT NOT NULL,
        PRIMARY KEY (identity, what, reference)
    ) WITHOUT ROWID
    """,
)
"""Step n takes the schema from version n to n + 1. `lease_*` say which process is at work on a run,
and until when; `events` holds the events that were handed to somebody; `holds` is money that may be
spent but is not yet, in billionths of a US dollar."""
