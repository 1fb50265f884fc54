"""What runs a service: settings from an environment, telemetry, bus, health port, orderly stop (`libs/README.md`)."""

from libs.service.disk import Reserve
from libs.service.health import Health
from libs.service.runtime import settle
from libs.service.service import (
    EXIT_BAD_SETTING,
    EXIT_DATA_GONE,
    EXIT_FAILED,
    EXIT_NO_NATS,
    CannotStart,
    Service,
    run,
    running,
)
from libs.service.settings import BadSettings, ServiceSettings

__all__ = [
    "EXIT_BAD_SETTING",
    "EXIT_DATA_GONE",
    "EXIT_FAILED",
    "EXIT_NO_NATS",
    "BadSettings",
    "CannotStart",
    "Health",
    "Reserve",
    "Service",
    "ServiceSettings",
    "run",
    "running",
    "settle",
]
