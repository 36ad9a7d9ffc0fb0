"""The only reader of files and environment: `load_settings` returns frozen, checked `Settings`.

Defaults, then the YAML file, then the environment. docs/configuration.md lists every setting.
"""

from pingme.config.catalogue import Setting, all_settings
from pingme.config.errors import ConfigError
from pingme.config.limits import LimitsSettings
from pingme.config.load import Loaded, load_settings, load_with_sources
from pingme.config.models import (
    AppSettings,
    DatabaseSettings,
    JwtSettings,
    KafkaSettings,
    LoggingSettings,
    MetricsSettings,
    RedisSettings,
    Settings,
    WebsocketSettings,
)

__all__ = [
    "AppSettings",
    "ConfigError",
    "DatabaseSettings",
    "JwtSettings",
    "KafkaSettings",
    "LimitsSettings",
    "Loaded",
    "LoggingSettings",
    "MetricsSettings",
    "RedisSettings",
    "Setting",
    "Settings",
    "WebsocketSettings",
    "all_settings",
    "load_settings",
    "load_with_sources",
]
