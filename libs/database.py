"""Where an event store is: a file, or a schema of a PostgreSQL database."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Database:
    """A schema in a PostgreSQL database; its text leaves the password out."""

    url: str = field(repr=False)
    """`postgresql://user:password@host:port/database`, with any parameters that libpq knows."""
    schema: str

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        who, at, where = parts.netloc.rpartition("@")
        return f"{parts.scheme}://{who.partition(':')[0]}{at}{where}{parts.path} (schema {self.schema})"


Place: TypeAlias = Path | Database
