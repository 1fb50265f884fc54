"""The browsers in which people are told: kept sealed, each for one person."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import urlsplit

from libs.commands import Executor, of_kind
from libs.eventstore import Claim, Fact, Order, Store
from libs.fetch import NotAllowed
from libs.ids import new_id
from libs.refusal import Refusal
from services.notifications.adapters import web_push
from services.notifications.adapters.web_push import Browser, NoKey
from services.notifications.app.sealing import PUSH_KEY, Sealer, of_person, unit_of_subscription
from services.notifications.domain.entities import PUSH_KEY as STORED_KEY
from services.notifications.domain.entities import Entity, stored_subscriptions
from services.notifications.domain.push import PushKey, Subscription, Subscriptions
from services.notifications.projection.audience import Audience

T = TypeVar("T")
_HELD: Final = "push"
_UNIT: Final = "private/1"
_ATTEMPTS: Final = 4


class Browsers:
    """Everybody's browsers. `check` raises NotAllowed for an address that is never asked; `hosts` are the push services
    that are, each with its subdomains; `*` is any."""

    def __init__(
        self,
        store: Store[Entity],
        executor: Executor[Entity],
        sealer: Sealer,
        audience: Audience,
        check: Callable[[str], None],
        hosts: Sequence[str],
        *,
        person_wait: float,
        now: Callable[[], datetime],
    ) -> None:
        """`person_wait`: seconds to wait for news of somebody who has just signed up."""
        self._store = store
        self._executor = executor
        self._sealer = sealer
        self._audience = audience
        self._check = check
        self._hosts = tuple(host.lower() for host in hosts)
        self._wait = person_wait
        self._now = now

    async def of(self, person: str) -> list[Subscription]:
        """Somebody's browsers, oldest first."""
        look = of_kind(Subscriptions, lambda kept: list(kept.browsers.values()))
        return await self._store.read(stored_subscriptions(person), look)

    async def key(self) -> tuple[str, str]:
        """The public and the private key that sign messages, made when it is first asked for. Refuses: unavailable."""

        def look(key: PushKey) -> PushKey:
            return PushKey(key.id, key.version, key.public, key.private)

        found = await self._store.read(STORED_KEY, of_kind(PushKey, look))
        if not found.public:
            public, private = web_push.new_key()
            words = await self._sealer.seal(PUSH_KEY, _UNIT, private)
            make = of_kind(PushKey, lambda key: key.make(public, words))
            await self._executor.by_itself(STORED_KEY, lambda key, _: make(key))
            found = await self._store.read(STORED_KEY, of_kind(PushKey, look))
        opened = await self._sealer.read(PUSH_KEY, _UNIT, found.private)
        if opened is None:
            raise Refusal("unavailable", "The key that signs messages to browsers is destroyed.")
        return found.public, opened

    async def keys_of(self, person: str, subscription: Subscription) -> Browser | None:
        """Where messages for a browser go; None where it was erased. Refuses: unavailable."""
        unit = unit_of_subscription(subscription.id)
        text = await self._sealer.read(of_person(person), unit, subscription.keys)
        return None if text is None else web_push.browser_of(*json.loads(text))

    # -- changing ----------------------------------------------------------------------------------------------

    async def subscribe(
        self, order: Order, person: str, given: tuple[str, str, str], *, reminders: bool, live: bool, sign_in: str = ""
    ) -> Subscription:
        """Tell somebody in a browser that gave its address and two keys. Whoever used it before is told there no more.

        Refuses: person_unknown, suspended, invalid, unavailable.
        """
        await self._must_be_there(person)
        address = given[0]
        self._must_be_allowed(address)
        try:
            web_push.browser_of(*given)
        except NoKey as error:
            raise Refusal("invalid", f"These are no keys of a browser: {error}.", field="p256dh") from None
        id = subscription_of(address)
        as_it_is = await self._as_it_is(person, id, given)
        if as_it_is is not None and (as_it_is.reminders, as_it_is.live, as_it_is.sign_in) == (reminders, live, sign_in):
            return as_it_is  # a page says so at every visit
        words = await self._sealer.seal(of_person(person), unit_of_subscription(id), json.dumps(given))
        service = urlsplit(address).hostname or ""
        decide = of_kind(
            Subscriptions,
            lambda kept: kept.subscribe(id, service, words, reminders=reminders, live=live, sign_in=sign_in),
        )
        view = of_kind(Subscriptions, lambda kept: kept.browsers[id])
        for _ in range(_ATTEMPTS):
            before = self._store.claimed(_HELD, id)
            if before is not None and before != stored_subscriptions(person):
                await self._remove(before, id, "replaced")
            try:
                claims = [Claim(_HELD, id, stored_subscriptions(person))]
                done = await self._executor.execute(order, stored_subscriptions(person), decide, view, claims=claims)
            except Refusal as refused:
                if refused.reason != "name_taken":
                    raise
                continue
            return done.view
        raise Refusal("unavailable", "Somebody else uses this browser at the same moment; try again.", retry=True)

    async def _as_it_is(self, person: str, id: str, given: tuple[str, str, str]) -> Subscription | None:
        """One of somebody's browsers that has given the same before; None where there is none."""
        found = next((one for one in await self.of(person) if one.id == id), None)
        if found is None:
            return None
        text = await self._sealer.read(of_person(person), unit_of_subscription(id), found.keys)
        return found if text == json.dumps(given) else None

    async def unsubscribe(self, order: Order, person: str, subscription: str | None) -> None:
        """Tell somebody no longer in one browser, or in any."""
        mine = [one.id for one in await self.of(person)]
        gone = mine if subscription is None else [one for one in mine if one == subscription]
        claims = [Claim(_HELD, one, None) for one in gone]
        decide = of_kind(Subscriptions, lambda kept: _each(kept, gone, "asked"))
        await self._executor.execute(order, stored_subscriptions(person), decide, claims=claims)

    async def end(self, person: str, subscription: str, reason: str) -> None:
        """A browser is told no more."""
        await self._remove(stored_subscriptions(person), subscription, reason)

    async def end_all(self, person: str, reason: str) -> None:
        """Nobody is told any more in any browser of somebody."""
        for one in await self.of(person):
            await self.end(person, one.id, reason)

    async def end_signed_in(self, person: str, sign_in: str) -> None:
        """They are told no more where they subscribed with a token, or by a signing in, that was taken back."""
        for one in await self.of(person):
            if one.sign_in == sign_in:
                await self.end(person, one.id, "signed_out")

    async def _remove(self, id: str, subscription: str, reason: str) -> None:
        remove = of_kind(Subscriptions, lambda kept: kept.unsubscribe(subscription, reason))
        order = Order(id=new_id(), actor=None, at=self._now())
        # Also where they have given it up already, and the browser is still theirs by name.
        await self._executor.execute(order, id, remove, claims=[Claim(_HELD, subscription, None)], checked=False)

    # -- who may -----------------------------------------------------------------------------------------------

    async def _must_be_there(self, person: str) -> None:
        await self._audience.must_be_complete()
        await self._audience.until(lambda: self._audience.is_there(person), self._wait)
        if not self._audience.is_there(person):
            raise Refusal("person_unknown", "We do not know you yet; try again in a moment.", retry=True)
        if self._audience.is_refused(person):
            raise Refusal("suspended", "Your account is suspended.")

    def _must_be_allowed(self, address: str) -> None:
        try:
            self._check(address)
            host = (urlsplit(address).hostname or "").lower()
        except (NotAllowed, ValueError):
            raise Refusal("invalid", "A push service has an https address.", field="address") from None
        if "*" not in self._hosts and not any(host == one or host.endswith(f".{one}") for one in self._hosts):
            raise Refusal("invalid", f"The push service {host[:100]} is not one that is used here.", field="address")


def subscription_of(address: str) -> str:
    """The id of a browser. Its address has more random bits than anybody tries out, so this does not tell it."""
    digest = hashlib.sha256(address.encode()).digest()
    return base64.b32hexencode(digest).decode().lower()[:26]


def _each(kept: Subscriptions, gone: Sequence[str], reason: str) -> list[Fact]:
    return [fact for one in gone for fact in kept.unsubscribe(one, reason)]


def endings(browsers: Browsers) -> dict[str, Callable[[str], Awaitable[None]]]:
    """What is done, by what is owed, where browsers are told nothing any more. Doing it again changes nothing."""

    async def signed_out_here(of: str) -> None:
        await browsers.end_signed_in(*of.split(":", 1))

    async def gone(of: str) -> None:
        person, subscription = of.split(":", 1)
        await browsers.end(person, subscription, "gone")

    async def keys_erased(of: str) -> None:
        person, subscription = of.split(":", 1)
        await browsers.end(person, subscription, "erased")

    return {
        "signed_out": lambda person: browsers.end_all(person, "signed_out"),
        "signed_out_here": signed_out_here,
        "erased": lambda person: browsers.end_all(person, "erased"),
        "push_gone": gone,
        "push_erased": keys_erased,
    }
