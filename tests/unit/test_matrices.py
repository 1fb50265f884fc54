"""Every service that takes orders of people has a matrix of them, with an answer for every command."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from contracts import catalogue

TESTS: Final = Path(__file__).parents[1]
NOT_OF_PEOPLE: Final = {"media"}
"""Its commands are the gateway's, sent for whom room has admitted (`AdmitQuery`)."""


def test_every_service_with_commands_has_its_matrix() -> None:
    services = {service for (kind, service, _) in catalogue.request_types() if kind == "command"} - NOT_OF_PEOPLE
    for service in services:
        found = [path for path in TESTS.glob(f"*/{service}/matrix.txt") if path.with_name("test_matrix.py").exists()]
        assert len(found) == 1, f"{service} takes commands; its tests have no table of what they are answered"
