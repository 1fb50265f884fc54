"""What every command and query has in common, and how it is answered.

Both are NATS requests. The answer is always a Reply: accepted with a result, or refused with a stable reason code and
a sentence a person can act on.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import Field, StringConstraints

from contracts import subjects
from contracts.envelope import Model, PersonId

ApiKeyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{26}$")]
CommandId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
"""The client's Idempotency-Key; unique within one actor. Sent twice, a command happens once."""


class Nothing(Model):
    """The result of a command that has nothing to tell beyond its acceptance."""


R = TypeVar("R", bound=Model)


class Request(Model, Generic[R]):
    """Base of commands and queries; declares who answers and with what."""

    service: ClassVar[str]
    name: ClassVar[str]
    result: ClassVar[type[Model]]
    kind: ClassVar[Literal["command", "query"]]

    @property
    def partition_key(self) -> str | None:
        """The id whose partition this is routed to; None where any instance of the service answers."""
        return None

    def subject(self, route: str = subjects.ANY) -> str:
        """Where it is sent; `route` is a partition number, a node id or ANY."""
        make = subjects.command if self.kind == "command" else subjects.query
        return make(self.service, self.name, route)


class Command(Request[R], Generic[R]):
    """An order from an actor. `actor` is the person who gave it, None for an anonymous one or for the system."""

    kind = "command"
    command_id: CommandId
    actor: PersonId | None = None
    operator: bool = False
    """Whether the actor acts for those who run the instance; set by the gateway from the verified token."""
    api_key: ApiKeyId | None = None
    """The API key of the host product's server that gave the order; set by the gateway."""


class Query(Request[R], Generic[R]):
    """A question; never changes anything. `actor` is who asks."""

    kind = "query"
    actor: PersonId | None = None
    operator: bool = False


class Accepted(Model, Generic[R]):
    """It was done. `version` is the aggregate's version after it, 0 where there is none."""

    outcome: Literal["accepted"] = "accepted"
    version: int = Field(default=0, ge=0)
    result: R


class Refused(Model):
    """It was not done, and nothing changed."""

    outcome: Literal["refused"] = "refused"
    reason: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    """A stable code; see `contracts.reasons`."""
    detail: str
    """A sentence for the person, saying what to do."""
    retry: bool = False
    """Whether the same command may succeed a moment later."""
    field: str | None = None
    """Path of the field that is at fault, where it is one."""


_REQUESTS: dict[tuple[str, str, str], type[Request[Any]]] = {}

Q = TypeVar("Q", bound=Request[Any])


def register(cls: type[Q]) -> type[Q]:
    """Class decorator: adds a command or query to the catalogue."""
    key = (cls.kind, cls.service, cls.name)
    if key in _REQUESTS:
        raise TypeError(f"{'.'.join(key)} is declared twice")
    _REQUESTS[key] = cls
    return cls


def request_types() -> dict[tuple[str, str, str], type[Request[Any]]]:
    """Every registered command and query by (kind, service, name)."""
    return _REQUESTS
