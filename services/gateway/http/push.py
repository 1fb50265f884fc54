"""Web push: the browsers in which one is told what is due, and who is live."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path

from contracts.notifications.v1 import (
    Subscribe,
    Subscription,
    SubscriptionId,
    Subscriptions,
    SubscriptionsQuery,
    Unsubscribe,
)
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, PersonDep, SuspendedHeadDep, ViewerDep, json_only
from services.gateway.http.problems import OF_A_COMMAND, OF_A_PEOPLE_COMMAND, responses

router = APIRouter(tags=["reminders"], dependencies=[Depends(json_only)])

_MINE: Final = "/v1/me/push"
_Id = Annotated[SubscriptionId, Path(examples=["0vq2c6t1m9k4r8p3s5d7f1h2j4"])]


@body_of(Subscribe, "address", "p256dh", "auth", "reminders", "live")
class NewBrowser(Body):
    """What `PushManager.subscribe` gave (its `endpoint` is the address), and of what one wants to be told."""


@router.get(_MINE, operation_id="getPush", responses=responses("unauthenticated"))
async def mine(person_id: PersonDep, gateway: GatewayDep) -> Subscriptions:
    """The browsers in which one is told, and the `applicationServerKey` with which another one subscribes."""
    return await gateway.ask(SubscriptionsQuery(actor=person_id))


@router.put(_MINE, operation_id="subscribePush", responses=responses(*OF_A_PEOPLE_COMMAND))
async def subscribe(body: NewBrowser, head: HeadDep, viewer: ViewerDep, gateway: GatewayDep) -> Subscription:
    """Be told in this browser, until one signs out there; again changes of what. Who used it before is told there no
    more. Beyond 10 browsers, the one that was added first is told no more."""
    order = Subscribe(**head.fields, sign_in=viewer.sign_in or viewer.token_id, **dict(body))
    return await gateway.ask(order)


@router.delete(_MINE, status_code=204, operation_id="unsubscribeAllPush",
               responses=responses(*OF_A_COMMAND, standing=False))  # fmt: skip
async def unsubscribe_all(head: SuspendedHeadDep, gateway: GatewayDep) -> None:
    """Be told in no browser any more."""
    await gateway.ask(Unsubscribe(**head.fields))


@router.delete(f"{_MINE}/{{subscription_id}}", status_code=204, operation_id="unsubscribePush",
               responses=responses(*OF_A_COMMAND, standing=False))  # fmt: skip
async def unsubscribe(subscription_id: _Id, head: SuspendedHeadDep, gateway: GatewayDep) -> None:
    """Be told no longer in one browser; fine also where one was not."""
    await gateway.ask(Unsubscribe(**head.fields, subscription_id=subscription_id))
