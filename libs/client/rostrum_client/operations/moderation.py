"""Operations on moderation. Written from the contracts by `make contracts`; do not edit."""

from __future__ import annotations

from rostrum_client import models as m
from rostrum_client.request import AsyncCalls, Calls, Request


class Moderation:
    """Asks and waits."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def get_my_appeals(self) -> m.Appeals:
        """One's appeals, newest first."""
        return self._calls.answer(Request("GET", "/v1/me/appeals"), m.Appeals)

    def appeal(self, body: m.NewAppeal, *, idempotency_key: str | None = None) -> m.Appeal:
        """Appeal against one's suspension, once."""
        return self._calls.answer(Request("POST", "/v1/me/appeals", body=body, key=idempotency_key), m.Appeal)

    def report(self, body: m.NewReport, *, idempotency_key: str | None = None) -> m.Report:
        """Report a person or a Space to those who run this place."""
        return self._calls.answer(Request("POST", "/v1/reports", body=body, key=idempotency_key), m.Report)

    def get_report_reasons(self) -> m.Offences:
        """What one may report here."""
        return self._calls.answer(Request("GET", "/v1/reports/reasons"), m.Offences)


class AsyncModeration:
    """The same as coroutines."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls

    async def get_my_appeals(self) -> m.Appeals:
        """One's appeals, newest first."""
        return await self._calls.answer(Request("GET", "/v1/me/appeals"), m.Appeals)

    async def appeal(self, body: m.NewAppeal, *, idempotency_key: str | None = None) -> m.Appeal:
        """Appeal against one's suspension, once."""
        return await self._calls.answer(Request("POST", "/v1/me/appeals", body=body, key=idempotency_key), m.Appeal)

    async def report(self, body: m.NewReport, *, idempotency_key: str | None = None) -> m.Report:
        """Report a person or a Space to those who run this place."""
        return await self._calls.answer(Request("POST", "/v1/reports", body=body, key=idempotency_key), m.Report)

    async def get_report_reasons(self) -> m.Offences:
        """What one may report here."""
        return await self._calls.answer(Request("GET", "/v1/reports/reasons"), m.Offences)
