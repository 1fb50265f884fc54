"""Load, call, save."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from libs.commands import Executor, of_kind
from libs.eventstore import Done, Fact, Order, Store
from libs.refusal import Refusal
from services.tipping.app.tip_sealer import TipSealer
from services.tipping.domain.jar import PREFIX as JAR
from services.tipping.domain.jar import Jar
from services.tipping.domain.tip import PREFIX as TIP
from services.tipping.domain.tip import Offer, Offered, Tip, TipState, Whereabouts
from services.tipping.projection import Stages, TipsBySpace

_MOST_TIPS: Final = 500


def new(id: str) -> Jar | Tip:
    """The empty state of an aggregate: one store holds the jars (`jar-<person>`) and the tips (`tip-<tip>`)."""
    return Jar(id) if id.startswith(JAR) else Tip(id)


def stored_jar(person_id: str) -> str:
    """The id under which a person's jar is stored."""
    return JAR + person_id


def stored_tip(tip_id: str) -> str:
    """The id under which a tip is stored."""
    return TIP + tip_id


def owner_of(aggregate_id: str) -> str:
    """The person, or the tip, an aggregate's id stands for."""
    return aggregate_id.removeprefix(JAR).removeprefix(TIP)


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
    note: str
    offered_at: datetime
    state: TipState
    link: str
    version: int


class Tipping:
    """Everybody's jars and tips."""

    def __init__(
        self,
        store: Store[Jar | Tip],
        executor: Executor[Jar | Tip],
        stages: Stages,
        tips: TipsBySpace,
        sealer: TipSealer,
        *,
        news_within: float = 1.0,
    ) -> None:
        self._store = store
        self._executor = executor
        self._stages = stages
        self._tips = tips
        self._sealer = sealer
        self._news_within = news_within

    async def jar(self, person_id: str, *, asker: str | None) -> JarView:
        """A person's jar as `asker` may see it: the names of a closed one are its owner's only."""
        view = of_kind(Jar, self.jar_view)
        jar = await self._sealer.with_keys(lambda: self._store.read(stored_jar(person_id), view))
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
        """Offer a tip. Refuses as `Tip.offer` does, person_unknown, and unavailable while it is not known who is on
        stage."""
        await self._stages.must_be_complete()
        jar = await self._store.load(stored_jar(recipient))
        assert isinstance(jar, Jar)

        def known() -> bool:
            return self._stages.whereabouts(space, recipient) is Whereabouts.ON_STAGE and self._stages.knows(payer)

        # Somebody may have come on stage, or signed up, a moment ago; the news of it is on its way.
        await self._stages.until(known, self._news_within)

        def decide(tip: Tip) -> Iterable[Fact]:
            if not self._stages.knows(payer):
                raise Refusal("person_unknown", "We do not know you yet; try again in a moment.", retry=True)
            if self._stages.is_erased(recipient):
                raise Refusal("tip_jar_closed", "This person takes no tips.")
            offer = Offer(space, payer, recipient, provider, amount_minor, currency, note)
            names = self._sealer.names(recipient, jar)
            return tip.offer(offer, jar, self._stages.whereabouts(space, recipient), names)

        view = of_kind(Tip, self.tip_view)
        return await self._executor.execute(order, stored_tip(tip_id), of_kind(Tip, decide), view)

    async def tips(self, space: str, person_id: str) -> list[TipView]:
        """The tips a person gave or was offered in a Space, oldest first, everything committed included."""
        await self._tips.catch_up(self._store)
        view = of_kind(Tip, self.tip_view)
        return [
            await self._sealer.with_keys(partial(self._store.read, id, view))
            for id in self._tips.of(space, person_id, _MOST_TIPS)
        ]

    async def tips_of(self, person_id: str) -> list[str]:
        """Aggregate ids of all tips a person gave or was offered, everything committed included, oldest first."""
        await self._tips.catch_up(self._store)
        return self._tips.of_person(person_id)

    async def tip(self, id: str) -> TipView:
        """One tip, by its aggregate id."""
        return await self._sealer.with_keys(partial(self._store.read, id, of_kind(Tip, self.tip_view)))

    def jar_view(self, jar: Jar) -> JarView:
        """A jar as its owner sees it."""
        return JarView(jar.enabled, self._sealer.names(jar.owner, jar), jar.version)

    def fill(self, jar: Jar, names: Mapping[str, str], *, enabled: bool, acknowledged: bool) -> Iterable[Fact]:
        """Say where one is paid; see `Jar.fill`."""
        if self._stages.is_erased(jar.owner):
            raise Refusal("person_unknown", "This account was deleted.")
        shown = self._sealer.names(jar.owner, jar)
        return jar.fill(names, enabled=enabled, acknowledged=acknowledged, shown=shown)

    def tip_view(self, tip: Tip) -> TipView:
        """A tip that was offered, as the two people see it."""
        assert tip.offered is not None
        assert tip.offered_at is not None
        name, note = self._sealer.name(tip.owner, tip.offered), self._sealer.note(tip.owner, tip.offered)
        return TipView(tip.owner, tip.offered, note, tip.offered_at, tip.state, tip.link(name, note), tip.version)
