"""Where notifications keeps what it owes: files, and a PostgreSQL of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgres import PostgresServer, running_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["files", "postgresql"])
def store(request: pytest.FixtureRequest) -> str:
    """Both, one after the other."""
    if request.param == "files":
        return ""
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()
