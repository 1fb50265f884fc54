"""Operations on reminders. Written from the contracts by `make contracts`; do not edit."""

from __future__ import annotations

from rostrum_client import models as m
from rostrum_client.request import AsyncCalls, Calls, Request, quoted


class Reminders:
    """Asks and waits."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def unsubscribe_all_push(self, *, idempotency_key: str | None = None) -> None:
        """Be told in no browser any more."""
        self._calls.nothing(Request("DELETE", "/v1/me/push", key=idempotency_key))

    def get_push(self) -> m.Subscriptions:
        """The browsers in which one is told, and the `applicationServerKey` with which another one subscribes."""
        return self._calls.answer(Request("GET", "/v1/me/push"), m.Subscriptions)

    def subscribe_push(self, body: m.NewBrowser, *, idempotency_key: str | None = None) -> m.Subscription:
        """Be told in this browser, until one signs out there; again changes of what. Who used it before is told there no
        more. Beyond 10 browsers, the one that was added first is told no more.
        """
        return self._calls.answer(Request("PUT", "/v1/me/push", body=body, key=idempotency_key), m.Subscription)

    def unsubscribe_push(self, subscription_id: str, *, idempotency_key: str | None = None) -> None:
        """Be told no longer in one browser; fine also where one was not."""
        self._calls.nothing(Request("DELETE", f"/v1/me/push/{quoted(subscription_id)}", key=idempotency_key))

    def get_reminders(self) -> m.Reminders:
        """The scheduled Spaces one is reminded of, the next one first."""
        return self._calls.answer(Request("GET", "/v1/me/reminders"), m.Reminders)

    def clear_reminder(self, space_id: str, *, idempotency_key: str | None = None) -> None:
        """Be reminded no longer; fine also where one was not to be."""
        self._calls.nothing(Request("DELETE", f"/v1/spaces/{quoted(space_id)}/reminder", key=idempotency_key))

    def set_reminder(self, space_id: str, *, idempotency_key: str | None = None) -> None:
        """Be reminded of a scheduled Space that one may see; again is fine."""
        self._calls.nothing(Request("PUT", f"/v1/spaces/{quoted(space_id)}/reminder", key=idempotency_key))


class AsyncReminders:
    """The same as coroutines."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def unsubscribe_all_push(self, *, idempotency_key: str | None = None) -> None:
        """Be told in no browser any more."""
        await self._calls.nothing(Request("DELETE", "/v1/me/push", key=idempotency_key))

    async def get_push(self) -> m.Subscriptions:
        """The browsers in which one is told, and the `applicationServerKey` with which another one subscribes."""
        return await self._calls.answer(Request("GET", "/v1/me/push"), m.Subscriptions)

    async def subscribe_push(self, body: m.NewBrowser, *, idempotency_key: str | None = None) -> m.Subscription:
        """Be told in this browser, until one signs out there; again changes of what. Who used it before is told there no
        more. Beyond 10 browsers, the one that was added first is told no more.
        """
        return await self._calls.answer(Request("PUT", "/v1/me/push", body=body, key=idempotency_key), m.Subscription)

    async def unsubscribe_push(self, subscription_id: str, *, idempotency_key: str | None = None) -> None:
        """Be told no longer in one browser; fine also where one was not."""
        await self._calls.nothing(Request("DELETE", f"/v1/me/push/{quoted(subscription_id)}", key=idempotency_key))

    async def get_reminders(self) -> m.Reminders:
        """The scheduled Spaces one is reminded of, the next one first."""
        return await self._calls.answer(Request("GET", "/v1/me/reminders"), m.Reminders)

    async def clear_reminder(self, space_id: str, *, idempotency_key: str | None = None) -> None:
        """Be reminded no longer; fine also where one was not to be."""
        await self._calls.nothing(Request("DELETE", f"/v1/spaces/{quoted(space_id)}/reminder", key=idempotency_key))

    async def set_reminder(self, space_id: str, *, idempotency_key: str | None = None) -> None:
        """Be reminded of a scheduled Space that one may see; again is fine."""
        await self._calls.nothing(Request("PUT", f"/v1/spaces/{quoted(space_id)}/reminder", key=idempotency_key))
