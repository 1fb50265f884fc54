"""The gateway's composition root."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final
from urllib.parse import parse_qs, urlsplit

import uvicorn

from contracts import object_names
from libs.identity import OWN_ISSUER, IdentityError
from libs.keyring.client import open_keyring
from libs.names import PeopleNames
from libs.service import CannotStart, Service, run
from services.gateway.adapters import history
from services.gateway.adapters.addresses import Networks
from services.gateway.adapters.bounded_http import bounded
from services.gateway.adapters.certificate import Certificate
from services.gateway.adapters.connection_bounds import Bounds
from services.gateway.adapters.faces import Faces
from services.gateway.adapters.lease_renewals import LeaseRenewals
from services.gateway.adapters.nodes import Nodes
from services.gateway.adapters.pictures import PictureMaker
from services.gateway.adapters.replay_store import ReplayStore
from services.gateway.adapters.statuses import Statuses
from services.gateway.adapters.suspensions import Suspensions
from services.gateway.app import Gateway
from services.gateway.app.caption_languages import CaptionLanguages
from services.gateway.app.clients import Clients
from services.gateway.app.connections import Connections
from services.gateway.app.export import Exports
from services.gateway.app.feeds import keep_bars
from services.gateway.app.hub import Hub
from services.gateway.app.identity import Identity
from services.gateway.app.kept_events import Keeping, Naming
from services.gateway.app.links import Links
from services.gateway.app.live_audio import LiveAudio
from services.gateway.app.live_opener import LiveOpener
from services.gateway.app.media import Media, Turn
from services.gateway.app.new_spaces import NewSpaces
from services.gateway.app.overview import Loss, Overview
from services.gateway.app.resuming import Resuming
from services.gateway.app.sessions import SessionIds
from services.gateway.app.stream import Streams
from services.gateway.app.watched import WatchedSpaces
from services.gateway.http import build
from services.gateway.http.cors import Origins
from services.gateway.http.to_https import to_https
from services.gateway.main.identity import check_addresses, identity_of, own_tokens
from services.gateway.main.limits import request_limits
from services.gateway.main.listening import Server, listen, serve
from services.gateway.settings import GatewaySettings

_log = logging.getLogger(__name__)
_DRAIN: Final = 3
_LONGEST_MESSAGE: Final = 1024
"""Bytes of a WebSocket message that somebody sends us. Nobody needs to send any."""
_ASK_FOR_BARS: Final = 60.0


def _unexpected(record: logging.LogRecord) -> bool:
    """Whether uvicorn tells of something unforeseen.

    Cutting off a client that does not read is none of it, nor is a WebSocket, which it tells with the token in the
    address; the access log has both.
    """
    return not str(record.msg).startswith(("ASGI callable returned without completing response", '%s - "WebSocket'))


async def compose(service: Service[GatewaySettings]) -> None:
    """Start a gateway on the service's bus. Raises CannotStart for what the operator must mend."""
    settings = service.settings
    try:
        check_addresses(settings)
        own = own_tokens(settings)
    except (IdentityError, OSError) as error:
        raise CannotStart(str(error)) from error

    bus = service.bus
    keyring = await service.enter(open_keyring(bus, settings.name))
    try:
        replays = ReplayStore(settings.recordings_url, settings.var / object_names.FOLDER, keyring)
    except ValueError as error:
        raise CannotStart(str(error)) from error
    certificate = _certificate(settings)
    listening = listen(settings.host, settings.port)
    redirecting = _redirecting(settings)
    clients = Clients(
        most=settings.streams,
        per_person=settings.streams_per_person,
        per_address=settings.streams_per_address,
        queued=settings.queued_events,
    )
    spaces = WatchedSpaces(bus, settings.ask_seconds)
    connections = Connections(bus, spaces)
    loss = Loss()
    names = await service.enter(PeopleNames(settings.var / "stores" / f"{settings.name}-people.db"))
    service.spawn("names", names.run(bus))
    service.ready_when("names", names.lack)
    words = LiveOpener(keyring)
    service.ready_when("words", words.lack)
    keeping = Keeping(Naming(bus, names.names))
    keyring.on_drop(keeping.forget)
    hub = Hub(
        bus,
        spaces,
        clients,
        keeping,
        words,
        told=(loss.hear, connections.hear),
        recent_events=settings.recent_events,
    )
    await hub.start()
    service.spawn("live events", hub.run())
    service.spawn("live bars", keep_bars(bus, hub.bars, _ASK_FOR_BARS, settings.ask_seconds))
    suspensions = Suspensions(
        bus, on_suspended=clients.suspended, on_revoked=clients.revoked, on_key_change=clients.key_changed
    )
    service.spawn("suspensions", suspensions.run())
    service.ready_when("suspensions", suspensions.lack)
    pictures = PictureMaker()
    identity = await identity_of(service, own, suspensions, pictures.make)
    renewals = LeaseRenewals(bus, settings.name, settings.renew_seconds)
    service.spawn("lease renewals", renewals.run())
    statuses = Statuses(bus)
    await statuses.start()
    service.ready_when("streams of others", statuses.streams)
    nodes = Nodes(bus, on_heard=connections.heard, on_lost=connections.lost)
    service.spawn("media nodes", nodes.run())
    service.ready_when("media nodes", lambda: nodes.lack() or connections.lack())
    audio = LiveAudio(bus, settings.ask_seconds)
    keyring.on_drop(audio.forget)
    service.spawn("live audio", audio.run())
    turn_secret = settings.turn_secret.get_secret_value() if settings.turn_secret else ""
    turn = Turn(settings.turn_urls if turn_secret else (), turn_secret.encode())
    resuming = Resuming(hub.recent, partial(history.read, bus, words), keeping.keep)

    def tell_anew() -> None:
        resuming.forget()
        hub.tell_anew()

    service.spawn("words", words.run(tell_anew))
    gateway = Gateway(
        bus=bus,
        identity=identity,
        issuer=settings.identity_issuer or OWN_ISSUER,
        spaces=spaces,
        streams=Streams(
            bus,
            hub,
            resuming,
            spaces,
            clients,
            suspensions.people,
            suspensions.erased,
            suspensions.keys,
            ask_seconds=settings.ask_seconds,
            keep_alive=settings.keep_alive_seconds,
        ),
        sessions=SessionIds(own.secret("sessions")),
        renewals=renewals,
        connections=connections,
        media=Media(
            bus,
            nodes,
            connections,
            own.secret("media resources"),
            turn,
            settings.ask_seconds,
            settings.media_redirect,
            settings.media_fill,
        ),
        replays=replays,
        links=Links(own.secret("signed links")),
        live_audio=audio,
        faces=Faces(names, replays),
        pictures=pictures,
        exports=Exports(bus, replays, suspensions.erased, ask_seconds=settings.ask_seconds),
        suspended=suspensions.people,
        erased=suspensions.erased,
        revoked=suspensions.revoked,
        revoked_until=suspensions.revoked_until,
        overview=Overview(bus, hub, clients, loss, nodes, statuses),
        limits=request_limits(settings),
        ask_seconds=settings.ask_seconds,
        caption_languages=CaptionLanguages(bus),
        new_spaces=NewSpaces(bus),
        missing=service.missing,
    )
    http_log = logging.getLogger("uvicorn.error")
    http_log.addFilter(_unexpected)
    http_log.setLevel(logging.INFO)  # below that it writes down the heads of requests, which hold tokens
    origins = Origins(settings.cors_origins)
    http, ws = bounded(_bounds(settings, identity, origins))
    server = Server(
        uvicorn.Config(
            build(
                gateway,
                origins,
                settings.connections_per_address,
                settings.public_url,
                https_only=certificate is not None and _has_a_name(settings.public_url),
            ),
            http=http,
            ws=ws,
            # Without any, nobody is believed: uvicorn would believe whoever is on this machine.
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            ws_max_size=_LONGEST_MESSAGE,
            ws_per_message_deflate=False,
            ws_ping_interval=settings.keep_alive_seconds,
            lifespan="off",
            ssl_context_factory=None if certificate is None else lambda config, default: certificate.context,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_DRAIN,
            timeout_keep_alive=settings.idle_seconds,  # type: ignore[arg-type]
        )
    )
    await serve(service, server, listening, stopping=clients.stop)
    if redirecting is not None and settings.public_url is not None:
        config = uvicorn.Config(
            to_https(settings.public_url),
            http=http,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_DRAIN,
        )
        await serve(service, Server(config), redirecting)
    if certificate is not None:
        service.spawn("certificate", certificate.run())
    host, port = listening.getsockname()[:2]
    scheme = "http" if certificate is None else "https"
    _log.info("serving %s://%s:%d", scheme, f"[{host}]" if ":" in host else host, port)


def _certificate(settings: GatewaySettings) -> Certificate | None:
    if settings.certificate is None:
        if settings.certificate_key is not None:
            raise CannotStart("ROSTRUM_GATEWAY_CERTIFICATE_KEY is set without ROSTRUM_GATEWAY_CERTIFICATE")
        return None
    try:
        return Certificate(settings.certificate, settings.certificate_key)
    except ValueError as error:
        raise CannotStart(f"ROSTRUM_GATEWAY_CERTIFICATE: {error}") from error


def _has_a_name(public_url: str | None) -> bool:
    """Whether browsers may keep it in mind that this host has https: `localhost` is also other programs'."""
    host = None if public_url is None else urlsplit(public_url).hostname
    return host is not None and host != "localhost" and not host.endswith(".localhost")


def _redirecting(settings: GatewaySettings) -> socket.socket | None:
    if settings.redirect_port is None:
        return None
    if settings.certificate is None or settings.public_url is None:
        raise CannotStart(
            "ROSTRUM_GATEWAY_REDIRECT_PORT needs ROSTRUM_GATEWAY_CERTIFICATE and ROSTRUM_PUBLIC_URL; with a proxy, the "
            "proxy sends browsers on to https"
        )
    return listen(settings.host, settings.redirect_port)


def _bounds(settings: GatewaySettings, identity: Identity, origins: Origins) -> Bounds:
    def signed_in(headers: Sequence[tuple[bytes, bytes]], query: bytes) -> bool:
        """By the token in the header, or in the address, as far as it is good."""
        tokens = [value[7:] for name, value in headers if name == b"authorization" and value[:7].lower() == b"bearer "]
        tokens += [value.encode() for value in parse_qs(query.decode("latin-1")).get("access_token", [])]
        return any(identity.is_good(token.decode("latin-1")) for token in tokens[:2])

    return Bounds(
        head_bytes=settings.head_bytes,
        fields=settings.head_fields,
        head_seconds=settings.head_seconds,
        idle_seconds=settings.idle_seconds,
        body_rate=settings.body_bytes_per_second,
        body_stalls=settings.idle_seconds,
        per_address=settings.connections_per_address,
        proxies=Networks(settings.trusted_proxies),
        signed_in=signed_in,
        readable=origins.readable,
    )


def main(env: Mapping[str, str]) -> int:
    """Run the gateway; the exit code."""
    return run(GatewaySettings, compose, env)
