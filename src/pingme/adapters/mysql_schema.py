"""The tables of the store on MySQL and MariaDB, and how older ones become newer ones.

``meta`` holds the number of steps that were applied. Steps are only ever appended; a database with more steps than this
program knows is refused. DDL commits by itself here, so a step that broke off is run again: its statements say IF NOT EXISTS.

Shapes worth knowing, beside those of `pingme.adapters.sqlite_schema`:
- A row of `shards` is the lock, the fence and the change number of the conversations in it (docs/adr/0010).
- The key of a conversation is ``shard << 48 | n``: the writer of a shard gives keys without asking other shards, and a key
  says which change number counts. Refusals (conversation 0) have seqs ``shard << 44 | n``.
- msg_ids are binary: 16 bytes are a UUID, a text of 16 characters has a zero byte behind it, other texts are as they are.
- `events` is clustered by conversation, so that a page of history is one range.
- Nodes ask every second what has changed: `events_by_change` grows at one end per shard.
- No foreign keys: each inserted row would lock its parents', across shards.
- Text compares byte by byte and without padding: `{collation}` is the binary collation that the server has for that.
"""

from __future__ import annotations

KEY_SHIFT = 48  # bits of a conversation's key below its shard
REFUSAL_SHIFT = 44  # of a refusal's seq: 16 shards of them stay below 2^53

_TABLE = "ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE={collation}"

META = f"CREATE TABLE IF NOT EXISTS meta (name VARCHAR(64) PRIMARY KEY, value VARCHAR(255) NOT NULL) {_TABLE}"

STEPS: tuple[tuple[str, ...], ...] = (
    (
        f"CREATE TABLE IF NOT EXISTS shards (id SMALLINT UNSIGNED PRIMARY KEY, n BIGINT UNSIGNED NOT NULL) {_TABLE}",
        f"""CREATE TABLE IF NOT EXISTS users (
            id            INT UNSIGNED PRIMARY KEY AUTO_INCREMENT,
            user_id       VARCHAR(64) NOT NULL,
            username      VARCHAR(64) NOT NULL,
            username_key  VARCHAR(255) NOT NULL,
            password_hash VARCHAR(255) NOT NULL,
            nickname      VARCHAR(255) NOT NULL DEFAULT '',
            nickname_key  VARCHAR(600) NOT NULL DEFAULT '',
            email         VARCHAR(255) NOT NULL DEFAULT '',
            avatar        VARCHAR(1024) NOT NULL DEFAULT '',
            disabled      TINYINT UNSIGNED NOT NULL DEFAULT 0,
            created_ts    BIGINT NOT NULL,
            last_seen_ts  BIGINT,
            UNIQUE KEY users_by_user_id (user_id),
            UNIQUE KEY users_by_username (username_key),
            KEY users_by_nickname (nickname_key, user_id)
        ) {_TABLE}""",
        f"""CREATE TABLE IF NOT EXISTS devices (
            user       INT UNSIGNED NOT NULL,
            device_id  VARCHAR(64) NOT NULL,
            name       VARCHAR(255) NOT NULL DEFAULT '',
            family_id  VARCHAR(64) NOT NULL,
            generation BIGINT NOT NULL DEFAULT 1,
            rotated_ts BIGINT NOT NULL,
            created_ts BIGINT NOT NULL,
            expires_ts BIGINT NOT NULL,
            PRIMARY KEY (user, device_id),
            UNIQUE KEY devices_by_family (family_id)
        ) {_TABLE}""",
        f"""CREATE TABLE IF NOT EXISTS conversations (
            id              BIGINT UNSIGNED PRIMARY KEY,
            conversation_id VARCHAR(64) NOT NULL,
            type            TINYINT UNSIGNED NOT NULL,
            name            VARCHAR(512) NOT NULL DEFAULT '',
            announcement    TEXT NOT NULL,
            avatar          VARCHAR(1024) NOT NULL DEFAULT '',
            history_policy  VARCHAR(16) NOT NULL DEFAULT 'from_join',
            join_policy     VARCHAR(16) NOT NULL DEFAULT 'invite',
            dissolved       TINYINT UNSIGNED NOT NULL DEFAULT 0,
            created_ts      BIGINT NOT NULL,
            UNIQUE KEY conversations_by_id (conversation_id)
        ) {_TABLE}""",
        """INSERT INTO conversations (id, conversation_id, type, announcement, created_ts) VALUES (0, '', 0, '', 0)
           ON DUPLICATE KEY UPDATE id = id""",
        f"""CREATE TABLE IF NOT EXISTS members (
            conversation  BIGINT UNSIGNED NOT NULL,
            user          INT UNSIGNED NOT NULL,
            role          TINYINT UNSIGNED NOT NULL DEFAULT 0,
            joined_seq    BIGINT NOT NULL,
            from_seq      BIGINT NOT NULL,
            until_seq     BIGINT,
            delivered_seq BIGINT NOT NULL DEFAULT 0,
            read_seq      BIGINT NOT NULL DEFAULT 0,
            muted         TINYINT UNSIGNED NOT NULL DEFAULT 0,
            pinned        TINYINT UNSIGNED NOT NULL DEFAULT 0,
            draft         TEXT NOT NULL,
            change_no     BIGINT UNSIGNED NOT NULL,
            PRIMARY KEY (conversation, user),
            KEY members_by_user (user, conversation)
        ) {_TABLE}""",
        f"""CREATE TABLE IF NOT EXISTS events (
            conversation BIGINT UNSIGNED NOT NULL,
            seq          BIGINT NOT NULL,
            change_no    BIGINT UNSIGNED NOT NULL,
            kind         TINYINT UNSIGNED NOT NULL,
            sender       INT UNSIGNED NOT NULL,
            msg_id       VARBINARY(65) NOT NULL,
            server_ts    BIGINT NOT NULL,
            client_ts    BIGINT,
            digest       BINARY(16) NOT NULL,
            hash         BINARY(16) NOT NULL,
            body         MEDIUMBLOB NOT NULL,
            edited_seq   BIGINT,
            recalled_seq BIGINT,
            target_seq   BIGINT,
            shard        SMALLINT UNSIGNED AS (conversation >> {KEY_SHIFT}) VIRTUAL,
            PRIMARY KEY (conversation, seq),
            UNIQUE KEY events_by_msg_id (msg_id, sender),
            KEY events_by_change (shard, change_no)
        ) {_TABLE}""",
        # Which edits a recall has to erase: an index over target_seq would cost every message an entry.
        f"""CREATE TABLE IF NOT EXISTS edits (
            conversation BIGINT UNSIGNED NOT NULL,
            target_seq   BIGINT NOT NULL,
            seq          BIGINT NOT NULL,
            PRIMARY KEY (conversation, target_seq, seq)
        ) {_TABLE}""",
        f"""CREATE TABLE IF NOT EXISTS reactions (
            conversation BIGINT UNSIGNED NOT NULL,
            seq          BIGINT NOT NULL,
            emoji        VARCHAR(32) NOT NULL,
            user         INT UNSIGNED NOT NULL,
            at_seq       BIGINT NOT NULL,
            PRIMARY KEY (conversation, seq, emoji, user)
        ) {_TABLE}""",
        f"""CREATE TABLE IF NOT EXISTS dead_letters (
            id              BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT,
            sender_id       VARCHAR(64) NOT NULL,
            msg_id          VARCHAR(80) NOT NULL,
            conversation_id VARCHAR(64) NOT NULL,
            raw             MEDIUMBLOB NOT NULL,
            code            INT NOT NULL,
            error           TEXT NOT NULL,
            attempts        INT NOT NULL,
            origin          VARCHAR(512) NOT NULL,
            created_ts      BIGINT NOT NULL,
            replays         INT NOT NULL DEFAULT 0,
            UNIQUE KEY dead_letters_by_msg_id (sender_id, msg_id)
        ) {_TABLE}""",
    ),
)
