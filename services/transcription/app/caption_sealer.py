"""What is said: sealed before it is stored, opened when it is shown or relayed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import msgspec

from libs.keyring import Destroyed, ErasureTarget, Expired, Lock, Sealed, Words
from libs.keyring.client import Fetch
from libs.keyring.holders import touches
from services.transcription.domain.facts import (
    CaptionCorrected,
    Captioned,
    Word,
    lock_of,
    unit_of,
)
from services.transcription.domain.transcript import Correction, Wording

_MOST: Final = 20_000
"""Texts that are kept open: to derive a key takes longer than all else that is done with a caption."""
_words: Final = msgspec.json.Decoder(tuple[Word, ...])
_sealed: Final = msgspec.json.Decoder(Sealed)


class CaptionSealer:
    """Seals and opens what is said in Spaces.

    Whoever reads or seals has fetched the locks before; Expired says that they must be fetched again. `drop` forgets
    what was opened with a key that is destroyed.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._locks: OrderedDict[str, Lock] = OrderedDict()
        self._opened: OrderedDict[str, dict[tuple[str, bytes], str]] = OrderedDict()
        """By lock, by unit and what was opened."""
        self._size = 0

    async def fetch(self, names: Iterable[str]) -> None:
        """Have these locks at hand. Raises Refusal and Unavailable."""
        wanted = frozenset(names)
        if not wanted:
            return
        for name, lock in (await self._fetch(wanted)).items():
            if self._locks.get(name) is not lock:
                self._close(name)
            self._locks[name] = lock
            self._locks.move_to_end(name)
        while len(self._locks) > max(_MOST, len(wanted)):
            self._forget(next(iter(self._locks)))

    def drop(self, erased: ErasureTarget) -> None:
        """Forget the keys of what is destroyed, and what they opened."""
        for name in [name for name in self._locks if touches(erased, name)]:
            self._forget(name)

    # -- sealing -----------------------------------------------------------------------------------------------

    def seal(self, space_id: str, caption: Captioned) -> Captioned | None:
        """A caption with its words sealed; None where who said them, or the Space, was erased. Raises Expired."""
        try:
            return sealed_caption(space_id, caption, self._put)
        except Destroyed:
            return None

    def word(
        self, space_id: str, caption: Captioned, shown: Correction | None, text: str, *, id: str, by: str
    ) -> Wording | None:
        """The host's words for a caption, compared with those there are and sealed; None where they cannot be, since
        somebody was erased. Raises Expired."""
        heard = self.heard(space_id, caption)
        same: Literal["heard", "shown"] | None = None
        if text == heard:
            same = "heard"
        elif shown is not None and text == self.correction(space_id, caption.caption_id, caption.person_id, shown):
            same = "shown"
        unit = unit_of(caption.caption_id, id)
        try:
            words = sealed_wording(space_id, caption.person_id, by, unit, text, self._put)
        except Destroyed:
            return None
        return Wording(id, words, same)

    def _put(self, name: str, unit: str, words: Words) -> Words:
        return self._lock(name).seal(unit, words) if isinstance(words, str) else words

    # -- opening -----------------------------------------------------------------------------------------------

    def heard(self, space_id: str, fact: Captioned) -> str:
        """The words of a caption as they were heard; empty where they were erased. Raises Expired."""
        return self._read(lock_of(space_id, fact.person_id), unit_of(fact.caption_id), fact.text)

    def words(self, space_id: str, fact: Captioned) -> tuple[Word, ...]:
        """The words of a caption one by one; none where they were erased. Raises Expired."""
        if isinstance(fact.words, tuple):
            return fact.words
        text = self._read(lock_of(space_id, fact.person_id), unit_of(fact.caption_id), fact.words)
        return _words.decode(text) if text else ()

    def correction(self, space_id: str, caption_id: str, speaker: str, made: Correction | CaptionCorrected) -> str:
        """The host's words for what `speaker` said; empty where they were erased. Raises Expired."""
        words, unit = made.text, unit_of(caption_id, made.wording)
        if isinstance(words, str):
            return words
        if made.by != speaker:
            inner = self._read(lock_of(space_id, made.by), unit, words)
            if not inner:
                return ""
            words = _sealed.decode(inner)
        return self._read(lock_of(space_id, speaker), unit, words)

    def _read(self, name: str, unit: str, words: Words) -> str:
        if isinstance(words, str):
            return words
        lock = self._lock(name)
        opened = self._opened.setdefault(name, {})
        if (text := opened.get((unit, words.box))) is not None:
            return text
        text = lock.legible(words, unit)
        if text is None:
            return ""
        opened[unit, words.box] = text
        self._size += 1
        self._opened.move_to_end(name)
        while self._size > _MOST and len(self._opened) > 1:
            self._close(next(iter(self._opened)))
        return text

    def _lock(self, name: str) -> Lock:
        lock = self._locks.get(name)
        if lock is None or not lock.holds:
            self._close(name)
            raise Expired(f"the lock {name} must be asked for again")
        return lock

    def _close(self, name: str) -> None:
        self._size -= len(self._opened.pop(name, ()))

    def _forget(self, name: str) -> None:
        self._locks.pop(name, None)
        self._close(name)


Put = Callable[[str, str, Words], Words]
"""Gives what is to stand in the place of words, given lock and unit."""


def sealed_caption(space_id: str, caption: Captioned, put: Put) -> Captioned:
    """A caption as it is stored, given what seals. Raises what that does."""
    if not isinstance(caption.text, str):
        return caption
    name, unit = lock_of(space_id, caption.person_id), unit_of(caption.caption_id)
    text = put(name, unit, caption.text)
    words: Words | tuple[Word, ...] = ()
    if caption.words:
        words = put(name, unit, msgspec.json.encode(caption.words).decode())
    struct: Any = caption  # which type checkers do not see
    sealed: Captioned = msgspec.structs.replace(struct, text=text, words=words, count=len(caption.text.split()))
    return sealed


def sealed_wording(space_id: str, speaker: str, by: str, unit: str, text: Words, put: Put) -> Words:
    """What a host wants a caption to say, as it is stored, given what seals. Raises what that does."""
    words = put(lock_of(space_id, speaker), unit, text)
    if by == speaker:
        return words
    return put(lock_of(space_id, by), unit, msgspec.json.encode(words).decode())
