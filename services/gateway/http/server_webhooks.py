"""Webhooks of a server: where it is told of events, and what was sent to it. A server sees its own alone."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query

from contracts.notifications.v1 import (
    AddWebhook,
    ChangeWebhook,
    Deliveries,
    DeliveriesQuery,
    MessageId,
    PauseWebhook,
    RemoveWebhook,
    ReplayDeliveries,
    Replayed,
    ResumeWebhook,
    RotateWebhookSecret,
    SendTest,
    SentTest,
    Webhook,
    WebhookId,
    Webhooks,
    WebhooksQuery,
    WebhookWithSecret,
)
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import GatewayDep, json_only
from services.gateway.http.server_caller import PATIENCE, WebhooksServer, refusals

router = APIRouter(tags=["server"], dependencies=[Depends(json_only)])

_ONE: Final = "/v1/server/webhooks/{webhook_id}"
_Id = Annotated[WebhookId, Path(examples=["01jd3v9f4rs7t2v6w8x0y1z2w3"])]


@body_of(AddWebhook, "url", "events")
class NewWebhook(Body):
    """An address, and the types of events it wants (`room.started`, `room.*`); without any, all that the key's rights
    open."""


@body_of(ChangeWebhook, "url", "events")
class ChangedWebhook(Body):
    """Another address, or other events; what is left out stays."""


@body_of(RotateWebhookSecret, "keep_seconds")
class Rotation(Body):
    """For how long the secret before signs too."""


@body_of(ReplayDeliveries, "message_id", "since", "failed")
class Replay(Body):
    """One event, or those since a time, or of those the ones alone that were given up."""


@router.get("/v1/server/webhooks", operation_id="serverWebhooks", responses=refusals())
async def webhooks(server: WebhooksServer, gateway: GatewayDep) -> Webhooks:
    """The webhooks that this API key added."""
    return await gateway.ask(WebhooksQuery(operator=True, key_id=server.key_id))


@router.post(
    "/v1/server/webhooks", status_code=201, operation_id="serverAddWebhook", responses=refusals("wrong_state"),
)  # fmt: skip
async def add(body: NewWebhook, server: WebhooksServer, gateway: GatewayDep) -> WebhookWithSecret:
    """Have an address told of events from now on. The secret that signs them is shown once."""
    head = server.head()
    order = AddWebhook.model_validate(
        {**head.fields, "webhook_id": head.new("webhook"), "key_id": server.key_id, "rights": server.rights}
        | dict(body)
    )
    return await gateway.ask(order)


@router.patch(_ONE, operation_id="serverChangeWebhook", responses=refusals("webhook_unknown"))
async def change(webhook_id: _Id, body: ChangedWebhook, server: WebhooksServer, gateway: GatewayDep) -> Webhook:
    """Choose another address or other events."""
    return await gateway.ask(ChangeWebhook(**server.fields, webhook_id=webhook_id, key_id=server.key_id, **dict(body)))


@router.delete(_ONE, operation_id="serverRemoveWebhook", responses=refusals("webhook_unknown"))
async def remove(webhook_id: _Id, server: WebhooksServer, gateway: GatewayDep) -> Webhook:
    """Forget a webhook, with its secrets and everything that waits for it."""
    return await gateway.ask(RemoveWebhook(**server.fields, webhook_id=webhook_id, key_id=server.key_id))


@router.post(f"{_ONE}/rotate", operation_id="serverRotateWebhookSecret", responses=refusals("webhook_unknown"))
async def rotate(
    webhook_id: _Id, server: WebhooksServer, gateway: GatewayDep, body: Rotation | None = None
) -> WebhookWithSecret:
    """Make another secret, which is shown once. The one before signs too for a day, or as long as you say."""
    chosen = {} if body is None else dict(body)
    return await gateway.ask(
        RotateWebhookSecret(**server.fields, webhook_id=webhook_id, key_id=server.key_id, **chosen)
    )


@router.post(f"{_ONE}/pause", operation_id="serverPauseWebhook", responses=refusals("webhook_unknown"))
async def pause(webhook_id: _Id, server: WebhooksServer, gateway: GatewayDep) -> Webhook:
    """Send nothing for now; what happens waits."""
    return await gateway.ask(PauseWebhook(**server.fields, webhook_id=webhook_id, key_id=server.key_id))


@router.post(f"{_ONE}/resume", operation_id="serverResumeWebhook", responses=refusals("webhook_unknown", "wrong_state"))
async def resume(webhook_id: _Id, server: WebhooksServer, gateway: GatewayDep) -> Webhook:
    """Send again, beginning with what waits; at once, also where it fails."""
    return await gateway.ask(ResumeWebhook(**server.fields, webhook_id=webhook_id, key_id=server.key_id))


@router.post(f"{_ONE}/test", operation_id="serverTestWebhook", responses=refusals("webhook_unknown"))
async def test(webhook_id: _Id, server: WebhooksServer, gateway: GatewayDep) -> SentTest:
    """Send an event of the type `test` at once, and say what became of it."""
    order = SendTest(**server.fields, webhook_id=webhook_id, key_id=server.key_id)
    return (await gateway.bus.ask(order, timeout=PATIENCE)).result


@router.get(f"{_ONE}/deliveries", operation_id="serverDeliveries", responses=refusals("webhook_unknown"))
async def deliveries(
    webhook_id: _Id,
    server: WebhooksServer,
    gateway: GatewayDep,
    before: Annotated[int | None, Query(ge=1, description="`next` of the page before")] = None,
    failed: Annotated[bool, Query(description="Those alone that did not succeed")] = False,
    message_id: Annotated[MessageId | None, Query(description="Those of one event alone")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Deliveries:
    """The attempts of the last days, newest first."""
    query = DeliveriesQuery(
        operator=True, webhook_id=webhook_id, key_id=server.key_id, before=before, failed=failed,
        message_id=message_id, limit=limit,
    )  # fmt: skip
    return await gateway.ask(query)


@router.post(
    f"{_ONE}/replay", operation_id="serverReplayDeliveries",
    responses=refusals("webhook_unknown", "not_found", "wrong_state"),
)  # fmt: skip
async def replay(webhook_id: _Id, body: Replay, server: WebhooksServer, gateway: GatewayDep) -> Replayed:
    """Send events again that are kept, with the ids they had."""
    return await gateway.ask(
        ReplayDeliveries(**server.fields, webhook_id=webhook_id, key_id=server.key_id, **dict(body))
    )
