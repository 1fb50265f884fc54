"""From stored facts to what they make."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from libs.eventstore.aggregate import S
from libs.eventstore.facts import StoredFact, decode
from libs.eventstore.recorder import Recorder


def rebuild(recorder: Recorder, id: str, new: Callable[[str], S], *, at: int | None = None) -> S:
    """A state from its stored facts alone, up to version `at` (all without it).

    Raises MapperDeserialisationError for a fact that cannot be read, PersistenceError for a database that is away.
    """
    return evolve(recorder, id, new(id), at=at)


def evolve(recorder: Recorder, id: str, state: S, *, at: int | None = None) -> S:
    """The same state, after the stored facts that it has not taken in yet. Raises as `rebuild` does."""
    apply = state.apply
    for version, name, encoded in recorder.select_facts(id, after=state.version, to=at):
        record = decode(name, encoded)
        state.version = version
        apply(record.fact, record)
    return state


def as_of(
    recorder: Recorder,
    id: str,
    new: Callable[[str], S],
    *,
    version: int | None = None,
    moment: datetime | None = None,
) -> tuple[S, datetime | None]:
    """A state as it was after a version, or at a moment, and since when; None where there was nothing yet.

    Raises as `rebuild` does.
    """
    state, since = new(id), None
    for number, name, encoded in recorder.select_facts(id, after=0, to=version):
        record = decode(name, encoded)
        if moment is not None and record.at > moment:
            break
        state.version, since = number, record.at
        state.apply(record.fact, record)
    return state, since


def history(recorder: Recorder, id: str, *, after: int = 0, to: int | None = None) -> list[StoredFact]:
    """The stored facts of an aggregate with what is kept beside each, in order: of versions above `after`, up to `to`
    (all without it)."""
    rows = recorder.select_facts(id, after=after, to=to)
    return [StoredFact(id, version, decode(name, encoded)) for version, name, encoded in rows]
