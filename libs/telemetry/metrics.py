"""The metrics every service has. Labels are names from the contracts, never ids: a label per Space would never end."""

from __future__ import annotations

from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

_FAST = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

COMMANDS: Final = Counter(
    "rostrum_requests_handled_total", "Commands and queries answered", ["kind", "name", "outcome"]
)
HANDLE_SECONDS: Final = Histogram(
    "rostrum_request_handle_seconds", "From receipt of a command or query to its answer", ["name"], buckets=_FAST
)
ASK_SECONDS: Final = Histogram(
    "rostrum_ask_seconds", "From asking another service to its answer", ["service", "name"], buckets=_FAST
)
PUBLISHED: Final = Counter("rostrum_events_published_total", "Contract events published", ["context"])
CONSUMED: Final = Counter("rostrum_events_consumed_total", "Messages consumed", ["consumer", "outcome"])
CONSUMER_LAG: Final = Gauge("rostrum_consumer_lag", "Messages a durable consumer has still to read", ["consumer"])
DEAD_LETTERS: Final = Counter("rostrum_dead_letters_total", "Messages given up on", ["consumer"])
RELAY_LAG: Final = Gauge("rostrum_relay_lag", "Stored events that are not published yet")
STORE_COMMITS: Final = Counter("rostrum_store_commits_total", "Transactions of the event store", ["outcome"])
STORE_EVENTS: Final = Counter("rostrum_store_events_total", "Stored events committed")


def figures() -> dict[str, float]:
    """This process's own counters and gauges, each by its name and the values of its labels, for whoever sums them up
    over all processes."""
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in REGISTRY.collect()
        if family.name.startswith("rostrum_") and family.type in ("counter", "gauge")
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
