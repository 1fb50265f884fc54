"""States in memory: read once, decided on by one command after another, read again when they are not what is stored."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic

from libs.eventstore.aggregate import S
from libs.eventstore.condition import Condition
from libs.eventstore.rebuild import evolve
from libs.eventstore.recorder import Recorder, Snapshot
from libs.eventstore.snapshots import fingerprint, freeze, next_after, thaw
from libs.eventstore.writer import Lineage


@dataclass(slots=True, eq=False)
class CachedState(Generic[S]):
    """A state in memory, which may be ahead of the disk."""

    state: S
    keep_at: int
    """Version from which on it is to be kept again."""
    lineage: Lineage = field(default_factory=Lineage)

    def snapshot(self, id: str) -> Snapshot | None:
        """What is to be kept of it now, where it is time to."""
        state = self.state
        if state.version < self.keep_at or (code := fingerprint(type(state))) is None:
            return None
        kept = freeze(state)
        self.keep_at = next_after(state.version, kept)
        return None if kept is None else Snapshot(id, state.version, code, kept)


class LiveStates(Generic[S]):
    """At most `cached` states of aggregates, the last used ones; `new` makes an empty one."""

    def __init__(self, recorder: Recorder, condition: Condition, new: Callable[[str], S], cached: int) -> None:
        self._recorder = recorder
        self._condition = condition
        self._new = new
        self._cached = cached
        self._live: OrderedDict[str, CachedState[S]] = OrderedDict()
        self._loading: dict[str, asyncio.Task[CachedState[S]]] = {}
        self._reading = 0
        """What was read before this number changed is not what is stored."""
        self.keeps = True
        """Whether snapshots are made and read."""

    def find(self, id: str) -> CachedState[S] | None:
        """The state where it is in memory."""
        live = self._live.get(id)
        if live is not None:
            self._live.move_to_end(id)
        return live

    async def load(self, id: str) -> CachedState[S]:
        """The state, read where it is not in memory. Raises Refusal."""
        if (live := self.find(id)) is not None:
            return live
        task = self._loading.get(id)
        if task is None:
            task = self._loading[id] = asyncio.create_task(self._fetch(id))
            task.add_done_callback(lambda _: self._loading.pop(id, None))
        return await asyncio.shield(task)

    async def _fetch(self, id: str) -> CachedState[S]:
        reading = None
        while reading != self._reading:
            reading = self._reading
            with self._condition.reading():
                live = await asyncio.to_thread(self._open, id)
        self._live[id] = live
        if len(self._live) > self._cached:
            for old, candidate in list(self._live.items()):
                if candidate.lineage.waiting == 0 and candidate is not live:
                    del self._live[old]
                    break
        return live

    def _open(self, id: str) -> CachedState[S]:
        """The newest state: from the last snapshot, where there is one of this code, and the facts after it."""
        state = self._new(id)
        keep_at = next_after(0, None)
        code = fingerprint(type(state)) if self.keeps else None
        if code and (kept := self._recorder.find_snapshot(id, code)) is not None:
            state = thaw(kept, state) or state
            keep_at = next_after(state.version, kept)
        return CachedState(evolve(self._recorder, id, state), keep_at)

    async def settled(self, id: str, live: CachedState[S]) -> bool:
        """Wait until what was just read of a state is on disk; whether it is."""
        lineage = live.lineage
        if lineage.waiting and (last := lineage.last) is not None:
            # Held fast: while we wait, another command may put its own future there, which is not done.
            await asyncio.wait({last})
            if last.exception() is not None or lineage.broken:
                self.drop(id, live)
                return False
        return True

    def drop(self, id: str, live: CachedState[S]) -> None:
        """Read the aggregate again when it is next needed, unless that was done already."""
        if self._live.get(id) is live:
            del self._live[id]

    def drop_where(self, which: Callable[[str], bool]) -> None:
        """Read these aggregates again when they are next needed; nothing more is decided on what is in memory."""
        for id, live in list(self._live.items()):
            if which(id):
                live.lineage.broken = live.lineage.broken or live.lineage.waiting > 0
                del self._live[id]

    @contextlib.contextmanager
    def from_facts_alone(self) -> Iterator[None]:
        """Drop every state, and make and read no snapshots inside the block: facts were rewritten."""
        self.keeps = False
        self._reading += 1
        self.drop_where(lambda _: True)
        try:
            yield
        finally:
            self.keeps = True
