"""From settings to a running node."""

from pingme.bootstrap.app import App
from pingme.bootstrap.server import ServerApp, build_offline

__all__ = ["App", "ServerApp", "build_offline"]
