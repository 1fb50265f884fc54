"""Operations on tips. Written from the contracts by `make contracts`; do not edit."""

from __future__ import annotations

from rostrum_client import models as m
from rostrum_client.request import AsyncCalls, Calls, Request, quoted


class Tips:
    """Asks and waits."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get_tips(self, space_id: str) -> m.Tips:
        """The tips of a Space that one gave or was offered."""
        return self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/tips"), m.Tips)

    def offer_tip(self, space_id: str, body: m.NewTip, *, idempotency_key: str | None = None) -> m.Tip:
        """Tip the host or a speaker."""
        return self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/tips", body=body, key=idempotency_key), m.Tip
        )

    def get_tip_providers(self) -> m.Providers:
        """Where tips can be paid."""
        return self._calls.answer(Request("GET", "/v1/tip-providers"), m.Providers)

    def confirm_tip(self, tip_id: str, *, idempotency_key: str | None = None) -> m.Tip:
        """The recipient says that it arrived."""
        return self._calls.answer(Request("POST", f"/v1/tips/{quoted(tip_id)}/confirmed", key=idempotency_key), m.Tip)

    def open_tip(self, tip_id: str, *, idempotency_key: str | None = None) -> m.Tip:
        """The payer followed the link."""
        return self._calls.answer(Request("POST", f"/v1/tips/{quoted(tip_id)}/opened", key=idempotency_key), m.Tip)


class AsyncTips:
    """The same as coroutines."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def get_tips(self, space_id: str) -> m.Tips:
        """The tips of a Space that one gave or was offered."""
        return await self._calls.answer(Request("GET", f"/v1/spaces/{quoted(space_id)}/tips"), m.Tips)

    async def offer_tip(self, space_id: str, body: m.NewTip, *, idempotency_key: str | None = None) -> m.Tip:
        """Tip the host or a speaker."""
        return await self._calls.answer(
            Request("POST", f"/v1/spaces/{quoted(space_id)}/tips", body=body, key=idempotency_key), m.Tip
        )

    async def get_tip_providers(self) -> m.Providers:
        """Where tips can be paid."""
        return await self._calls.answer(Request("GET", "/v1/tip-providers"), m.Providers)

    async def confirm_tip(self, tip_id: str, *, idempotency_key: str | None = None) -> m.Tip:
        """The recipient says that it arrived."""
        return await self._calls.answer(
            Request("POST", f"/v1/tips/{quoted(tip_id)}/confirmed", key=idempotency_key), m.Tip
        )

    async def open_tip(self, tip_id: str, *, idempotency_key: str | None = None) -> m.Tip:
        """The payer followed the link."""
        return await self._calls.answer(
            Request("POST", f"/v1/tips/{quoted(tip_id)}/opened", key=idempotency_key), m.Tip
        )
