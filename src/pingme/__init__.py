"""PingMe: a self-hosted instant-messaging server, its Python SDK and its command line.

`docs/architecture.md` shows the rooms of this package and which way data and imports go.
"""

__version__ = "0.1.0"
