"""The tables of local indexes, and how they came to be."""

from __future__ import annotations

_FIRST = """
CREATE TABLE indexes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    created_at TEXT NOT NULL,
    changes INTEGER NOT NULL DEFAULT 0,
    digest TEXT NOT NULL DEFAULT '0',
    documents INTEGER NOT NULL DEFAULT 0,
    chunks INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    index_id INTEGER NOT NULL REFERENCES indexes (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    title TEXT NOT NULL,
    source TEXT NOT NULL,
    metadata TEXT NOT NULL,
    chunks INTEGER NOT NULL,
    UNIQUE (index_id, name)
);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    index_id INTEGER NOT NULL,
    document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    span_start INTEGER NOT NULL,
    span_end INTEGER NOT NULL,
    section TEXT,
    page INTEGER,
    title TEXT,
    source TEXT,
    metadata TEXT,
    UNIQUE (index_id, name),
    UNIQUE (document_id, ordinal)
);
CREATE TABLE vectors (
    document_id INTEGER PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
    data BLOB NOT NULL
)"""

_SEGMENTS = """
ALTER TABLE indexes ADD COLUMN seal INTEGER;
CREATE TABLE segments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    index_id INTEGER NOT NULL REFERENCES indexes (id) ON DELETE CASCADE,
    file TEXT NOT NULL,
    size INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    chunks INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    dead BLOB NOT NULL,
    seal INTEGER NOT NULL
);
CREATE TABLE waiting (
    document_id INTEGER PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE
);
INSERT INTO waiting SELECT id FROM documents;
CREATE TABLE state (commits INTEGER NOT NULL);
INSERT INTO state VALUES (0)"""

STEPS = (_FIRST, _SEGMENTS)
"""Version n of the file is what the first n steps make.

`indexes.changes` grows with each change, so that what was loaded can be told to be stale; `digest`
is the sum, modulo 2**128, of a hash for each document, so that it depends on the content alone and
not on how it came about. Ids are never used again. In `chunks`, a title, source or metadata of NULL
is the document's.

Since version 2 what is searched stands in files beside this one, which `segments` names: vectors,
codes, terms, and for each chunk the checksum of what stands here. `dead` has a bit for each chunk
of a segment that is gone, or nothing where all are there. Documents of version 1 are `waiting` to
be put into a segment, and their vectors in `vectors`; opening does that. A `seal` is the checksum
of its row, because SQLite itself does not notice a flipped bit.
"""
