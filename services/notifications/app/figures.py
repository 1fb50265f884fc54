"""What notifications counts. Labels are few names, never ids."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

ATTEMPTS: Final = Counter("rostrum_webhook_attempts_total", "Attempts to tell a webhook of an event", ["outcome"])
WEBHOOK_OLDEST: Final = Gauge(
    "rostrum_webhook_oldest_waiting_seconds",
    "Since the oldest event that a webhook is still to be told of was taken in",
)
PUSHES: Final = Counter("rostrum_pushes_total", "Messages to browsers that are done with", ["about", "outcome"])
PUSH_OLDEST: Final = Gauge(
    "rostrum_push_oldest_waiting_seconds", "Since what the oldest message tells of that waits for a browser"
)
PUSH_WAITING: Final = Gauge("rostrum_pushes_waiting", "Messages that wait for browsers")
