"""Which tokens were revoked, so that no connection outlives the token that it was opened with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from contracts import subjects
from contracts.media.v1 import Token
from contracts.people.v1 import TokensRevoked
from libs.bus import Bus
from libs.bus.anew import StreamPlace, follow_anew
from libs.identity.revoked import Revoked

_FILTERS = (subjects.event(TokensRevoked.context, "*", TokensRevoked.name),)


class RevokedTokens:
    """The revoked tokens as the stream has them from its beginning: they are few. `run` is a task for life."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._tokens = Revoked()
        self._until: dict[str, datetime] = {}
        """Person by person, until when every token that was issued is revoked."""

    def has(self, person_id: str, token: Token) -> bool:
        """Whether a person's token was revoked, as far as is known here."""
        until = self._until.get(person_id)
        return self._tokens.any_of((token.id, token.sign_in)) or (until is not None and token.issued_at <= until)

    async def run(self, on_revoked: Callable[[], None]) -> None:
        """Follow the stream, for ever; `on_revoked` is told that something was revoked."""
        after = 0

        async def begin(reset: str | None) -> StreamPlace:
            # Of a stream that was made anew everything is told again; until then what was known still holds.
            return StreamPlace(await self._bus.stream_epoch(), after if reset is None else 0)

        follow = partial(self._bus.follow, filters=_FILTERS)
        async for batch in follow_anew(self._bus, "the list of revoked tokens", begin, follow):
            for received in batch:
                if isinstance(received.event, TokensRevoked):
                    self._take(received.event)
                    on_revoked()
                after = received.sequence

    def _take(self, event: TokensRevoked) -> None:
        if event.token_id is None:
            self._until[event.person_id] = max(event.at, self._until.get(event.person_id, event.at))
        else:
            self._tokens.add(event.token_id, event.expires_at, datetime.now(UTC))
