"""An issuer's keys as they change, without asking it more often than it likes."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from prometheus_client import Counter

from libs.identity.compact import Compact
from libs.identity.errors import IdentityError, TokenRefused
from libs.identity.key_set import KeySet, PublicKey, read_keys

_log = logging.getLogger(__name__)
FETCHES: Final = Counter("rostrum_identity_key_fetches_total", "Fetches of an issuer's keys", ["why", "outcome"])
_EVERY: Final = 60.0
_SOONEST: Final = 10.0
"""Seconds between two refreshes, however short an issuer lets its answer be kept."""
_RETRY: Final = 5.0
"""Seconds until it is asked again that has never answered."""
UNKNOWN_EVERY: Final = 30.0
"""Seconds between two fetches for the same unknown key, and between any two that unknown keys cause in a flood."""
_APART: Final = 1.0
"""Seconds between any two of them otherwise: long enough to notice a flood."""
_FLOOD: Final = 10
"""More unknown keys than this, within `UNKNOWN_EVERY`, are a flood. Nobody rotates to so many."""
_UNKNOWN: Final = 10_000
"""Ids, and tokens without one, that no key had or had signed when it was looked for."""
_FORMER: Final = 100
_UNKNOWN_KEY: Final = "The token is signed with a key that its issuer does not have; sign in again."
_WAITING: Final = 1_000
"""Requests that wait for a fetch at once; more are told to come back."""


class KeysAway(Exception):
    """A token cannot be checked for `seconds`; it may be valid."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the issuer's keys cannot be asked for within {seconds:.0f} s")
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an issuer answered."""

    body: bytes | None
    """None where it is as it was (304)."""
    tag: str | None = None
    max_age: float | None = None


@dataclass(frozen=True, slots=True)
class _InVain:
    """When a key was looked for that there was not, and for which token."""

    at: float
    token_id: str


_Sought = tuple[bool, str]
"""What is looked for: a key by its id, or whoever signed the token with this id."""
Fetch = Callable[[str | None], Awaitable[Fetched]]
"""Gets the keys, given the tag of those there are. Raises IdentityError, OSError, TimeoutError."""


class FetchedKeys:
    """The keys that an issuer publishes. `run` is a task for life.

    They are refreshed in the background. While the issuer is away, or answers nonsense, those there were are kept. A
    token with an unknown key causes a fetch: at most one in 30 s for each key, and one in 30 s for all of them when
    there are many. So one made-up key id does not keep a new key from its first use, and a flood of them causes no
    flood of fetches.
    """

    def __init__(self, fetch: Fetch, clock: Callable[[], float]) -> None:
        """`clock` tells seconds and never goes back."""
        self._fetch = fetch
        self._clock = clock
        self._keys = KeySet()
        self._tag: str | None = None
        self._next = _EVERY
        self._fetching: asyncio.Task[float | None] | None = None
        """Ends with when the fetch began; None where there was none after all."""
        self._waiting = 0
        self._asked_at: float | None = None
        """When an unknown key made us ask last."""
        self._looked_at: float | None = None
        """When the last fetch began that brought an answer."""
        self._sought: OrderedDict[_Sought, float] = OrderedDict()
        """The newest unknown keys, as many as make a flood, and since when each is looked for."""
        self._unknown: OrderedDict[_Sought, _InVain] = OrderedDict()
        """What no key fits."""
        self._former: OrderedDict[str, None] = OrderedDict()
        """Ids of keys that the issuer had and withdrew."""
        self._trouble: str | None = "they were not fetched yet"

    def lack(self) -> str | None:
        """For readiness: None once there are keys."""
        return None if len(self._keys) else f"the issuer's keys are missing: {self._trouble}"

    def has(self, thumbprint: str) -> bool:
        """Whether a key is still the issuer's."""
        return thumbprint in self._keys.thumbprints

    def fitting(self, token: Compact) -> list[PublicKey]:
        """The keys there are that may have signed a token. Raises TokenRefused."""
        return self._keys.fitting(token)

    async def signer(self, token: Compact) -> PublicKey:
        """The key that signed a token. Raises TokenRefused, and KeysAway where it cannot be told."""
        if (key := self.known_signer(token)) is None:
            key = await self._look_for(token)
        if key is None:
            self._remember(token)
            raise TokenRefused(_UNKNOWN_KEY)
        return key

    def known_signer(self, token: Compact) -> PublicKey | None:
        """The same among the keys there are; None where a key may be missing. Raises TokenRefused."""
        fitting = self._keys.fitting(token)
        for key in fitting:
            if key.verifies(token):
                return key
        if fitting and token.key_id is not None and fitting[0].id == token.key_id:
            raise TokenRefused("The token is not signed by its issuer.")
        return None

    async def _look_for(self, token: Compact) -> PublicKey | None:
        """Look for a key in what the issuer answers from now on. Raises TokenRefused, KeysAway."""
        wanted, sought = self._clock(), self._sought_of(token)
        before = self._unknown.get(sought)
        if before is not None and wanted - before.at < UNKNOWN_EVERY:
            if token.id == before.token_id or token.key_id in self._former:
                raise TokenRefused(_UNKNOWN_KEY)
            # Somebody may have made the key's id up before there was a key.
            raise KeysAway(UNKNOWN_EVERY - (wanted - before.at))
        self._seek(sought, wanted)
        while True:
            began = await self._wait_for(self._fetching or self._begin_for_unknown())
            if (key := self.known_signer(token)) is not None:
                self._sought.pop(sought, None)
                return key
            if began is not None and began >= wanted:
                if self._looked_at != began:
                    raise KeysAway(UNKNOWN_EVERY)
                return None
            # That fetch had begun before: the issuer may have answered before it had the key.

    def _seek(self, sought: _Sought, now: float) -> None:
        if now - self._sought.get(sought, -math.inf) >= UNKNOWN_EVERY:
            self._sought[sought] = now
            self._sought.move_to_end(sought)
        while len(self._sought) > _FLOOD + 1:
            self._sought.popitem(last=False)

    def _is_flood(self) -> bool:
        """Whether more unknown keys are looked for than an issuer may have new ones."""
        return len(self._sought) > _FLOOD and self._clock() - next(iter(self._sought.values())) < UNKNOWN_EVERY

    def _begin_for_unknown(self) -> asyncio.Task[float | None]:
        """A fetch, now or in a moment. Raises KeysAway where there is none for longer."""
        since = math.inf if self._asked_at is None else self._clock() - self._asked_at
        if since < UNKNOWN_EVERY and self._is_flood():
            # It may be a new key, so the token is not refused for good.
            raise KeysAway(UNKNOWN_EVERY - since)
        return self._begin("unknown key", max(0.0, _APART - since))

    def _begin(self, why: str, wait: float = 0.0) -> asyncio.Task[float | None]:
        self._fetching = asyncio.create_task(self._round(why, wait), name="keys of the issuer")
        return self._fetching

    async def _wait_for(self, fetching: asyncio.Task[float | None]) -> float | None:
        if self._waiting >= _WAITING:
            raise KeysAway(_RETRY)
        self._waiting += 1
        try:
            return await asyncio.shield(fetching)
        finally:
            self._waiting -= 1

    def _sought_of(self, token: Compact) -> _Sought:
        """What is looked for: a key id; where no id tells keys apart, whoever signed this one token."""
        named = token.key_id is not None and self._keys.has_ids
        return (True, token.key_id or "") if named else (False, token.id)

    def _remember(self, token: Compact) -> None:
        sought = self._sought_of(token)
        self._unknown[sought] = _InVain(self._clock(), token.id)
        self._unknown.move_to_end(sought)
        while len(self._unknown) > _UNKNOWN:
            self._unknown.popitem(last=False)

    async def run(self) -> None:
        """Refresh the keys, for ever."""
        try:
            while True:
                while await asyncio.shield(self._fetching or self._begin("time")) is None:
                    pass
                await asyncio.sleep(self._next if len(self._keys) else _RETRY)
        finally:
            if self._fetching is not None:
                self._fetching.cancel()

    async def _round(self, why: str, wait: float) -> float | None:
        """A fetch after `wait` seconds, unless they showed a flood; when it began."""
        try:
            if wait:
                await asyncio.sleep(wait)
                if self._is_flood():
                    return None
            began = self._clock()
            if why == "unknown key":
                self._asked_at = began
            await self._refresh(why, began)
            return began
        finally:
            self._fetching = None

    async def _refresh(self, why: str, began: float) -> None:
        try:
            fetched = await self._fetch(self._tag)
            keys = self._keys if fetched.body is None else read_keys(fetched.body)
        except (IdentityError, OSError, TimeoutError) as error:
            FETCHES.labels(why, "failed").inc()
            if self._trouble != str(error):
                _log.warning("the issuer's keys cannot be had", extra={"why": str(error), "kept": len(self._keys)})
            self._trouble = str(error) or type(error).__name__
            return
        FETCHES.labels(why, "same" if fetched.body is None else "answered").inc()
        self._trouble = None
        self._looked_at = began
        self._next = _EVERY if fetched.max_age is None else min(max(fetched.max_age, _SOONEST), _EVERY)
        if fetched.body is not None:
            if keys.thumbprints != self._keys.thumbprints:
                _log.info("the issuer has %d keys", len(keys))
            self._tag = fetched.tag
            self._take(keys)

    def _take(self, keys: KeySet) -> None:
        now = {key.id for key in keys}
        for key in self._keys:
            if key.id is not None and key.id not in now:
                self._former[key.id] = None
        while len(self._former) > _FORMER:
            self._former.popitem(last=False)
        self._keys = keys
        for id in now:
            self._unknown.pop((True, id or ""), None)
