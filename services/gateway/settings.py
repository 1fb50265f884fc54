"""What the gateway can be told, beside what every service can."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, SecretStr, field_validator

from libs.service import ServiceSettings

LONGEST_SESSION: Final = 8760
"""Hours that anybody can be signed in on a device."""


class GatewaySettings(ServiceSettings):
    """Environment: `ROSTRUM_GATEWAY_<FIELD>` or `ROSTRUM_<FIELD>`; lists are written as JSON."""

    service: ClassVar[str] = "gateway"

    host: str = "127.0.0.1"
    """Address that the gateway listens on; `0.0.0.0` for all of this machine's."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Port that the gateway listens on; 0 takes any free one, which the log names."""
    certificate: Path | None = None
    """Certificate chain (PEM) with which this gateway serves HTTPS by itself; loaded again when the file changes.
    Without it the gateway speaks HTTP, and a proxy in front of it has the certificate."""
    certificate_key: Path | None = None
    """Its private key (PEM), where that is in another file."""
    redirect_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Port on which plain HTTP is sent on to `ROSTRUM_PUBLIC_URL`, with a certificate of the gateway's own: 80, as
    browsers ask. Without it nobody listens there."""
    identity: Literal["development", "tokens", "oidc"] = "development"
    """How people prove who they are. `development` lets anybody be anybody, and serves this machine only. `tokens`
    takes JWTs of the product that this is a part of. `oidc` sends browsers to an OpenID provider."""
    identity_issuer: Annotated[str, Field(max_length=500)] | None = None
    """Whose tokens are taken: their `iss`, to the letter."""
    identity_audience: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """Whom their tokens must be for: one of `aud`."""
    identity_client_id: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """What the OpenID provider knows this gateway as (`oidc`)."""
    identity_client_secret: SecretStr | None = None
    """Its secret there; without one, PKCE alone proves that it is the same."""
    identity_scope: Annotated[str, Field(pattern=r"^openid( [\x21\x23-\x5b\x5d-\x7e]+)*$")] = "openid profile"
    """What it asks the provider for."""
    identity_session_hours: Annotated[float, Field(gt=0, le=LONGEST_SESSION)] = 168.0
    """How long somebody stays signed in on a device (`oidc`); operators by a claim, at most 12."""
    identity_parties: tuple[str, ...] = ()
    """Clients whose tokens are taken too (`azp`), e.g. `["the-app"]`. Without it, those that say none, or the
    audience."""
    identity_keys: str | None = None
    """The issuer's public keys, a JWK Set: a file, or an https address. Without it, where the issuer says that they
    are (OpenID Connect Discovery)."""
    identity_http_on_loopback: bool = False
    """Whether an issuer on this machine may be asked without https: for trying it out."""
    identity_name_claim: str | None = "name"
    """The claim with a person's name; empty for none. A dot reaches into an object (`profile.name`)."""
    identity_handle_claim: str | None = "preferred_username"
    """The claim that a handle is made of; where somebody has it, digits are put behind it."""
    identity_protected_claim: str | None = None
    """The claim that is true of protected accounts."""
    identity_picture_claim: str | None = "picture"
    """The claim with the https address of a picture, fetched when it is another than before; empty for none."""
    identity_picture_hosts: tuple[str, ...] = ()
    """Hosts of such pictures that may be in a private network, e.g. `["pictures.internal"]`."""
    identity_operator_claim: str | None = None
    """The claim that tells operators; without it, only `rostrum token ID --operator` makes one."""
    identity_operator_value: str | None = None
    """What that claim is, or has in its list, of an operator (`admin`); without it, true."""
    recordings_url: str | None = None
    """Object store of replays and tracks (`s3://bucket/prefix`, `file:///path`); by default `<var>/recordings`."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may use this API, e.g. `["https://example.org"]`."""
    public_url: str | None = Field(default=None, pattern=r"^https?://[^/?#@\s]+$")
    """Where browsers reach this gateway, e.g. `https://rostrum.example.org`: needed wherever that is not this machine.
    WebSockets of pages of other origins are refused, but for `cors_origins`; by default those of loopback addresses are
    taken."""
    ask_seconds: Annotated[float, Field(gt=0, le=30)] = 4.0
    """Within how many seconds a service must have answered before the client is told 503."""
    streams: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    """Live event streams open at once in this process."""
    streams_per_person: Annotated[int, Field(ge=1, le=1000)] = 20
    """Live event streams of one person."""
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
    """Header fields of a request."""
    head_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    """In which the head of a request must be complete."""
    idle_seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """How long a connection without a request is kept, and how long a body may stand still."""
    body_bytes_per_second: Annotated[int, Field(ge=1)] = 1024
    """How fast a body must come, at least."""
    sign_ups_per_minute: Annotated[int, Field(ge=1)] = 20
    """Per address."""
    people_searches_per_minute: Annotated[int, Field(ge=1)] = 60
    """Of one person, for people by name."""
    anonymous_sessions_per_minute: Annotated[int, Field(ge=1)] = 60
    """Per address, in the long run."""
    anonymous_sessions_burst: Annotated[int, Field(ge=1)] = 200
    """Per address, at once."""
    feeds_per_minute: Annotated[int, Field(ge=1)] = 60
    """Podcasts, per address."""
    spaces_per_hour: Annotated[int, Field(ge=1)] = 30
    """Spaces that one person may create."""
    exports_per_hour: Annotated[int, Field(ge=1)] = 3
    """Copies of their data that one person may have made."""
    queued_events: Annotated[int, Field(ge=10, le=100_000)] = 1_000
    """Events waiting for one slow client before its stream is closed, to be resumed."""
    recent_events: Annotated[int, Field(ge=0, le=1_000_000)] = 10_000
    """Newest events kept in memory for clients that come back (8 MiB of JSON at most). What is older is read from the
    stream."""
    keep_alive_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    """How often a quiet live event stream, or WebSocket, is sent something that keeps it open."""
    commands_per_second: Annotated[float, Field(gt=0)] = 50.0
    """Per person, in the long run."""
    commands_burst: Annotated[int, Field(ge=1)] = 200
    """Per person, at once."""
    server_requests_per_second: Annotated[float, Field(gt=0)] = 50.0
    """Of one API key of the host product's servers, in the long run."""
    server_requests_burst: Annotated[int, Field(ge=1)] = 200
    """Of one API key, at once."""
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
