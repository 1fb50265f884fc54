"""When a stream is said to refuse writes, and what NATS says of it itself."""

import json

import pytest

from infra.launcher import streams
from libs.bus.writable_streams import Writes


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which the test sets."""
    clock = [1000.0]
    monkeypatch.setattr("libs.bus.writable_streams.time.monotonic", lambda: clock[0])
    return clock


def test_a_stream_refuses_after_it_failed_for_a_while_and_until_it_takes_something(now: list[float]) -> None:
    writes = Writes()
    writes.failed("EVENTS", "no answer")
    assert writes.trouble() is None
    now[0] += 1
    writes.failed("EVENTS", "no answer")
    assert writes.trouble() is None, "it may be busy"
    now[0] += 1.5
    writes.failed("EVENTS", "no space left")
    writes.failed("CAPTURE", "no answer")
    assert writes.trouble() == "EVENTS has taken no writes for 2 s (no space left)"
    writes.took("EVENTS")
    assert writes.trouble() is None


def test_a_failure_that_nobody_has_repeated_says_nothing(now: list[float]) -> None:
    writes = Writes()
    for _ in range(4):
        writes.failed("CAPTURE", "no answer")
        now[0] += 1
    assert writes.trouble() is not None
    now[0] += 60
    assert writes.trouble() is None
    writes.failed("CAPTURE", "no answer")
    assert writes.trouble() is None, "it may be another trouble, which has only begun"


def test_a_nats_that_was_started_anew_takes_writes(now: list[float]) -> None:
    writes = Writes()
    for _ in range(4):
        writes.failed("EVENTS", "no answer")
        now[0] += 1
    writes.forget()
    assert writes.trouble() is None


def test_of_the_servers_health_only_failed_writes_count() -> None:
    def health(*errors: dict[str, str]) -> bytes:
        return json.dumps({"server": {}, "data": {"status": "error", "errors": errors}}).encode()

    full = "JetStream stream '$G > EVENTS' write error: write /n/1.blk: no space left on device"
    behind = "JetStream stream '$G > CAPTURE' is not current"
    told = health({"type": "STREAM", "stream": "EVENTS", "error": full}, {"stream": "CAPTURE", "error": behind})
    assert streams.read(told) == {"EVENTS": "no space left on device"}
    assert streams.read(b'{"data":{"status":"ok","status_code":200}}') == {}
