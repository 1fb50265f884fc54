"""Tipping's commands and queries."""

from __future__ import annotations

from typing import Any, Final

from contracts.commands import Accepted, Command, Query
from contracts.tipping import v1
from libs.bus import Handlers
from libs.commands import Executor, Rows
from libs.personal_data import Held
from libs.refusal import Refusal
from services.tipping.app import JarView, Tipping, TipView, stored_jar, stored_tip
from services.tipping.domain.jar import Jar
from services.tipping.domain.providers import PROVIDERS
from services.tipping.domain.tip import Tip

_PROVIDERS: Final = v1.Providers(
    providers=tuple(
        v1.Provider(
            id=there.id,
            label=there.label,
            name_hint=there.name_hint,
            name_example=there.name_example,
            name_pattern=there.name_pattern,
            takes_amount=bool(there.amount),
            currency=there.currency,
        )
        for there in PROVIDERS.values()
    )
)


def ordered(command: Command[Any]) -> tuple[object, ...]:
    """What a command about tips orders; see `libs.commands.executor.Ordered`."""
    match command:
        case v1.FillJar():
            return (command.enabled, sorted(command.names.items()), command.public_names_acknowledged)
        case v1.OfferTip():
            # Not the tip's id: the gateway makes another one each time the command is sent.
            return (
                command.space_id,
                command.recipient,
                command.provider,
                command.amount_minor,
                command.currency,
                command.note,
            )
        case v1.OpenTip() | v1.ConfirmTip():
            return (command.tip_id,)
        case _:
            raise TypeError(f"{command.name} is no command about tips")


def handlers(executor: Executor[Jar | Tip], tipping: Tipping, held: Held) -> Handlers:
    """What tipping answers."""
    table = Handlers("tipping")
    rows = Rows(table, executor)

    rows.on(
        v1.FillJar,
        Jar,
        lambda c: stored_jar(_actor(c)),
        lambda jar, c: tipping.fill(jar, c.names, enabled=c.enabled, acknowledged=c.public_names_acknowledged),
        lambda jar, c: _jar(_actor(c), tipping.jar_view(jar)),
    )

    @table.on(v1.OfferTip)
    async def offer_tip(command: v1.OfferTip) -> Accepted[v1.Tip]:
        done = await tipping.offer(
            executor.order(command),
            command.tip_id,
            space=command.space_id,
            payer=_actor(command),
            recipient=command.recipient,
            provider=command.provider,
            amount_minor=command.amount_minor,
            currency=command.currency,
            note=command.note,
        )
        return Accepted(version=done.version, result=_tip(done.view))

    rows.on(
        v1.OpenTip,
        Tip,
        lambda c: stored_tip(c.tip_id),
        lambda tip, c: tip.open(_actor(c)),
        lambda tip, _: _tip(tipping.tip_view(tip)),
        allowed=_actor,
    )
    rows.on(
        v1.ConfirmTip,
        Tip,
        lambda c: stored_tip(c.tip_id),
        lambda tip, c: tip.confirm(_actor(c)),
        lambda tip, _: _tip(tipping.tip_view(tip)),
        allowed=_actor,
    )

    @table.on(v1.JarQuery)
    async def jar(query: v1.JarQuery) -> Accepted[v1.TipJar]:
        view = await tipping.jar(query.person_id, asker=query.actor)
        return Accepted(version=view.version, result=_jar(query.person_id, view))

    @table.on(v1.ProvidersQuery)
    async def providers(query: v1.ProvidersQuery) -> v1.Providers:
        return _PROVIDERS

    @table.on(v1.TipsQuery)
    async def tips(query: v1.TipsQuery) -> v1.Tips:
        views = await tipping.tips(query.space_id, _actor(query))
        return v1.Tips(tips=tuple(_tip(view) for view in views))

    table.add(v1.HeldQuery, held.page)

    return table


def _actor(request: Command[Any] | Query[Any]) -> str:
    if request.actor is None:
        raise Refusal("unauthenticated", "Sign in first.")
    return request.actor


def _jar(person_id: str, view: JarView) -> v1.TipJar:
    return v1.TipJar(person_id=person_id, enabled=view.enabled, names=view.names, version=view.version)


def _tip(view: TipView) -> v1.Tip:
    offered = view.offered
    return v1.Tip(
        id=view.id,
        space_id=offered.space,
        payer=offered.payer,
        recipient=offered.recipient,
        provider=offered.provider,
        amount_minor=offered.amount_minor,
        currency=offered.currency,
        note=view.note,
        state=v1.TipState(view.state.value),
        link=view.link,
        offered_at=view.offered_at,
        version=view.version,
    )
