"""OpenTelemetry traces across NATS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Final, Literal

from opentelemetry import trace
from opentelemetry.context import Context
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
_propagator = TraceContextTextMapPropagator()
_provider: TracerProvider | None = None
_tracer: trace.Tracer = trace.NoOpTracer()


def configure_traces(service: str, *, otlp_endpoint: str | None = None, exporter: SpanExporter | None = None) -> None:
    """Make spans in this process.

    They are exported to `otlp_endpoint` (OTLP over HTTP, e.g. `http://127.0.0.1:4318`) or to `exporter` where one is
    given; without either nothing is recorded and no network is touched, but ids are still made and passed on.
    """
    global _provider, _tracer
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
    _provider, _tracer = provider, provider.get_tracer("rostrum")


def flush_traces() -> None:
    """Export what is left; called once at the end of a process."""
    if _provider is not None:
        _provider.shutdown()


@contextmanager
def span(
    name: str,
    kind: Kind = "internal",
    *,
    parent: Mapping[str, str] | None = None,
    attributes: Mapping[str, str | int | float | bool] | None = None,
) -> Iterator[trace.Span]:
    """Run a block in a span. `parent` are headers that may carry a `traceparent`; without it the current span is."""
    context = None if parent is None else context_from(parent)
    with _tracer.start_as_current_span(
        name, context=context, kind=_KINDS[kind], attributes=dict(attributes) if attributes else None
    ) as current:
        yield current


def context_from(headers: Mapping[str, str]) -> Context:
    """The trace context in headers; an empty one where there is none or it is malformed."""
    return _propagator.extract(dict(headers), context=Context())


def inject(headers: MutableMapping[str, str]) -> MutableMapping[str, str]:
    """Add the current span's `traceparent` to headers; returns them."""
    _propagator.inject(headers)
    return headers


def traceparent() -> str | None:
    """The current span as a `traceparent`, to be kept with a stored event; None outside a span."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    # By hand: the propagator takes three times as long, and every stored event has one (W3C Trace Context, 3.2.2).
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def trace_id() -> str | None:
    """The current trace's id (32 hex digits), to be told to a person who reports an error; None outside a span."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else None
