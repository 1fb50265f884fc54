"""What the gateway can be told, beside what every service can."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr

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
    ask_seconds: Annotated[float, Field(gt=0, le=30)] = 4.0
    """Within how many seconds a service must have answered before the client is told 503."""
    streams: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    """Live event streams open at once in this process."""
    streams_per_person: Annotated[int, Field(ge=1, le=1000)] = 20
    queued_events: Annotated[int, Field(ge=10, le=100_000)] = 1_000
    """Events waiting for one slow client before its stream is closed, to be resumed."""
    keep_alive_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    commands_per_second: Annotated[float, Field(gt=0)] = 50.0
    """Per person, in the long run."""
    commands_burst: Annotated[int, Field(ge=1)] = 200
    renew_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    """How often leases of sessions with an open stream are renewed."""
    turn_urls: tuple[str, ...] = ()
    """TURN servers told to WHIP and WHEP clients, e.g. `["turn:turn.example.org?transport=udp"]`."""
    media_fill: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Share of a media node's capacity up to which a Space's connections go to the node that carries it already; beyond
    it they go to the least loaded one, and the Space spans nodes."""
    media_redirect: str | None = Field(default=None, pattern=r"^https?://[^/?#\s]+$")
    """Where new WHIP and WHEP connections are sent instead (307), e.g. `https://eu.example.org`: for a region that is
    being emptied. Connections that exist stay."""
    turn_secret: SecretStr | None = None
    """Shared secret of the TURN servers, for credentials that expire (coturn's `static-auth-secret`)."""
