"""The tables of the embedded store, and how an older file becomes a newer one.

``PRAGMA user_version`` is the number of steps that were applied. Steps are only ever appended; a file with more steps
than this program knows is refused.

Shapes worth knowing:
- Integer keys inside, public ids at the edge; msg_ids that are canonical UUIDs are 16-byte blobs, others text;
  16 bytes of each hash: rows are small, which is worth a factor of three (docs/benchmarks.md).
- `events` is a rowid table with two unique indices. Appending rows and spreading only the small index entries is twice
  as fast as clustering the rows by conversation (WITHOUT ROWID), measured in docs/adr/0003.
- Rows of `events` are never deleted. conversation 0 holds definite refusals, under the same unique (msg_id, sender).
"""

from __future__ import annotations

import secrets
import sqlite3

from pingme.domain.errors import StoreUnavailable

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE meta (
        key   TEXT PRIMARY KEY,
        value NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE users (
        id            INTEGER PRIMARY KEY,
        user_id       TEXT NOT NULL UNIQUE,
        username      TEXT NOT NULL,              -- as shown
        username_key  TEXT NOT NULL UNIQUE,       -- NFKC, casefolded: what must be unique
        password_hash TEXT NOT NULL,              -- argon2id, PHC string
        nickname      TEXT NOT NULL DEFAULT '',
        nickname_key  TEXT NOT NULL DEFAULT '',   -- NFKC, casefolded: what a search compares
        email         TEXT NOT NULL DEFAULT '',
        avatar        TEXT NOT NULL DEFAULT '',
        disabled      INTEGER NOT NULL DEFAULT 0,
        created_ts    INTEGER NOT NULL,
        last_seen_ts  INTEGER
    );
    CREATE INDEX users_by_nickname ON users (nickname_key, user_id) WHERE nickname_key <> '';

    CREATE TABLE devices (                        -- one login session (token family) per user and device
        user         INTEGER NOT NULL REFERENCES users (id),
        device_id    TEXT NOT NULL,
        name         TEXT NOT NULL DEFAULT '',
        family_id    TEXT NOT NULL UNIQUE,
        generation   INTEGER NOT NULL DEFAULT 1,  -- of the refresh token: which rotation is the current one
        rotated_ts   INTEGER NOT NULL,
        created_ts   INTEGER NOT NULL,
        expires_ts   INTEGER NOT NULL,
        PRIMARY KEY (user, device_id)
    ) WITHOUT ROWID;

    CREATE TABLE conversations (
        id              INTEGER PRIMARY KEY,
        conversation_id TEXT NOT NULL UNIQUE,
        type            INTEGER NOT NULL,         -- 0 refusals, 1 private, 2 group, 3 a user's own log
        name            TEXT NOT NULL DEFAULT '',
        announcement    TEXT NOT NULL DEFAULT '',
        avatar          TEXT NOT NULL DEFAULT '',
        history_policy  TEXT NOT NULL DEFAULT 'from_join',
        join_policy     TEXT NOT NULL DEFAULT 'invite',
        dissolved       INTEGER NOT NULL DEFAULT 0,
        created_ts      INTEGER NOT NULL
    );
    INSERT INTO conversations (id, conversation_id, type, created_ts) VALUES (0, '', 0, 0);

    CREATE TABLE members (                        -- also former members: until_seq says so
        conversation  INTEGER NOT NULL REFERENCES conversations (id),
        user          INTEGER NOT NULL REFERENCES users (id),
        role          INTEGER NOT NULL DEFAULT 0, -- 0 member, 1 admin, 2 owner
        joined_seq    INTEGER NOT NULL,
        from_seq      INTEGER NOT NULL,           -- the first seq this member may read
        until_seq     INTEGER,                    -- the last one, for a former member
        delivered_seq INTEGER NOT NULL DEFAULT 0,
        read_seq      INTEGER NOT NULL DEFAULT 0,
        muted         INTEGER NOT NULL DEFAULT 0,
        pinned        INTEGER NOT NULL DEFAULT 0,
        draft         TEXT NOT NULL DEFAULT '',
        change_no     INTEGER NOT NULL,           -- of the last transaction that changed this row
        PRIMARY KEY (conversation, user)
    ) WITHOUT ROWID;
    CREATE INDEX members_by_user ON members (user, conversation);

    CREATE TABLE events (
        conversation INTEGER NOT NULL,
        seq          INTEGER NOT NULL,
        change_no    INTEGER NOT NULL,            -- of the transaction that stored it
        kind         INTEGER NOT NULL,            -- pingme.domain.events.KINDS; 255 a refusal
        sender       INTEGER NOT NULL,
        msg_id       NOT NULL,
        server_ts    INTEGER NOT NULL,
        client_ts    INTEGER,
        digest       BLOB NOT NULL,
        hash         BLOB NOT NULL,
        body         TEXT NOT NULL,               -- canonical JSON; current content for edited and recalled messages
        edited_seq   INTEGER,                     -- the newest edit of this message
        recalled_seq INTEGER,                     -- the recall of this message
        target_seq   INTEGER,                     -- what an edit, recall or reaction is about
        PRIMARY KEY (conversation, seq)
    );
    CREATE UNIQUE INDEX events_by_msg_id ON events (msg_id, sender);
    CREATE INDEX events_by_target ON events (conversation, target_seq) WHERE target_seq IS NOT NULL;

    CREATE TABLE reactions (
        conversation INTEGER NOT NULL,
        seq          INTEGER NOT NULL,            -- of the message
        emoji        TEXT NOT NULL,
        user         INTEGER NOT NULL,
        at_seq       INTEGER NOT NULL,            -- of the reaction event: the order in which they are shown
        PRIMARY KEY (conversation, seq, emoji, user)
    ) WITHOUT ROWID;

    CREATE TABLE dead_letters (
        id              INTEGER PRIMARY KEY AUTOINCREMENT,
        sender_id       TEXT NOT NULL,
        msg_id          TEXT NOT NULL,
        conversation_id TEXT NOT NULL,
        raw             BLOB NOT NULL,            -- the record's own bytes
        code            INTEGER NOT NULL,
        error           TEXT NOT NULL,
        attempts        INTEGER NOT NULL,
        origin          TEXT NOT NULL,            -- topic/partition/offset
        created_ts      INTEGER NOT NULL,
        replays         INTEGER NOT NULL DEFAULT 0,
        UNIQUE (sender_id, msg_id)
    );
    """,
)


def upgrade_schema(connection: sqlite3.Connection) -> int:
    """Bring the file up to this program's schema and return the number of steps that were applied now.

    Raises:
        StoreUnavailable: the file was written by a newer program.
        sqlite3.Error: the file cannot be read or written.
    """
    steps = pending_steps(connection)
    version = len(STEPS) - len(steps)
    for number, step in enumerate(steps, start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{step}\nPRAGMA user_version={number};\nCOMMIT;")
    return len(steps)


def pending_steps(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the steps that the file does not have yet.

    Raises:
        StoreUnavailable: the file was written by a newer program.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(STEPS):
        message = (
            f"the database has schema {version}, this program knows {len(STEPS)}: "
            "it was written by a newer PingMe; install that version or restore an older backup"
        )
        raise StoreUnavailable(message)
    return STEPS[version:]


def new_epoch(connection: sqlite3.Connection, *, keep: bool) -> None:
    """Give the store an identity: the one it has, if ``keep`` and it has one, else a new one.

    Args:
        connection: a writing connection in autocommit mode.
        keep: False after a restore, so that every client notices and syncs anew.
    """
    if not keep:
        connection.execute("DELETE FROM meta WHERE key = 'epoch'")
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('epoch', ?) ON CONFLICT (key) DO NOTHING",
        (secrets.token_hex(8),),
    )
