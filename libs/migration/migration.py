"""What a service does when it is told to rewrite what earlier versions stored."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec
from nats.aio.msg import Msg

from contracts import subjects
from libs.aio import end
from libs.bus import Bus, Unavailable
from libs.eventstore import Store
from libs.ids import new_id
from libs.keyring.client import Fetch
from libs.migration.messages import Begun, From, Objects, RewrittenPage, Run, Settled, Step
from libs.migration.today import CannotRewrite, Today, rewritten
from libs.readmodel import StoreModel
from libs.refusal import Refusal

_log = logging.getLogger(__name__)
_PAGE: Final = 250
"""Facts that are looked at for one request: some tens of milliseconds."""
_AGAIN: Final = 0.5


class Migration:
    """Rewrites the facts of one store. `run` is a task for the life of the service."""

    def __init__(
        self,
        bus: Bus,
        store: Store[Any],
        today: Today,
        fetch: Fetch,
        *,
        context: str,
        models: Sequence[StoreModel] = (),
        objects: Callable[[Objects], Awaitable[None]] | None = None,
    ) -> None:
        """`today` tells how a fact is stored today, `fetch` gets locks by name. `models` are the service's read models
        with something in them of what is rewritten. `objects` seals what lies beside the store, and counts it; it
        raises Refusal and Unavailable."""
        self._bus = bus
        self._store = store
        self._today = today
        self._fetch = fetch
        self._context = context
        self._models = models
        self._objects = objects
        self._process = new_id()
        self._run: tuple[str, asyncio.Task[None]] | None = None
        self._trouble: str | None = None
        self._sealing: tuple[str, Objects, asyncio.Task[None]] | None = None

    async def run(self) -> None:
        """Answer, for ever."""
        async with contextlib.AsyncExitStack() as stack:
            for step, hear in (
                (Step.REWRITE, self._on_rewrite),
                (Step.ANEW, self._on_anew),
                (Step.OBJECTS, self._on_objects),
                (Step.SETTLE, self._on_settle),
            ):
                if step is Step.OBJECTS and self._objects is None:
                    continue
                subject = subjects.migration(self._context, step)
                # Every process makes its own anew, and has files of its own; the store they share.
                queue = "" if step in (Step.ANEW, Step.OBJECTS) else subject
                subscription = await self._bus.listen(subject, _answering(hear), queue=queue)
                stack.push_async_callback(self._end, subscription.unsubscribe)
            try:
                await asyncio.Event().wait()
            finally:
                if self._run is not None:
                    await end(self._run[1])
                if self._sealing is not None:
                    await end(self._sealing[2])

    async def _end(self, unsubscribe: Callable[[], Awaitable[None]]) -> None:
        if self._bus.nc.is_connected:
            await unsubscribe()

    async def _on_rewrite(self, body: bytes) -> RewrittenPage:
        after = msgspec.json.decode(body, type=From).after
        try:
            page = await self._store.stored(after, _PAGE)
            last = await self._store.last_notification()
            position = page[-1].id if page else max(after, last)
            facts = await rewritten(page, self._today, self._fetch)
            count = await self._store.rewrite(facts) if facts else 0
            if count < len(facts):  # somebody else rewrote them meanwhile, or part of them: they are looked at again
                position = after
            return RewrittenPage(position, last, len(page), count, self._store.owes_anew())
        except (Refusal, Unavailable, CannotRewrite) as trouble:
            return RewrittenPage(after, after, error=_why(trouble))

    async def _on_anew(self, body: bytes) -> Begun:
        run = msgspec.json.decode(body, type=Run).run
        if self._run is None or self._run[0] != run:
            if self._run is not None:
                await end(self._run[1])
            self._trouble = None
            self._run = run, asyncio.create_task(self._anew(), name="make anew")
        return Begun(self._process, self._run[1].done(), self._trouble)

    async def _anew(self) -> None:
        while True:
            try:
                await self._store.begin_anew()
                for model in self._models:
                    await model.fill_anew(self._store)
            except (Refusal, Unavailable) as trouble:
                self._trouble = _why(trouble)
                _log.warning("what was made of rewritten facts is made anew later", extra={"why": self._trouble})
                await asyncio.sleep(_AGAIN)
            else:
                self._trouble = None
                return

    async def _on_objects(self, body: bytes) -> Objects:
        run = msgspec.json.decode(body, type=Run).run
        if self._sealing is None or self._sealing[0] != run:
            if self._sealing is not None:
                await end(self._sealing[2])
            told = Objects(self._process)
            self._sealing = run, told, asyncio.create_task(self._seal_objects(told), name="seal what lies beside")
        return self._sealing[1]

    async def _seal_objects(self, told: Objects) -> None:
        assert self._objects is not None
        while not told.done:
            told.left = 0
            try:
                await self._objects(told)
                told.done, told.error = True, None
            except (Refusal, Unavailable) as trouble:
                told.error = _why(trouble)
                _log.warning("what lies beside the store is sealed later", extra={"why": told.error})
                await asyncio.sleep(_AGAIN)

    async def _on_settle(self, _: bytes) -> Settled:
        try:
            await self._store.settle()
        except Refusal as trouble:
            return Settled(_why(trouble))
        return Settled()


def _answering(hear: Callable[[bytes], Awaitable[object]]) -> Callable[[Msg], Awaitable[None]]:
    async def answer(msg: Msg) -> None:
        if msg.reply:
            await msg.respond(msgspec.json.encode(await hear(msg.data)))

    return answer


def _why(trouble: Exception) -> str:
    return trouble.detail if isinstance(trouble, Refusal) else str(trouble)
