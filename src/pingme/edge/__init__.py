"""The only place that talks to clients: WebSocket and HTTP on one port."""
