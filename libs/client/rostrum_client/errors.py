"""What can go wrong.

RostrumError
├── Unreachable     nobody answered
└── Problem         the server refused, and says why
"""

from __future__ import annotations

from rostrum_client.model import Model


class Fault(Model):
    """One thing that is wrong with a request."""

    where: str
    """Path into the request, such as `body.title`."""
    what: str


class RostrumError(Exception):
    """Anything that went wrong."""

    @property
    def is_passing(self) -> bool:
        """Whether the same may go well a little later."""
        return True


class Unreachable(RostrumError):
    """Nobody answered, or the answer was cut off."""


class Problem(RostrumError):
    """A problem document (RFC 9457). `reason` is stable and meant for programs, `detail` for people."""

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        faults: tuple[Fault, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} {reason}: {detail}")
        self.status = status
        self.reason = reason
        self.detail = detail
        self.faults = faults
        self.retry_after = retry_after
        """Seconds after which the server would be asked again."""

    @property
    def is_passing(self) -> bool:
        return self.status in (408, 429, 502, 503, 504)
