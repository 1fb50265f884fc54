"""Parameters of paths and queries that several subjects have."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from contracts.envelope import PersonId, SpaceId
from contracts.people.v1 import Cursor

SpacePath = Annotated[SpaceId, Path(description="Id of a Space")]
PersonPath = Annotated[PersonId, Path(description="Id of a person")]

CursorQuery = Annotated[Cursor | None, Query(description="`next_cursor` of the page before")]
LimitQuery = Annotated[int, Query(ge=1, le=100)]
