"""The bus: commands, queries and events over NATS. `libs/README.md` shows how a service uses it."""

from libs.bus.bus import Bus, BusSettings, connect
from libs.bus.consume import Consumer, Raw, Received, each
from libs.bus.declare import declare
from libs.bus.errors import BusError, CannotConnect, Poison, Retry, StreamReset, Unavailable
from libs.bus.handlers import Encoded, Handlers
from libs.bus.leases import Leases
from libs.bus.serve import Serving
from libs.refusal import Refusal

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
    "Raw",
    "Received",
    "Refusal",
    "Retry",
    "Serving",
    "StreamReset",
    "Unavailable",
    "connect",
    "declare",
    "each",
]
