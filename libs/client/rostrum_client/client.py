"""The client: plain functions (`Rostrum`) or coroutines (`AsyncRostrum`)."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

import httpx

from rostrum_client import operations
from rostrum_client.request import AsyncCalls, AsyncToken, Calls, Token

TIMEOUT: Final = 15.0


class Rostrum:
    """One server. `token` is a person's token or an API key, or a function that gives one and is asked each time.

    Methods raise `Problem` where the server refuses, and `Unreachable` where nobody answers; what may go well a little
    later is tried again three times before. Use it as a context manager, or `close` it. Threads may share it.
    """

    def __init__(self, url: str, token: Token = None, *, http: httpx.Client | None = None) -> None:
        self._http = http or httpx.Client(base_url=url, timeout=TIMEOUT)
        calls = Calls(self._http, token)
        self.live = operations.Live(calls)
        self.moderation = operations.Moderation(calls)
        self.operators = operations.Operators(calls)
        self.people = operations.People(calls)
        self.recordings = operations.Recordings(calls)
        self.reminders = operations.Reminders(calls)
        self.server = operations.Server(calls)
        self.spaces = operations.Spaces(calls)
        self.stage = operations.Stage(calls)
        self.tips = operations.Tips(calls)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncRostrum:
    """The same as coroutines; the function that gives a token may be one too."""

    def __init__(self, url: str, token: AsyncToken = None, *, http: httpx.AsyncClient | None = None) -> None:
        self._http = http or httpx.AsyncClient(base_url=url, timeout=TIMEOUT)
        calls = AsyncCalls(self._http, token)
        self.live = operations.AsyncLive(calls)
        self.moderation = operations.AsyncModeration(calls)
        self.operators = operations.AsyncOperators(calls)
        self.people = operations.AsyncPeople(calls)
        self.recordings = operations.AsyncRecordings(calls)
        self.reminders = operations.AsyncReminders(calls)
        self.server = operations.AsyncServer(calls)
        self.spaces = operations.AsyncSpaces(calls)
        self.stage = operations.AsyncStage(calls)
        self.tips = operations.AsyncTips(calls)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
