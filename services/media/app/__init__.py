"""Connections, and whose audio flows: what room decided, carried out at the edge."""

from services.media.app.half_open import HalfOpen
from services.media.app.media import Media
from services.media.app.quality import Quality
from services.media.app.session import Session

__all__ = ["HalfOpen", "Media", "Quality", "Session"]
