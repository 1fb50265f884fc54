"""Logs, traces and metrics of one process.

Logs are JSON lines on stdout (a short human form on a terminal) that carry service, trace_id and span_id. Traces are
OpenTelemetry's with W3C `traceparent` in NATS headers (https://www.w3.org/TR/trace-context/); they are exported only
when an endpoint is set, otherwise spans cost next to nothing and still give logs their ids. Metrics are
prometheus_client's default registry, shown by the health port.
"""

from libs.telemetry.logs import configure_logs
from libs.telemetry.metrics import (
    ASK_SECONDS,
    COMMANDS,
    CONSUMED,
    CONSUMER_LAG,
    DEAD_LETTERS,
    HANDLE_SECONDS,
    PUBLISHED,
    RELAY_LAG,
    STORE_COMMITS,
    STORE_EVENTS,
)
from libs.telemetry.traces import (
    configure_traces,
    flush_traces,
    inject,
    pass_on,
    span,
    trace_id,
    traceparent,
)

__all__ = [
    "ASK_SECONDS",
    "COMMANDS",
    "CONSUMED",
    "CONSUMER_LAG",
    "DEAD_LETTERS",
    "HANDLE_SECONDS",
    "PUBLISHED",
    "RELAY_LAG",
    "STORE_COMMITS",
    "STORE_EVENTS",
    "configure_logs",
    "configure_traces",
    "flush_traces",
    "inject",
    "pass_on",
    "span",
    "trace_id",
    "traceparent",
]
