"""What is counted of what people ask for."""

from __future__ import annotations

from dataclasses import dataclass

from libs.rate_limit import RateLimit, Windows


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """One limit for each thing that is counted."""

    commands: RateLimit
    """By person."""
    created: RateLimit
    """Spaces, by person."""
    sign_ups: RateLimit
    """By address."""
    people_searches: RateLimit
    """By person."""
    sessions: RateLimit
    """Anonymous ones, by address."""
    feeds: RateLimit
    """Podcasts, each of which asks much of others, by address."""
    servers: RateLimit
    """Requests of the host product's servers, by API key."""
    key_guesses: RateLimit
    """API keys that are none, by address."""
    exports: RateLimit
    """Copies of somebody's data, by person."""
    lookups: Windows
    """With X API v2, by person and route, as X counts them."""
