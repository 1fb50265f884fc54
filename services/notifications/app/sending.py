"""One message to one webhook: made, signed and sent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from contracts import servers
from libs.bus import Unavailable
from libs.ids import new_id
from libs.refusal import Refusal
from services.notifications.adapters.due import Due
from services.notifications.adapters.posting import Posters
from services.notifications.adapters.signing import signed
from services.notifications.app.addresses import Addresses
from services.notifications.app.delivering import Sent, Wants
from services.notifications.app.payloads import Payloads, encoded
from services.notifications.domain.webhooks import Webhook

_log = logging.getLogger(__name__)
_TEST: Final = "test"
_AWAY: Final = (Unavailable, Refusal)


def wants(webhook: Webhook) -> Wants:
    """Which types of events a webhook is told of: those that it wants and its rights open."""
    types = servers.types_for(webhook.rights)
    chosen = {type for type in types if servers.wants(webhook.events, type)}
    return chosen.__contains__


class Sending:
    """Makes, signs and sends messages."""

    def __init__(
        self, addresses: Addresses, payloads: Payloads, posters: Posters, *, now: Callable[[], datetime]
    ) -> None:
        self._addresses = addresses
        self._payloads = payloads
        self._posters = posters
        self._now = now
        self._trouble: str | None = None

    def trouble(self) -> str | None:
        """For readiness: why what is due is not even tried."""
        return self._trouble

    async def send(self, webhook: Webhook, due: Due) -> Sent:
        """An event that is due."""
        try:
            body = await self._payloads.make(due.event)
            if body is None:
                return Sent("left_out")
            sent = await self._post(webhook, due.event.id, body)
        except _AWAY as error:
            self._trouble = f"events wait for keys or names: {error}"
            return Sent("later")
        except Exception:  # noqa: BLE001  (a bug of ours about this event alone: it is logged, and the others go on)
            _log.exception("event %s cannot be told", due.event.id)
            return Sent("given_up", error="it cannot be told: see the log of notifications")
        self._trouble = None
        return sent

    async def test(self, webhook: Webhook) -> tuple[str, Sent]:
        """A message that tells nothing, and its id. Refuses: unavailable."""
        id = f"test_{new_id()}"
        told = {"webhook_id": webhook.id}
        try:
            return id, await self._post(webhook, id, encoded(_TEST, self._now(), told, {}))
        except Unavailable as error:
            raise Refusal("unavailable", "Keys cannot be had for a moment; try again.", retry=True) from error

    async def _post(self, webhook: Webhook, id: str, body: bytes) -> Sent:
        url, secrets = await self._addresses.url(webhook), await self._addresses.secrets(webhook)
        if not url or not secrets:
            return Sent("failed", error="its keys are destroyed")
        headers = signed(secrets, id, int(self._now().timestamp()), body)
        headers["content-type"] = "application/json"
        posted = await self._posters.of(webhook.id).post(url, headers, body)
        outcome = "failed" if posted.error else "delivered"
        return Sent(outcome, posted.status, posted.error, posted.milliseconds, posted.retry_after)
