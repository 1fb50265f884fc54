"""From stored facts to what they make."""

from __future__ import annotations

from collections.abc import Callable

from eventsourcing.persistence import StoredEvent

from libs.eventstore.facts import StoredFact, decode
from libs.eventstore.recorder import Recorder
from libs.eventstore.words import S


def rebuild(recorder: Recorder, id: str, new: Callable[[str], S], *, at: int | None = None) -> S:
    """A state from its stored facts alone, up to version `at` (all without it).

    Raises MapperDeserialisationError for a fact that cannot be read, PersistenceError for a database that is away.
    """
    return evolve(recorder, id, new(id), at=at)


def evolve(recorder: Recorder, id: str, state: S, *, at: int | None = None) -> S:
    """The same state, after the stored facts that it has not taken in yet. Raises as `rebuild` does."""
    apply = state.apply
    stored: StoredEvent | None = None
    for stored in recorder.select_events(id, gt=state.version or None, lte=at):
        record = decode(stored.topic, stored.state)
        apply(record.fact, record)
    if stored is not None:
        state.version = stored.originator_version
    return state


def history(recorder: Recorder, id: str) -> list[StoredFact]:
    """Every stored fact of an aggregate with what is kept beside it, in order."""
    return [StoredFact(id, e.originator_version, decode(e.topic, e.state)) for e in recorder.select_events(id)]
