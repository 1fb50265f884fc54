"""Load, call, save."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from libs.eventstore import Done, Fact, Order, Store
from libs.refusal import Refusal
from services.tipping.domain import Jar, Offer, Offered, Standing, State, Tip
from services.tipping.projection import Stages, TipsBySpace

_JAR: Final = "jar-"
_TIP: Final = "tip-"
_MOST_TIPS: Final = 500
A = TypeVar("A")


def new(id: str) -> Jar | Tip:
    """The empty state of an aggregate: one store holds the jars (`jar-<person>`) and the tips (`tip-<tip>`)."""
    return Jar(id) if id.startswith(_JAR) else Tip(id)


def owner_of(aggregate_id: str) -> str:
    """The person, or the tip, an aggregate's id stands for."""
    return aggregate_id.removeprefix(_JAR).removeprefix(_TIP)


@dataclass(frozen=True, slots=True)
class JarView:
    """A jar as its owner sees it."""

    enabled: bool
    names: dict[str, str]
    version: int


@dataclass(frozen=True, slots=True)
class TipView:
    """A tip as the two people see it."""

    id: str
    offered: Offered
    offered_at: datetime
    state: State
    link: str
    version: int


class Tipping:
    """Everybody's jars and tips."""

    def __init__(self, store: Store[Jar | Tip], stages: Stages, tips: TipsBySpace, *, news_within: float = 1.0) -> None:
        self._store = store
        self._stages = stages
        self._tips = tips
        self._news_within = news_within

    async def fill_jar(
        self, order: Order, person_id: str, names: Mapping[str, str], *, enabled: bool, acknowledged: bool
    ) -> Done[JarView]:
        """Replace a person's jar. Refuses as `Jar.fill` does."""
        return await self._store.execute(
            _JAR + person_id,
            order,
            _on(Jar, lambda jar: jar.fill(names, enabled=enabled, acknowledged=acknowledged)),
            _on(Jar, _jar_view),
        )

    async def jar(self, person_id: str, *, asker: str | None) -> JarView:
        """A person's jar as `asker` may see it: the names of a closed one are its owner's only."""
        jar = await self._store.read(_JAR + person_id, _on(Jar, _jar_view))
        return jar if jar.enabled or asker == person_id else JarView(enabled=False, names={}, version=jar.version)

    async def offer(
        self,
        order: Order,
        tip_id: str,
        *,
        space: str,
        payer: str,
        recipient: str,
        provider: str,
        amount_minor: int | None,
        currency: str | None,
        note: str,
    ) -> Done[TipView]:
        """Offer a tip. Refuses as `Tip.offer` does, and person_unknown."""
        jar = await self._store.load(_JAR + recipient)
        assert isinstance(jar, Jar)

        def known() -> bool:
            return (
                self._stages.standing(space, recipient) is Standing.ON_STAGE and self._stages.person(payer) is not None
            )

        # Somebody may have come on stage, or signed up, a moment ago; the news of it is on its way.
        await self._stages.until(known, self._news_within)

        def decide(tip: Tip) -> Iterable[Fact]:
            who = self._stages.person(payer)
            if who is None:
                raise Refusal("person_unknown", "We do not know you yet; try again in a moment.", retry=True)
            offer = Offer(space, who, recipient, provider, amount_minor, currency, note)
            return tip.offer(offer, jar, self._stages.standing(space, recipient))

        return await self._store.execute(_TIP + tip_id, order, _on(Tip, decide), _on(Tip, _tip_view))

    async def open(self, order: Order, tip_id: str, by: str) -> Done[TipView]:
        """The payer followed the link. Refuses as `Tip.open` does."""
        return await self._store.execute(_TIP + tip_id, order, _on(Tip, lambda tip: tip.open(by)), _on(Tip, _tip_view))

    async def confirm(self, order: Order, tip_id: str, by: str) -> Done[TipView]:
        """The recipient says it arrived. Refuses as `Tip.confirm` does."""
        return await self._store.execute(
            _TIP + tip_id, order, _on(Tip, lambda tip: tip.confirm(by)), _on(Tip, _tip_view)
        )

    async def tips(self, space: str, person_id: str) -> list[TipView]:
        """The tips a person gave or was offered in a Space, oldest first, everything committed included."""
        await self._tips.catch_up(self._store)
        return [await self._store.read(id, _on(Tip, _tip_view)) for id in self._tips.of(space, person_id, _MOST_TIPS)]


T = TypeVar("T", Jar, Tip)


def _on(kind: type[T], call: Callable[[T], A]) -> Callable[[Jar | Tip], A]:
    """A function of one kind of aggregate as a function of the store's."""

    def checked(state: Jar | Tip) -> A:
        assert isinstance(state, kind)
        return call(state)

    return checked


def _jar_view(jar: Jar) -> JarView:
    return JarView(jar.enabled, dict(jar.names), jar.version)


def _tip_view(tip: Tip) -> TipView:
    assert tip.offered is not None
    assert tip.offered_at is not None
    return TipView(owner_of(tip.id), tip.offered, tip.offered_at, tip.state, tip.link, tip.version)
