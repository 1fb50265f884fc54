"""What is asked and answered, as JSON on core NATS."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Step(StrEnum):
    """What is asked for; the last token of the subject."""

    REWRITE = "rewrite"
    """A page of the store, of whichever process has the time."""
    ANEW = "anew"
    """Everything that was made of facts, of every process."""
    OBJECTS = "objects"
    """Everything that lies beside the store in plain, of every process."""
    SETTLE = "settle"
    """All processes, and the stream, are done."""


class From(msgspec.Struct, frozen=True):
    """Asks for the page after a notification id."""

    after: int


class RewrittenPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a page."""

    position: int
    """Notification id up to which everything is as it is stored today."""
    last: int
    """The newest one."""
    looked: int = 0
    """Facts on the page."""
    rewritten: int = 0
    owes_anew: bool = False
    """Whether what was made of rewritten facts is still to be made anew."""
    error: str | None = None
    """Why the page could not be done; it is asked for again."""


class Run(msgspec.Struct, frozen=True):
    """Asks a process to make everything anew: once for each run, however often it is asked."""

    run: str


class Begun(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a process is with that."""

    process: str
    done: bool
    error: str | None = None


class Objects(msgspec.Struct, omit_defaults=True):
    """How far a process is with what lies beside the store."""

    process: str = ""
    done: bool = False
    sealed: int = 0
    left: int = 0
    """What could not be sealed now."""
    error: str | None = None


class Settled(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether nothing is owed any more."""

    error: str | None = None
