"""OpenTelemetry traces across NATS."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, Token
from types import TracebackType
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
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context, 3.2.2."""
_TRACE: Final = slice(0, 36)
"""Of a `traceparent`: the version and the trace's id, with the dashes."""
_propagator = TraceContextTextMapPropagator()
_provider: TracerProvider | None = None
_tracer: trace.Tracer = trace.NoOpTracer()
_only_ids = False
"""Whether spans are recorded by nobody, and only their ids are wanted."""
_ids: Final[ContextVar[str | None]] = ContextVar("ids", default=None)
"""The current span as a `traceparent` where only ids are wanted."""


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
    """A span that nobody records: its ids, for logs and for whoever is called. The SDK takes ten times as long."""

    __slots__ = ("_parent", "_token")

    def __init__(self, parent: Mapping[str, str] | None) -> None:
        self._parent = parent
        self._token: Token[str | None]

    def __enter__(self) -> trace.Span:
        above = _ids.get() if self._parent is None else self._parent.get("traceparent")
        if above is None or _TRACEPARENT.fullmatch(above) is None:
            above = f"00-{random.getrandbits(128):032x}-"
        self._token = _ids.set(f"{above[_TRACE]}{random.randbytes(8).hex()}-00")
        return trace.INVALID_SPAN

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _ids.reset(self._token)


def inject(headers: MutableMapping[str, str]) -> MutableMapping[str, str]:
    """Add the current span's `traceparent` to headers; returns them."""
    if not _only_ids:
        _propagator.inject(headers)
    elif (text := _ids.get()) is not None:
        headers["traceparent"] = text
    return headers


def pass_on(traceparent: str | None, headers: MutableMapping[str, str], name: str) -> None:
    """Add a `traceparent` to the headers of a message that goes on with something kept earlier: that of a span for the
    sending. Where no span is recorded, the one that was kept will do."""
    if _only_ids and traceparent is not None:
        headers["traceparent"] = traceparent
        return
    with span(name, "producer", parent={"traceparent": traceparent} if traceparent else {}):
        inject(headers)


def traceparent() -> str | None:
    """The current span as a `traceparent`, to be kept with a stored event; None outside a span."""
    return _ids.get() if _only_ids else inject({}).get("traceparent")


def ids() -> tuple[str, str] | None:
    """(trace id, span id) of the current span, in 32 and 16 hex digits; None outside a span."""
    text = traceparent()
    if text is None:
        return None
    _, trace_id, span_id, _ = text.split("-")
    return trace_id, span_id


def trace_id() -> str | None:
    """The current trace's id (32 hex digits), to be told to a person who reports an error; None outside a span."""
    current = ids()
    return None if current is None else current[0]
