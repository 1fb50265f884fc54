"""The read model: Spaces as cards, who stands on which stage, who follows and blocks whom; and search over it."""

from services.discovery.projection.search import Search
from services.discovery.projection.spaces import Live, Spaces

__all__ = ["Live", "Search", "Spaces"]
