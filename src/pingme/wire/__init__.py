"""Bytes to values and back, without sockets: the server, the SDK and the CLI share it."""
