"""Judges what independent clients wrote down. Knows docs/protocol.md and docs/chaos.md, imports nothing of the server.

    python -m tests.checker FOLDER      reads FOLDER/*.ndjson, prints a verdict, exits 1 when a promise was broken

`records` reads histories, `evidence` joins them into one log per conversation, `rules_*` find what breaks a promise,
`verdict` counts it.
"""
