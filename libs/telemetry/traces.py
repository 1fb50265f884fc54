"""OpenTelemetry traces across NATS."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import Token
from types import TracebackType
from typing import Final, Literal

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Kind = Literal["internal", "server", "client", "producer", "consumer"]

_KINDS: Final[dict[Kind, trace.SpanKind]] = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
    "producer": trace.SpanKind.PRODUCER,
    "consumer": trace.SpanKind.CONSUMER,
}
_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
"""W3C Trace Context, 3.2.2, as everybody writes it; the propagator reads what differs."""
_propagator = TraceContextTextMapPropagator()
_provider: TracerProvider | None = None
_tracer: trace.Tracer = trace.NoOpTracer()
_only_ids = False
"""Whether spans are recorded by nobody, and only their ids are wanted."""


def configure_traces(service: str, *, otlp_endpoint: str | None = None, exporter: SpanExporter | None = None) -> None:
    """Make spans in this process.

    They are exported to `otlp_endpoint` (OTLP over HTTP, e.g. `http://127.0.0.1:4318`) or to `exporter` where one is
    given; without either nothing is recorded and no network is touched, but ids are still made and passed on.
    """
    global _provider, _tracer, _only_ids
    if otlp_endpoint:
        # Imported here: only a process that exports pays for it.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=f"{otlp_endpoint.rstrip('/')}/v1/traces")
    provider = TracerProvider(
        sampler=ALWAYS_ON if exporter else ALWAYS_OFF,
        resource=Resource({"service.name": f"rostrum-{service}"}),
        shutdown_on_exit=False,
    )
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
    _provider, _tracer, _only_ids = provider, provider.get_tracer("rostrum"), exporter is None


def flush_traces() -> None:
    """Export what is left; called once at the end of a process."""
    if _provider is not None:
        _provider.shutdown()


def span(
    name: str,
    kind: Kind = "internal",
    *,
    parent: Mapping[str, str] | None = None,
    attributes: Mapping[str, str | int | float | bool] | None = None,
) -> AbstractContextManager[trace.Span]:
    """Run a block in a span. `parent` are headers that may carry a `traceparent`; without it the current span is."""
    return _Ids(parent) if _only_ids else _recorded(name, kind, parent, attributes)


@contextmanager
def _recorded(
    name: str,
    kind: Kind,
    parent: Mapping[str, str] | None,
    attributes: Mapping[str, str | int | float | bool] | None,
) -> Iterator[trace.Span]:
    context = None if parent is None else _context_from(parent)
    with _tracer.start_as_current_span(
        name, context=context, kind=_KINDS[kind], attributes=dict(attributes) if attributes else None
    ) as current:
        yield current


def _context_from(headers: Mapping[str, str]) -> Context:
    return _propagator.extract(dict(headers), context=Context())


class _Ids:
    """A span that nobody records: its ids, for logs and for whoever is called. The SDK takes four times as long."""

    __slots__ = ("_parent", "_token")

    def __init__(self, parent: Mapping[str, str] | None) -> None:
        self._parent = parent
        self._token: Token[Context]

    def __enter__(self) -> trace.Span:
        above = trace.get_current_span().get_span_context() if self._parent is None else _remote(self._parent)
        current = trace.SpanContext(
            above.trace_id or random.getrandbits(128),
            random.getrandbits(64),
            is_remote=False,
            trace_state=above.trace_state,
        )
        result = trace.NonRecordingSpan(current)
        self._token = attach(trace.set_span_in_context(result))
        return result

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        detach(self._token)


def _remote(headers: Mapping[str, str]) -> trace.SpanContext:
    """The span that headers tell of; an invalid one where there is none or it is malformed."""
    if (text := headers.get("traceparent")) is None:
        return trace.INVALID_SPAN_CONTEXT
    usual = _TRACEPARENT.fullmatch(text)
    if usual is None or "tracestate" in headers:
        return trace.get_current_span(_context_from(headers)).get_span_context()
    trace_id, span_id, flags = (int(part, 16) for part in usual.groups())
    return trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(flags))


def inject(headers: MutableMapping[str, str]) -> MutableMapping[str, str]:
    """Add the current span's `traceparent` to headers; returns them."""
    context = trace.get_current_span().get_span_context()
    if context.trace_state:
        _propagator.inject(headers)
    elif context.is_valid:
        headers["traceparent"] = _written(context)
    return headers


def _written(context: trace.SpanContext) -> str:
    # By hand: the propagator takes three times as long, and every message and stored event has one.
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def traceparent() -> str | None:
    """The current span as a `traceparent`, to be kept with a stored event; None outside a span."""
    context = trace.get_current_span().get_span_context()
    return _written(context) if context.is_valid else None


def trace_id() -> str | None:
    """The current trace's id (32 hex digits), to be told to a person who reports an error; None outside a span."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else None
