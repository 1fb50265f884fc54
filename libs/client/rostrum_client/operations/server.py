"""Operations on server. Written from the contracts by `make contracts`; do not edit."""

from __future__ import annotations

from rostrum_client import models as m
from rostrum_client.request import AsyncCalls, Calls, Request, quoted
from rostrum_client.streams import AsyncEventStream, EventStream


class Server:
    """Asks and waits."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def events(
        self, *, types: str | None = None, space: str | None = None, last_event_id: str | None = None
    ) -> EventStream:
        """Everything that happens in all Spaces, as their hosts are told it.

        A stream that is resumed has all that was missed, as fast as it is read. After `reset` something may be missing. It
        ends when the key is revoked, or no longer good after it was rotated.
        """
        return self._calls.follow(
            Request("GET", "/v1/server/events", query={"types": types, "space": space}), last_event_id
        )

    def put_people(self, body: m.ManyPeople, *, idempotency_key: str | None = None) -> m.MirroredPeople:
        """Say who many people are. Each is told of in its place; again is fine."""
        return self._calls.answer(
            Request("POST", "/v1/server/people", body=body, key=idempotency_key), m.MirroredPeople
        )

    def erase_person(self, subject: str, *, idempotency_key: str | None = None) -> m.Erasure:
        """Erase somebody for ever, as if they had deleted their account. Told of again, they are somebody new."""
        return self._calls.answer(
            Request("DELETE", "/v1/server/person", query={"subject": subject}, key=idempotency_key), m.Erasure
        )

    def get_person(self, subject: str) -> m.Person:
        """Somebody as they are here."""
        return self._calls.answer(Request("GET", "/v1/server/person", query={"subject": subject}), m.Person)

    def put_person(self, subject: str, body: m.ToldOfOne, *, idempotency_key: str | None = None) -> m.Person:
        """Say who somebody is; whoever is new is registered. Again is fine."""
        return self._calls.answer(
            Request("PUT", "/v1/server/person", query={"subject": subject}, body=body, key=idempotency_key), m.Person
        )

    def reinstate(self, subject: str, body: m.Because | None = None, *, idempotency_key: str | None = None) -> None:
        """End somebody's suspension."""
        self._calls.nothing(
            Request("POST", "/v1/server/person/reinstate", query={"subject": subject}, body=body, key=idempotency_key)
        )

    def sign_out(self, subject: str, *, idempotency_key: str | None = None) -> None:
        """Take back all tokens of somebody: they leave every Space, and what they opened ends."""
        self._calls.nothing(
            Request("POST", "/v1/server/person/sign-out", query={"subject": subject}, key=idempotency_key)
        )

    def create_space(self, subject: str, body: m.NewSpace, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Create a Space with somebody as its host, who may host as by themself."""
        return self._calls.answer(
            Request("POST", "/v1/server/person/spaces", query={"subject": subject}, body=body, key=idempotency_key),
            m.SpaceView,
        )

    def suspend(self, subject: str, body: m.Suspension, *, idempotency_key: str | None = None) -> None:
        """Refuse somebody everywhere, at once."""
        self._calls.nothing(
            Request("POST", "/v1/server/person/suspend", query={"subject": subject}, body=body, key=idempotency_key)
        )

    def make_token(
        self, subject: str, body: m.WantedToken | None = None, *, idempotency_key: str | None = None
    ) -> m.ClientToken:
        """Make a short-lived token with which a client acts as somebody."""
        return self._calls.answer(
            Request("POST", "/v1/server/person/tokens", query={"subject": subject}, body=body, key=idempotency_key),
            m.ClientToken,
        )

    def change_relations(self, body: bytes | str, *, idempotency_key: str | None = None) -> m.LinesTaken:
        """Change who follows and blocks whom: a JSON object in each line, 2 MiB at most, applied in order.

        A line that was applied before changes nothing. So send a body again if it was not answered: an import of millions
        continues with the first such body. It is fastest if the lines of one person follow each other.
        """
        return self._calls.answer(
            Request(
                "POST", "/v1/server/relations", content=body, media_type="application/x-ndjson", key=idempotency_key
            ),
            m.LinesTaken,
        )

    def webhooks(self) -> m.Webhooks:
        """The webhooks that this API key added."""
        return self._calls.answer(Request("GET", "/v1/server/webhooks"), m.Webhooks)

    def add_webhook(self, body: m.NewWebhook, *, idempotency_key: str | None = None) -> m.WebhookWithSecret:
        """Have an address told of events from now on. The secret that signs them is shown once."""
        return self._calls.answer(
            Request("POST", "/v1/server/webhooks", body=body, key=idempotency_key), m.WebhookWithSecret
        )

    def remove_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> m.Webhook:
        """Forget a webhook, with its secrets and everything that waits for it."""
        return self._calls.answer(
            Request("DELETE", f"/v1/server/webhooks/{quoted(webhook_id)}", key=idempotency_key), m.Webhook
        )

    def change_webhook(
        self, webhook_id: str, body: m.ChangedWebhook, *, idempotency_key: str | None = None
    ) -> m.Webhook:
        """Choose another address or other events."""
        return self._calls.answer(
            Request("PATCH", f"/v1/server/webhooks/{quoted(webhook_id)}", body=body, key=idempotency_key), m.Webhook
        )

    def deliveries(
        self,
        webhook_id: str,
        *,
        before: int | None = None,
        failed: bool = False,
        message_id: str | None = None,
        limit: int = 100,
    ) -> m.Deliveries:
        """The attempts of the last days, newest first."""
        return self._calls.answer(
            Request(
                "GET",
                f"/v1/server/webhooks/{quoted(webhook_id)}/deliveries",
                query={"before": before, "failed": failed, "message_id": message_id, "limit": limit},
            ),
            m.Deliveries,
        )

    def pause_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> m.Webhook:
        """Send nothing for now; what happens waits."""
        return self._calls.answer(
            Request("POST", f"/v1/server/webhooks/{quoted(webhook_id)}/pause", key=idempotency_key), m.Webhook
        )

    def replay_deliveries(self, webhook_id: str, body: m.Replay, *, idempotency_key: str | None = None) -> m.Replayed:
        """Send events again that are kept, with the ids they had."""
        return self._calls.answer(
            Request("POST", f"/v1/server/webhooks/{quoted(webhook_id)}/replay", body=body, key=idempotency_key),
            m.Replayed,
        )

    def resume_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> m.Webhook:
        """Send again, beginning with what waits; at once, also where it fails."""
        return self._calls.answer(
            Request("POST", f"/v1/server/webhooks/{quoted(webhook_id)}/resume", key=idempotency_key), m.Webhook
        )

    def rotate_webhook_secret(
        self, webhook_id: str, body: m.Rotation | None = None, *, idempotency_key: str | None = None
    ) -> m.WebhookWithSecret:
        """Make another secret, which is shown once. The one before signs too for a day, or as long as you say."""
        return self._calls.answer(
            Request("POST", f"/v1/server/webhooks/{quoted(webhook_id)}/rotate", body=body, key=idempotency_key),
            m.WebhookWithSecret,
        )

    def test_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> m.SentTest:
        """Send an event of the type `test` at once, and say what became of it."""
        return self._calls.answer(
            Request("POST", f"/v1/server/webhooks/{quoted(webhook_id)}/test", key=idempotency_key), m.SentTest
        )


class AsyncServer:
    """The same as coroutines."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    def events(
        self, *, types: str | None = None, space: str | None = None, last_event_id: str | None = None
    ) -> AsyncEventStream:
        """Everything that happens in all Spaces, as their hosts are told it.

        A stream that is resumed has all that was missed, as fast as it is read. After `reset` something may be missing. It
        ends when the key is revoked, or no longer good after it was rotated.
        """
        return self._calls.follow(
            Request("GET", "/v1/server/events", query={"types": types, "space": space}), last_event_id
        )

    async def put_people(self, body: m.ManyPeople, *, idempotency_key: str | None = None) -> m.MirroredPeople:
        """Say who many people are. Each is told of in its place; again is fine."""
        return await self._calls.answer(
            Request("POST", "/v1/server/people", body=body, key=idempotency_key), m.MirroredPeople
        )

    async def erase_person(self, subject: str, *, idempotency_key: str | None = None) -> m.Erasure:
        """Erase somebody for ever, as if they had deleted their account. Told of again, they are somebody new."""
        return await self._calls.answer(
            Request("DELETE", "/v1/server/person", query={"subject": subject}, key=idempotency_key), m.Erasure
        )

    async def get_person(self, subject: str) -> m.Person:
        """Somebody as they are here."""
        return await self._calls.answer(Request("GET", "/v1/server/person", query={"subject": subject}), m.Person)

    async def put_person(self, subject: str, body: m.ToldOfOne, *, idempotency_key: str | None = None) -> m.Person:
        """Say who somebody is; whoever is new is registered. Again is fine."""
        return await self._calls.answer(
            Request("PUT", "/v1/server/person", query={"subject": subject}, body=body, key=idempotency_key), m.Person
        )

    async def reinstate(
        self, subject: str, body: m.Because | None = None, *, idempotency_key: str | None = None
    ) -> None:
        """End somebody's suspension."""
        await self._calls.nothing(
            Request("POST", "/v1/server/person/reinstate", query={"subject": subject}, body=body, key=idempotency_key)
        )

    async def sign_out(self, subject: str, *, idempotency_key: str | None = None) -> None:
        """Take back all tokens of somebody: they leave every Space, and what they opened ends."""
        await self._calls.nothing(
            Request("POST", "/v1/server/person/sign-out", query={"subject": subject}, key=idempotency_key)
        )

    async def create_space(self, subject: str, body: m.NewSpace, *, idempotency_key: str | None = None) -> m.SpaceView:
        """Create a Space with somebody as its host, who may host as by themself."""
        return await self._calls.answer(
            Request("POST", "/v1/server/person/spaces", query={"subject": subject}, body=body, key=idempotency_key),
            m.SpaceView,
        )

    async def suspend(self, subject: str, body: m.Suspension, *, idempotency_key: str | None = None) -> None:
        """Refuse somebody everywhere, at once."""
        await self._calls.nothing(
            Request("POST", "/v1/server/person/suspend", query={"subject": subject}, body=body, key=idempotency_key)
        )

    async def make_token(
        self, subject: str, body: m.WantedToken | None = None, *, idempotency_key: str | None = None
    ) -> m.ClientToken:
        """Make a short-lived token with which a client acts as somebody."""
        return await self._calls.answer(
            Request("POST", "/v1/server/person/tokens", query={"subject": subject}, body=body, key=idempotency_key),
            m.ClientToken,
        )

    async def change_relations(self, body: bytes | str, *, idempotency_key: str | None = None) -> m.LinesTaken:
        """Change who follows and blocks whom: a JSON object in each line, 2 MiB at most, applied in order.

        A line that was applied before changes nothing. So send a body again if it was not answered: an import of millions
        continues with the first such body. It is fastest if the lines of one person follow each other.
        """
        return await self._calls.answer(
            Request(
                "POST", "/v1/server/relations", content=body, media_type="application/x-ndjson", key=idempotency_key
            ),
            m.LinesTaken,
        )

    async def webhooks(self) -> m.Webhooks:
        """The webhooks that this API key added."""
        return await self._calls.answer(Request("GET", "/v1/server/webhooks"), m.Webhooks)

    async def add_webhook(self, body: m.NewWebhook, *, idempotency_key: str | None = None) -> m.WebhookWithSecret:
        """Have an address told of events from now on. The secret that signs them is shown once."""
        return await self._calls.answer(
            Request("POST", "/v1/server/webhooks", body=body, key=idempotency_key), m.WebhookWithSecret
        )

    async def remove_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> m.Webhook:
        """Forget a webhook, with its secrets and everything that waits for it."""
        return await self._calls.answer(
            Request("DELETE", f"/v1/server/webhooks/{quoted(webhook_id)}", key=idempotency_key), m.Webhook
        )

    async def change_webhook(
        self, webhook_id: str, body: m.ChangedWebhook, *, idempotency_key: str | None = None
    ) -> m.Webhook:
        """Choose another address or other events."""
        return await self._calls.answer(
            Request("PATCH", f"/v1/server/webhooks/{quoted(webhook_id)}", body=body, key=idempotency_key), m.Webhook
        )

    async def deliveries(
        self,
        webhook_id: str,
        *,
        before: int | None = None,
        failed: bool = False,
        message_id: str | None = None,
        limit: int = 100,
    ) -> m.Deliveries:
        """The attempts of the last days, newest first."""
        return await self._calls.answer(
            Request(
                "GET",
                f"/v1/server/webhooks/{quoted(webhook_id)}/deliveries",
                query={"before": before, "failed": failed, "message_id": message_id, "limit": limit},
            ),
            m.Deliveries,
        )

    async def pause_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> m.Webhook:
        """Send nothing for now; what happens waits."""
        return await self._calls.answer(
            Request("POST", f"/v1/server/webhooks/{quoted(webhook_id)}/pause", key=idempotency_key), m.Webhook
        )

    async def replay_deliveries(
        self, webhook_id: str, body: m.Replay, *, idempotency_key: str | None = None
    ) -> m.Replayed:
        """Send events again that are kept, with the ids they had."""
        return await self._calls.answer(
            Request("POST", f"/v1/server/webhooks/{quoted(webhook_id)}/replay", body=body, key=idempotency_key),
            m.Replayed,
        )

    async def resume_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> m.Webhook:
        """Send again, beginning with what waits; at once, also where it fails."""
        return await self._calls.answer(
            Request("POST", f"/v1/server/webhooks/{quoted(webhook_id)}/resume", key=idempotency_key), m.Webhook
        )

    async def rotate_webhook_secret(
        self, webhook_id: str, body: m.Rotation | None = None, *, idempotency_key: str | None = None
    ) -> m.WebhookWithSecret:
        """Make another secret, which is shown once. The one before signs too for a day, or as long as you say."""
        return await self._calls.answer(
            Request("POST", f"/v1/server/webhooks/{quoted(webhook_id)}/rotate", body=body, key=idempotency_key),
            m.WebhookWithSecret,
        )

    async def test_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> m.SentTest:
        """Send an event of the type `test` at once, and say what became of it."""
        return await self._calls.answer(
            Request("POST", f"/v1/server/webhooks/{quoted(webhook_id)}/test", key=idempotency_key), m.SentTest
        )
