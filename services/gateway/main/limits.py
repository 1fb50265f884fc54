"""How much people may ask of a gateway, by its settings."""

from __future__ import annotations

from typing import Final

from libs.rate_limit import RateLimit, Windows
from services.gateway.app.request_limits import RequestLimits
from services.gateway.settings import GatewaySettings

_KEY_GUESSES: Final = 20
"""API keys that are none, which one address may send in a minute."""


def request_limits(settings: GatewaySettings) -> RequestLimits:
    """The limits that the settings say."""
    a_minute, an_hour = 60, 3600
    return RequestLimits(
        commands=RateLimit(settings.commands_per_second, settings.commands_burst, policy="commands"),
        created=RateLimit(settings.spaces_per_hour / an_hour, settings.spaces_per_hour, policy="spaces"),
        sign_ups=RateLimit(settings.sign_ups_per_minute / a_minute, settings.sign_ups_per_minute, policy="sign-ups"),
        people_searches=RateLimit(
            settings.people_searches_per_minute / a_minute, settings.people_searches_per_minute, policy="people"
        ),
        sessions=RateLimit(
            settings.anonymous_sessions_per_minute / a_minute, settings.anonymous_sessions_burst, policy="sessions"
        ),
        feeds=RateLimit(settings.feeds_per_minute / a_minute, settings.feeds_per_minute, policy="feeds"),
        servers=RateLimit(settings.server_requests_per_second, settings.server_requests_burst, policy="server"),
        key_guesses=RateLimit(_KEY_GUESSES / a_minute, _KEY_GUESSES, policy="keys"),
        exports=RateLimit(settings.exports_per_hour / an_hour, settings.exports_per_hour, policy="exports"),
        lookups=Windows(settings.lookups, settings.lookups_seconds),
    )
