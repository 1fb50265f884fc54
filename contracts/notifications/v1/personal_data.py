"""What notifications holds of a person."""

from __future__ import annotations

from contracts import personal_data
from contracts.commands import register

__all__ = ["HeldQuery"]


@register
class HeldQuery(personal_data.HeldQuery):
    """The browsers in which somebody is told. See `contracts.personal_data`."""

    service = "notifications"
