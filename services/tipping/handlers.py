"""Tipping's commands and queries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from contracts.commands import Accepted, Command
from contracts.tipping import v1
from libs.bus import Handlers
from libs.eventstore import Order, digest_of
from libs.refusal import Refusal
from services.tipping.app import JarView, Tipping, TipView


def handlers(tipping: Tipping, now: Callable[[], datetime]) -> Handlers:
    """What tipping answers."""
    table = Handlers("tipping")

    def order(command: Command[Any], *what: object) -> Order:
        return Order(id=command.command_id, actor=command.actor, at=now(), digest=digest_of(command.name, *what))

    @table.on(v1.FillJar)
    async def fill_jar(command: v1.FillJar) -> Accepted[v1.TipJar]:
        person = _actor(command.actor)
        names = {provider.value: name for provider, name in command.names.items()}
        what = order(command, command.enabled, sorted(names.items()), command.public_names_acknowledged)
        done = await tipping.fill_jar(
            what, person, names, enabled=command.enabled, acknowledged=command.public_names_acknowledged
        )
        return Accepted(version=done.version, result=_jar(person, done.view))

    @table.on(v1.OfferTip)
    async def offer_tip(command: v1.OfferTip) -> Accepted[v1.Tip]:
        # The tip's id is the gateway's, and another one each time it is asked: not part of what was ordered.
        what = order(
            command,
            command.space_id,
            command.recipient,
            command.provider.value,
            command.amount_minor,
            command.currency,
            command.note,
        )
        done = await tipping.offer(
            what,
            command.tip_id,
            space=command.space_id,
            payer=_actor(command.actor),
            recipient=command.recipient,
            provider=command.provider.value,
            amount_minor=command.amount_minor,
            currency=command.currency,
            note=command.note,
        )
        return Accepted(version=done.version, result=_tip(done.view))

    @table.on(v1.OpenTip)
    async def open_tip(command: v1.OpenTip) -> Accepted[v1.Tip]:
        done = await tipping.open(order(command, command.tip_id), command.tip_id, _actor(command.actor))
        return Accepted(version=done.version, result=_tip(done.view))

    @table.on(v1.ConfirmTip)
    async def confirm_tip(command: v1.ConfirmTip) -> Accepted[v1.Tip]:
        done = await tipping.confirm(order(command, command.tip_id), command.tip_id, _actor(command.actor))
        return Accepted(version=done.version, result=_tip(done.view))

    @table.on(v1.JarQuery)
    async def jar(query: v1.JarQuery) -> Accepted[v1.TipJar]:
        view = await tipping.jar(query.person_id, asker=query.actor)
        return Accepted(version=view.version, result=_jar(query.person_id, view))

    @table.on(v1.TipsQuery)
    async def tips(query: v1.TipsQuery) -> v1.Tips:
        views = await tipping.tips(query.space_id, _actor(query.actor))
        return v1.Tips(tips=tuple(_tip(view) for view in views))

    return table


def _actor(actor: str | None) -> str:
    if actor is None:
        raise Refusal("unauthenticated", "Sign in first.")
    return actor


def _jar(person_id: str, view: JarView) -> v1.TipJar:
    names = {v1.Provider(provider): name for provider, name in view.names.items()}
    return v1.TipJar(person_id=person_id, enabled=view.enabled, names=names, version=view.version)


def _tip(view: TipView) -> v1.Tip:
    offered = view.offered
    return v1.Tip(
        id=view.id,
        space_id=offered.space,
        payer=offered.payer,
        recipient=offered.recipient,
        provider=v1.Provider(offered.provider),
        amount_minor=offered.amount_minor,
        currency=offered.currency,
        note=offered.note,
        state=v1.TipState(view.state.value),
        link=view.link,
        offered_at=view.offered_at,
        version=view.version,
    )
