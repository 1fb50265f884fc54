"""The read model: Spaces as cards, who stands on which stage, who follows and blocks whom; and search over it."""

from services.discovery.projection.directory import Live, SpaceDirectory
from services.discovery.projection.search import Search

__all__ = ["Live", "Search", "SpaceDirectory"]
