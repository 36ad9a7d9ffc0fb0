"""`pingme bench`: load on a server of its own, figures that can be repeated, and a check of everything received.

The parent process (`run`) prepares a data folder (`world`, `filler`), starts the server (`server`), starts load processes
(`worker`) that run a part of a scenario each (`scenarios`), and merges what they bring back (`histogram`, `verify`).
"""
