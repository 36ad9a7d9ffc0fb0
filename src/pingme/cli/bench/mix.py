"""What people do, in shares of all that a server is asked: mostly private messages, receipts for what was read, typing."""

from __future__ import annotations

MIX: dict[str, float] = {
    "private": 0.40,
    "group of 10": 0.12,
    "group of 50": 0.03,
    "group of 200": 0.01,
    "receipt": 0.25,
    "typing": 0.15,
    "history": 0.03,
    "connect": 0.01,
}
SIZES = (10, 50, 200)
USERS_PER_UNIT = 200  # one group of 200, four of 50, twenty of 10, and 100 private chats
GUESTS_PER_UNIT = 20  # who come and go
PAGE = 50  # of history
