"""Questions on the engagement of a Space, one in each file.

A file's docstring defines what is asked. `SQL` asks it, `Row` is a row of the result, and `answer` makes the part of
the contract's answer from the rows. `space_figures` puts the parts together.
"""

from __future__ import annotations

from typing import Final

from services.analytics.projection import TABLE

OF_SPACE: Final = f"FROM {TABLE} FINAL WHERE space_id = {{space:String}}"
"""Parts that are not merged yet may hold a row twice, so every question says FINAL."""
