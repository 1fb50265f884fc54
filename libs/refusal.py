"""The one exception for an expected "no".

A domain raises it when a command breaks a rule, `libs.bus` carries it over the wire, and the caller's `Bus.ask` raises
it again, so that the gateway can turn it into a problem document (RFC 9457).
"""

from __future__ import annotations


class Refusal(Exception):
    """It was not done, and nothing changed.

    `reason` is a stable code (`^[a-z][a-z0-9_]*$`), `detail` a sentence that says what the person can do, `retry`
    whether the same request may succeed a moment later,
    `field` the path of the field in the request that is at fault, where it is one (`topics`, `names.paypal`).
    """

    def __init__(self, reason: str, detail: str, *, retry: bool = False, field: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry = retry
        self.field = field
