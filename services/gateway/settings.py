"""What the gateway can be told, beside what every service can."""

from __future__ import annotations

import ipaddress
from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr, field_validator

from libs.service import ServiceSettings


class GatewaySettings(ServiceSettings):
    """Environment: `ROSTRUM_GATEWAY_<FIELD>` or `ROSTRUM_<FIELD>`; lists are written as JSON."""

    service: ClassVar[str] = "gateway"

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Port of the public address; 0 takes any free one, which the log names."""
    identity: Literal["development"] = "development"
    """Where people come from. `development` lets anybody sign up and serves loopback addresses only."""
    recordings_url: str | None = None
    """Object store of replays and tracks (`s3://bucket/prefix`, `file:///path`); by default `<var>/recordings`."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may use this API, e.g. `["https://example.org"]`."""
    public_url: str | None = Field(default=None, pattern=r"^https?://[^/?#@\s]+$")
    """Where browsers reach this gateway, e.g. `https://rostrum.example.org`: WebSockets of pages of other origins are
    refused, but for `cors_origins`. By default those of loopback addresses are taken."""
    ask_seconds: Annotated[float, Field(gt=0, le=30)] = 4.0
    """Within how many seconds a service must have answered before the client is told 503."""
    streams: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    """Live event streams open at once in this process."""
    streams_per_person: Annotated[int, Field(ge=1, le=1000)] = 20
    streams_per_address: Annotated[int, Field(ge=1, le=100_000)] = 50
    """Live event streams of people without a token at one address."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies that tell in X-Forwarded-For from where a request comes, e.g.
    `["10.0.0.0/8"]`. Nobody else is believed."""
    connections_per_address: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """HTTP connections of one address at once, and requests of one address behind a trusted proxy."""
    head_bytes: Annotated[int, Field(ge=1024, le=1_000_000)] = 32 * 1024
    """Of a request: what comes before its body."""
    head_fields: Annotated[int, Field(ge=10, le=10_000)] = 100
    head_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    """In which the head of a request must be complete."""
    idle_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """How long a connection without a request is kept."""
    body_bytes_per_second: Annotated[int, Field(ge=1)] = 1024
    """How fast a body must come, at least."""
    sign_ups_per_minute: Annotated[int, Field(ge=1)] = 20
    """Per address."""
    people_searches_per_minute: Annotated[int, Field(ge=1)] = 60
    """Of one person, for people by name."""
    anonymous_sessions_per_minute: Annotated[int, Field(ge=1)] = 60
    """Per address, in the long run."""
    anonymous_sessions_burst: Annotated[int, Field(ge=1)] = 200
    spaces_per_hour: Annotated[int, Field(ge=1)] = 30
    """Spaces that one person may create."""
    queued_events: Annotated[int, Field(ge=10, le=100_000)] = 1_000
    """Events waiting for one slow client before its stream is closed, to be resumed."""
    recent_events: Annotated[int, Field(ge=0, le=1_000_000)] = 10_000
    """Newest events kept in memory for clients that come back (8 MiB of JSON at most). What is older is read from the
    stream."""
    keep_alive_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    commands_per_second: Annotated[float, Field(gt=0)] = 50.0
    """Per person, in the long run."""
    commands_burst: Annotated[int, Field(ge=1)] = 200
    lookups: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    """Lookups with X API v2 in each window: per person and kind of lookup, as X has them."""
    lookups_seconds: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    """How long such a window is."""
    renew_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    """How often leases of sessions with an open stream are renewed."""
    turn_urls: tuple[str, ...] = ()
    """TURN servers told to WHIP and WHEP clients, e.g. `["turn:turn.example.org?transport=udp"]`."""
    media_fill: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Share of a media node's capacity up to which a Space's connections go to the node that carries it already; beyond
    it they go to the least loaded one, and the Space spans nodes."""
    media_redirect: str | None = Field(default=None, pattern=r"^https?://[^/?#\s]+$")
    """Where new WHIP and WHEP connections are sent instead (307), e.g. `https://eu.example.org`: for a region that is
    being emptied. Connections that exist stay, and pages are answered here: a browser that follows a redirect to
    another origin leaves the token out."""
    turn_secret: SecretStr | None = None
    """Shared secret of the TURN servers, for credentials that expire (coturn's `static-auth-secret`)."""

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            ipaddress.ip_network(name)
        return value
