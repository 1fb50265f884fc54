"""Ids that a repeated command makes again, and how many commands one person may send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ids import is_id, made_at
from libs.rate_limit import RateLimit
from libs.refusal import Refusal
from services.gateway.http.caller import derived_id


@given(st.text(), st.text())
def test_a_derived_id_is_an_id_of_a_plausible_time(actor: str, key: str) -> None:
    made = derived_id("space", actor, key)
    assert made == derived_id("space", actor, key)
    assert is_id(made)
    assert 2004 <= made_at(made).year <= 2040


def test_derived_ids_do_not_run_together() -> None:
    assert derived_id("a", "bc") != derived_id("ab", "c")


def test_a_bucket_fills_again() -> None:
    now = 0.0
    pace = RateLimit(2, 3, lambda: now)
    for _ in range(3):
        pace.take("ada")
    with pytest.raises(Refusal, match="too_many_requests"):
        pace.take("ada")
    pace.take("eve")
    now = 0.6
    pace.take("ada")
    with pytest.raises(Refusal):
        pace.take("ada")
