"""Words in aggregates that several people write in: sealed before they are stored, opened before they are shown.

What was opened is kept for as long as its key may be, so that an aggregate is shown without a question. While the owner
of keys cannot be reached and a key's time is over, its words are away, and who writes some is refused, unavailable;
everything else goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from contracts.sealed import Box
from libs.aio import end
from libs.bus import Unavailable
from libs.eventstore import Fact
from libs.keyring.client import Keyring
from libs.keyring.errors import Destroyed, Expired
from libs.keyring.holders import touches
from libs.keyring.lock import Lock
from libs.keyring.names import subjects_of
from libs.keyring.opening import box_of
from libs.keyring.rows import ErasureTarget
from libs.keyring.sealing import Sealed, Words
from libs.keyring.worded import Lack, Text, Worded, WordsOf, in_place, lock_of
from libs.refusal import Refusal

_log = logging.getLogger(__name__)

_ATTEMPTS: Final = 8
_ASK_SECONDS: Final = 3.0
"""For keys."""
_AGAIN: Final = 2.0
"""Seconds after which their owner is asked again who did not answer."""

T = TypeVar("T")


class Missing(Exception):
    """Keys must be asked for, by the names of their locks, before this can be done; to write where `writes`."""

    def __init__(self, names: Sequence[str], *, writes: bool = False) -> None:
        super().__init__(", ".join(names))
        self.names = names
        self.writes = writes


class OpenWords:
    """The words of one aggregate that are open, until the first of their keys must be given up."""

    def __init__(self, vault: Vault, id: str) -> None:
        self.id = id
        self.parts: dict[object, object] = {}
        """What was made of them, by whatever it depends on; it goes with them."""
        self.texts: dict[Sealed, tuple[str, Text]] = {}
        """With the lock of each."""
        self.complete = -1
        """`Worded.worded` of the state of which everything is open."""
        self.until = float("inf")
        self.fresh = float("inf")
        """When to ask for the keys again, so that none is over while people is away for a moment."""
        self.timer: asyncio.TimerHandle | None = None
        self._vault = vault

    def read(self, by: str, words: Words) -> Text:
        """What somebody wrote. Raises Missing."""
        if isinstance(words, str):
            return Lack.ERASED if words and self._vault.is_gone(by, self.id) else words
        found = self.texts.get(words)
        return self._vault.open(self, by, words) if found is None else found[1]


class Vault:
    """Seals and opens with the keys of this process, each under those of a person and of the aggregate."""

    lack: type[Exception] = Missing

    def __init__(
        self, keyring: Keyring, words: WordsOf, is_gone: Callable[[str, str], bool], *, most: int = 10_000
    ) -> None:
        """`is_gone` tells whether a person's words in an aggregate were erased, plain ones of earlier versions too.
        `most` aggregates are kept open."""
        self.is_gone = is_gone
        self._keyring = keyring
        self._words = words
        self._most = most
        self._opened: OrderedDict[str, OpenWords] = OrderedDict()
        self._away: asyncio.Task[None] | None = None
        """Runs for as long as the owner of keys is away; nobody waits for keys meanwhile."""
        self._renewing: dict[str, asyncio.Task[None]] = {}
        self._clock = time.monotonic
        keyring.on_drop(self.drop)

    # -- showing -----------------------------------------------------------------------------------------------

    def of(self, id: str) -> OpenWords:
        """What is open of an aggregate."""
        found = self._opened.get(id)
        now = self._clock()
        if found is not None and now < found.until:
            if now >= found.fresh and id not in self._renewing:
                self._renew(found)
            return found
        opened = self._opened[id] = OpenWords(self, id)
        while len(self._opened) > self._most:
            self._close(next(iter(self._opened)))
        return opened

    def must_show(self, state: Worded) -> bool:
        """Have everything open that an aggregate shows; False where some of it is away. Raises Missing."""
        opened = self.of(state.id)
        if opened.complete == state.worded:
            return True
        missing: dict[str, None] = {}
        complete = True
        for by, words in state.written():
            try:
                complete &= opened.read(by, words) is not Lack.AWAY
            except Missing as these:
                missing |= dict.fromkeys(these.names)
        if missing:
            raise Missing(tuple(missing))
        opened.complete = state.worded if complete else -1
        return complete

    def open(self, opened: OpenWords, by: str, words: Sealed) -> Text:
        """Open words that are not open yet. Raises Missing."""
        name = self.lock_of(by, opened.id)
        lock = self._lock(name)
        if lock is None:
            return Lack.AWAY
        try:
            text = _text(lock, words)
        except Expired:
            raise Missing((name,)) from None
        self._keep(opened, lock, words, text)
        return text

    def _keep(self, opened: OpenWords, lock: Lock, words: Sealed, text: Text) -> None:
        opened.texts[words] = lock.name, text
        if lock.until is not None and lock.until < opened.until:
            self._hold(opened, lock.until)

    def _hold(self, opened: OpenWords, until: float) -> None:
        """Keep what is open until then."""
        now = self._clock()
        opened.until, opened.fresh = until, now + (until - now) / 2
        if opened.timer is not None:
            opened.timer.cancel()
        opened.timer = asyncio.get_running_loop().call_later(max(0.0, until - now), self._over, opened)

    def _over(self, opened: OpenWords) -> None:
        if self._opened.get(opened.id) is opened:
            self._close(opened.id)

    def _close(self, id: str) -> None:
        opened = self._opened.pop(id)
        if opened.timer is not None:
            opened.timer.cancel()
        opened.texts.clear()
        opened.parts.clear()
        opened.until = 0.0

    def drop(self, erased: ErasureTarget) -> None:
        """Forget what was opened with keys that are destroyed."""
        kind = f"{self._words.kind}:"
        one = next((name.removeprefix(kind) for name in subjects_of(erased.what) if name.startswith(kind)), None)
        if one is None:
            concerned = list(self._opened.values())
        else:
            concerned = [opened] if (opened := self._opened.get(one)) is not None else []
        for opened in concerned:
            gone = [words for words, (lock, _) in opened.texts.items() if touches(erased, lock)]
            for words in gone:
                del opened.texts[words]
            if gone:
                opened.parts.clear()
                opened.complete = -1

    # -- sealing -----------------------------------------------------------------------------------------------

    def seal(self, state: Worded, version: int, actor: str | None, facts: Sequence[Fact]) -> Sequence[Fact]:
        """Facts that `actor` has just caused, as they are stored; the first one follows `version`. What is sealed is
        open.

        Raises Missing. Refuses: unavailable; wrong_state for who was erased.
        """
        for fact in facts:
            if type(fact) in self._words.worded:
                opened = self.of(state.id)
                return [self._sealed(opened, fact, at, actor) for at, fact in enumerate(facts, version + 1)]
        return facts

    def _sealed(self, opened: OpenWords, fact: Fact, version: int, actor: str | None) -> Fact:
        def put(name: str, unit: str, words: Words) -> Words:
            if not words:
                return words
            lock = self._keyring.cached(*subjects_of(name))
            if lock is None:
                raise Missing((name,), writes=True)
            if isinstance(words, Sealed):
                return words
            try:
                sealed = lock.seal(unit, words)
            except Destroyed:
                raise Refusal("wrong_state", "What is kept of them was erased.") from None
            except Expired:
                raise Missing((name,), writes=True) from None
            self._keep(opened, lock, sealed, words)
            return sealed

        return in_place(self._words, opened.id, fact, version, actor, put)

    def lock_of(self, by: str, id: str) -> str:
        """The lock of what a person wrote in an aggregate."""
        return lock_of(self._words, by, id)

    # -- keys --------------------------------------------------------------------------------------------------

    def _lock(self, name: str) -> Lock | None:
        """A lock in memory; None while its owner is away. Raises Missing where it must be asked for."""
        lock = self._keyring.cached(*subjects_of(name))
        if lock is None and self._away is None:
            raise Missing((name,))
        return lock

    async def with_keys(self, call: Callable[[], Awaitable[T]]) -> T:
        """Do something, again and again until all the keys are here that it needs or none can be had.

        Raises what `call` raises. Refuses: unavailable.
        """
        for _ in range(_ATTEMPTS):
            try:
                return await call()
            except Missing as missing:
                if not await self._fetch(missing.names) and missing.writes:
                    break
        raise Refusal("unavailable", "What people write cannot be kept for a moment; try again.", retry=True)

    async def _fetch(self, names: Sequence[str]) -> bool:
        """Whether these keys could be had."""
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                await self._keyring.locks(names)
        except (Unavailable, Refusal, TimeoutError) as error:
            if self._away is None:
                _log.warning("keys cannot be had", extra={"why": str(error)})
                self._away = asyncio.create_task(self._until_back(names))
            return False
        return True

    async def _until_back(self, names: Sequence[str]) -> None:
        try:
            while True:
                await asyncio.sleep(_AGAIN)
                with contextlib.suppress(Unavailable, Refusal):
                    await self._keyring.locks(names)
                    return
        finally:  # whatever ended it: else nobody would ever ask again
            self._away = None

    def _renew(self, opened: OpenWords) -> None:
        task = self._renewing[opened.id] = asyncio.create_task(self._renewed(opened))
        task.add_done_callback(lambda _: self._renewing.pop(opened.id, None))

    async def _renewed(self, opened: OpenWords) -> None:
        names = list({lock for lock, _ in opened.texts.values()})
        if not await self._fetch(names):
            opened.fresh = self._clock() + _AGAIN
            return
        locks = [self._keyring.cached(*subjects_of(name)) for name in names]
        ends = [lock.until for lock in locks if lock is not None and lock.until is not None]
        if ends and len(ends) == len(names) and self._opened.get(opened.id) is opened:
            self._hold(opened, min(ends))

    # -- telling -----------------------------------------------------------------------------------------------

    def told(self, id: str, by: str, words: Words) -> Text | Box:
        """What somebody wrote, for the stream: sealed as it is stored."""
        if isinstance(words, str):
            return Lack.ERASED if words and self.is_gone(by, id) else words
        return box_of(words, self.lock_of(by, id))

    async def close(self) -> None:
        """Forget everything."""
        await end(*self._renewing.values(), *([self._away] if self._away is not None else []))
        for id in list(self._opened):
            self._close(id)


def _text(lock: Lock, words: Sealed) -> Text:
    text = lock.legible(words, words.unit)
    return Lack.ERASED if text is None else text
