"""Operations on reminders. Written from the contracts by `make contracts`; do not edit."""

from __future__ import annotations

from rostrum_client import models as m
from rostrum_client.request import AsyncCalls, Calls, Request, quoted


class Reminders:
    """Asks and waits."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

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

    async def get_reminders(self) -> m.Reminders:
        """The scheduled Spaces one is reminded of, the next one first."""
        return await self._calls.answer(Request("GET", "/v1/me/reminders"), m.Reminders)

    async def clear_reminder(self, space_id: str, *, idempotency_key: str | None = None) -> None:
        """Be reminded no longer; fine also where one was not to be."""
        await self._calls.nothing(Request("DELETE", f"/v1/spaces/{quoted(space_id)}/reminder", key=idempotency_key))

    async def set_reminder(self, space_id: str, *, idempotency_key: str | None = None) -> None:
        """Be reminded of a scheduled Space that one may see; again is fine."""
        await self._calls.nothing(Request("PUT", f"/v1/spaces/{quoted(space_id)}/reminder", key=idempotency_key))
