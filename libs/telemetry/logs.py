"""Structured logs through the standard library's logging: `logging.getLogger(__name__).info("text", extra={...})`."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal

from libs.telemetry.traces import ids

_encode = json.JSONEncoder(default=str, ensure_ascii=False).encode
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: at, level, service, logger, message, trace_id, span_id, error, and what `extra` gave."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (current := ids()) is not None:
            line["trace_id"], line["span_id"] = current
        line.update((key, value) for key, value in vars(record).items() if key not in _STANDARD)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return _encode(line)


class HumanFormatter(logging.Formatter):
    """`12:00:01.123 room  WARNING text key=value`, for a terminal."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        extra = "".join(f" {k}={v}" for k, v in vars(record).items() if k not in _STANDARD)
        text = f"{at} {self._service:<13} {record.levelname:<7} {record.getMessage()}{extra}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def configure_logs(service: str, *, level: str = "INFO", form: Literal["auto", "json", "human"] = "auto") -> None:
    """Send all logs of this process to stdout. `level` is a name of `logging`; raises ValueError for another."""
    human = form == "human" or (form == "auto" and sys.stdout.isatty())
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(HumanFormatter(service) if human else JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("httpx", "httpcore", "aiortc", "aioice", "uvicorn.access", "eventsourcing"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
