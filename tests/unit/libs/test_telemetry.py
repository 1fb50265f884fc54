"""Logs are JSON with the trace they belong to; a trace goes on from the headers it came in."""

import json
import logging
import sys

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from libs.telemetry import configure_traces, flush_traces, inject, span, trace_id, traceparent
from libs.telemetry.logs import HumanFormatter, JsonFormatter

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _record(**extra: object) -> logging.LogRecord:
    record = logging.makeLogRecord({"name": "a.b", "levelname": "INFO", "msg": "hello %s", "args": ("you",)})
    vars(record).update(extra)
    return record


def test_a_log_line_carries_service_trace_and_what_was_added() -> None:
    configure_traces("room")
    with span("x", "server", parent={"traceparent": PARENT}):
        line = json.loads(JsonFormatter("room").format(_record(space="s1")))
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert (line["service"], line["message"], line["space"]) == ("room", "hello you", "s1")


def test_an_error_is_logged_with_its_traceback() -> None:
    try:
        raise ValueError("bad")
    except ValueError:
        record = _record(exc_info=sys.exc_info())
    assert "ValueError: bad" in json.loads(JsonFormatter("room").format(record))["error"]
    assert "ValueError: bad" in HumanFormatter("room").format(record)


def test_a_trace_goes_on_from_headers_and_into_headers() -> None:
    configure_traces("room")
    with span("x", "server", parent={"traceparent": PARENT}):
        assert trace_id() == PARENT.split("-")[1]
        headers = inject({})
        assert headers["traceparent"].split("-")[1] == PARENT.split("-")[1]
        assert headers["traceparent"] == traceparent()
    assert traceparent() is None


@pytest.mark.parametrize("text", ["nonsense", PARENT.replace("0af7", "0AF7"), f"00-{'0' * 32}-b7ad6b7169203331-01"])
def test_a_malformed_traceparent_starts_a_trace_of_its_own(text: str) -> None:
    configure_traces("room")
    with span("x", "server", parent={"traceparent": text}):
        own = trace_id()
        assert own is not None
        assert own not in text
        with span("y"):
            assert trace_id() == own
            assert traceparent() not in (None, text)


def test_where_spans_are_exported_each_one_is_with_its_parent() -> None:
    exporter = InMemorySpanExporter()
    configure_traces("room", exporter=exporter)
    try:
        with span("command", "server", parent={"traceparent": PARENT, "tracestate": "a=1"}), span("inside"):
            assert inject({})["tracestate"] == "a=1"
            assert traceparent() == inject({})["traceparent"]
    finally:
        flush_traces()
        configure_traces("room")
    inside, command = exporter.get_finished_spans()
    assert [inside.name, command.name] == ["inside", "command"]
    assert command.parent is not None
    assert inside.parent is not None
    assert format(command.parent.span_id, "016x") == PARENT.split("-")[2]
    assert inside.parent.span_id == command.context.span_id
    assert format(inside.context.trace_id, "032x") == PARENT.split("-")[1]
