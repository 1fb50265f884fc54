"""Keys: who needs a lock asks for it, and what is destroyed is dropped by whoever has it.

Only the services that `infra/nats/permissions.py` names may ask; no route of the gateway leads here.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from contracts.commands import Command, Nothing, Query, register
from contracts.envelope import Audience, Event, Model, event

_SUBJECT = r"[a-z]{1,16}:[0-9A-Za-z_-]{1,64}"
_SEGMENT = r"[0-9A-Za-z_.:-]{1,80}"

SubjectName = Annotated[str, StringConstraints(pattern=rf"^{_SUBJECT}$")]
"""Somebody or something that can be erased whole: `person:<id>`, `space:<id>`, `report:<id>`."""
LockName = Annotated[str, StringConstraints(pattern=rf"^{_SUBJECT}(\|{_SUBJECT})?$")]
"""One or two subjects, sorted and joined by `|`."""
UnitName = Annotated[str, StringConstraints(pattern=rf"^({_SEGMENT}(/{_SEGMENT}){{0,2}})?$")]
"""What can be erased alone, with all that lies below it; the empty name is everything under the lock."""
Holder = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""The process that asks."""


_BASE64 = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


class LockKeys(Model):
    """The keys that are left of a lock, or a part of them."""

    model_config = _BASE64
    name: LockName
    destroyed: bool = False
    """Whether a subject of it was destroyed; it has no keys then, and never will."""
    part: bytes = b""
    """Bytes `at` and following of the lock's nodes."""
    size: int = Field(default=0, ge=0)
    """Bytes of all nodes. Those behind `part` are asked for by `LocksQuery.at`."""


class Locks(Model):
    """Locks as they were when the ledger was applied up to `number`."""

    model_config = _BASE64
    number: int = Field(ge=0)
    lease: float = Field(gt=0)
    """Seconds from when it was asked for in which they may be kept in memory."""
    locks: tuple[LockKeys, ...]
    """In the order asked for; the last ones are missing where they do not fit in one answer."""


@register
class LocksQuery(Query[Locks]):
    """The keys of locks, which are made where they are asked for the first time.

    Refuses: unavailable.
    """

    service = "people"
    name = "locks"
    result = Locks
    holder: Holder
    locks: Annotated[tuple[LockName, ...], Field(min_length=1, max_length=64)]
    at: int = Field(default=0, ge=0)
    """Where the part of the first lock begins."""


class Destroying(Model):
    """What was ordered is in the ledger, and its keys are gone from the store."""

    number: int = Field(ge=0)
    """`Forgotten` with this number says that no process has them in memory any more."""


@register
class DestroyUnits(Command[Destroying]):
    """Destroy units of a lock for ever. Doing so again changes nothing.

    Refuses: unavailable.
    """

    service = "people"
    name = "destroy_units"
    result = Destroying
    lock: LockName
    units: Annotated[tuple[UnitName, ...], Field(min_length=1, max_length=1000)]


@register
class DestroySubjects(Command[Destroying]):
    """Destroy subjects for ever, with every lock of theirs. Doing so again changes nothing.

    Refuses: unavailable.
    """

    service = "people"
    name = "destroy_subjects"
    result = Destroying
    subjects: Annotated[tuple[SubjectName, ...], Field(min_length=1, max_length=1000)]


class Gone(Model):
    """One thing that was destroyed."""

    what: LockName
    """A subject, or the lock of the unit."""
    unit: UnitName | None = None
    """None where the subject itself was destroyed."""


@event("people", "keys_dropped", Audience.OPERATORS, passing=True)
class KeysDropped(Event):
    """These keys are destroyed: whoever has them drops them, and says so by `AcknowledgeDrop`."""

    number: int
    """The ledger's number of the last of these."""
    gone: tuple[Gone, ...]

    @property
    def key(self) -> str:
        return "all"


@register
class AcknowledgeDrop(Command[Nothing]):
    """A process has dropped everything that was destroyed up to a number."""

    service = "people"
    name = "acknowledge_drop"
    result = Nothing
    holder: Holder
    number: int = Field(ge=0)


@event("people", "forgotten", Audience.OPERATORS)
class Forgotten(Event):
    """A unit or a subject is destroyed, and no process has a key of it any more. What was made of it can go.

    It names ids only, and stays for ever.
    """

    number: int
    """Of the ledger; events come in its order, without a gap."""
    what: LockName
    unit: UnitName | None = None

    @property
    def whole(self) -> tuple[str, str] | None:
        """Kind and id of the subject that is forgotten as a whole, `("space", <id>)`; None where it is a unit."""
        kind, _, id = self.what.partition(":")
        return None if self.unit is not None or "|" in self.what else (kind, id)

    @property
    def key(self) -> str:
        """The Space where one is concerned, else the first subject."""
        subjects = self.what.split("|")
        chosen = next((subject for subject in subjects if subject.startswith("space:")), subjects[0])
        return chosen.partition(":")[2]
