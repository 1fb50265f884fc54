"""The bus: commands, queries and events over NATS. `libs/README.md` shows how a service uses it."""

from libs.bus.bus import Bus, connect
from libs.bus.connection import BusSettings
from libs.bus.consume import Consumer, each
from libs.bus.declare import declare
from libs.bus.errors import BusError, CannotConnect, Poison, Retry, StreamReset, Unavailable
from libs.bus.handlers import Encoded, Handlers
from libs.bus.leases import Leases
from libs.bus.pulse import Pulse
from libs.bus.received import Raw, Received
from libs.bus.serve import Serving

__all__ = [
    "Bus",
    "BusError",
    "BusSettings",
    "CannotConnect",
    "Consumer",
    "Encoded",
    "Handlers",
    "Leases",
    "Poison",
    "Pulse",
    "Raw",
    "Received",
    "Retry",
    "Serving",
    "StreamReset",
    "Unavailable",
    "connect",
    "declare",
    "each",
]
