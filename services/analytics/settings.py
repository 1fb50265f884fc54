"""Analytics' settings."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from libs.service import ServiceSettings


class Settings(ServiceSettings):
    """`ROSTRUM_ANALYTICS_...` in the environment."""

    service: ClassVar[str] = "analytics"

    clickhouse: str | None = None
    """Where the tables are: `http://user:password@host:8123/database`, or `chdb:///folder`. By default the embedded
    engine on a folder in `var`; a folder belongs to one process."""
    retention_days: Annotated[int, Field(ge=1, le=20_000)] = 730
    """How long a row is kept; the most, 54 years, is for ever as far as ClickHouse's DateTime (until 2106) can say."""
    forget_after: Annotated[float, Field(ge=0, le=300)] = 60.0
    """Seconds after a Space was forgotten, or a person erased, when people are taken out of rows: then everybody who
    left was told of."""
    old_parts_seconds: Annotated[int, Field(ge=1, le=480)] = 60
    """Seconds for which files stay that hold rows as they were before they were merged or deleted."""
    insert_every: Annotated[float, Field(ge=0, le=60)] = 1.0
    """Seconds between two inserts while nobody asks; ClickHouse likes few and large ones."""
    insert_rows: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """Events of one insert at most."""
    fresh_within: Annotated[float, Field(ge=0, le=60)] = 2.0
    """Seconds a question waits at most for what is in the stream but not in the tables."""

    @property
    def dsn(self) -> str:
        """What clickhouse-connect opens."""
        return self.clickhouse or f"chdb://{(self.var / 'analytics').resolve()}"
