"""What can go wrong on the bus.

    BusError
    ├── Unavailable     nobody answered in time, or NATS is away; the same request may be sent again
    ├── CannotConnect   NATS was not reached, or refused us, at start
    └── StreamReset     the stream was rebuilt: sequences remembered from before mean nothing now

A `Refusal` (libs.refusal) is an answer, not an error. `Retry` and `Poison` are what a consumer's handler may raise.
"""

from __future__ import annotations


class BusError(Exception):
    """Root of the errors of this package."""


class Unavailable(BusError):
    """Nobody answered within the deadline. Whether it was done is not known; sending it again is safe."""


class CannotConnect(BusError):
    """NATS was not reached, or refused the credentials."""


class StreamReset(BusError):
    """The stream is another one than the sequence belongs to."""

    def __init__(self, epoch: str) -> None:
        super().__init__(f"the stream was made anew ({epoch})")
        self.epoch = epoch


class Retry(Exception):
    """Raised by a consumer's handler when what it needs is away (a database, another service).

    The consumer waits, for longer each time (0.1 to 30 s), and hands the same messages over again, in order and
    without a limit.
    """


class Poison(Exception):
    """Raised by a consumer's handler for a message that can never succeed; it becomes a dead letter at once."""
