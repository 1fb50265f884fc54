"""A client of Rostrum: Spaces, their stage, live events that continue after a break, and the API for servers."""

from rostrum_client import events, models
from rostrum_client.client import AsyncRostrum, Rostrum
from rostrum_client.errors import Fault, Problem, RostrumError, Unreachable
from rostrum_client.streams import AsyncEventStream, EventStream, LiveEvent

__all__ = [
    "AsyncEventStream",
    "AsyncRostrum",
    "EventStream",
    "Fault",
    "LiveEvent",
    "Problem",
    "Rostrum",
    "RostrumError",
    "Unreachable",
    "events",
    "models",
]
