"""Tests that ask a service wait longer than services wait for one another: whoever is asked may stand still."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from libs.bus import Bus
from tests.support.waiting import LIMIT


def be_patient() -> None:
    """Give what a test asks or publishes, without a time of its own, the limit of all waits."""
    for name in ("ask", "publish_event", "publish_events"):
        setattr(Bus, name, _patient(getattr(Bus, name)))


def _patient(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def patient(*arguments: Any, **named: Any) -> Any:
        if "timeout" not in named and sys._getframe(1).f_globals["__name__"].startswith("tests."):
            named["timeout"] = LIMIT
        return method(*arguments, **named)

    return patient
