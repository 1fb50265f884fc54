"""Logs are JSON with the trace they belong to; a trace goes on from the headers it came in."""

import json
import logging
import sys

from libs.telemetry import configure_traces, inject, span, trace_id, traceparent
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


def test_a_malformed_traceparent_starts_a_trace_of_its_own() -> None:
    configure_traces("room")
    with span("x", "server", parent={"traceparent": "nonsense"}):
        assert trace_id() is not None
