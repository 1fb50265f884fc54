"""Media's settings."""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from libs.service import ServiceSettings


def _address(value: str) -> str:
    return str(ip_address(value))


def cores() -> int:
    """Cores that this process may use, 4 at most: further threads would have too little to send each."""
    return min(len(os.sched_getaffinity(0)), 4)


Address = Annotated[str, AfterValidator(_address)]


class Settings(ServiceSettings):
    """`ROSTRUM_MEDIA_...` in the environment."""

    service: ClassVar[str] = "media"

    host: Address = "127.0.0.1"
    """IP address of the media ports."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """The UDP port; 0 takes any free one."""
    tcp_port: Annotated[int, Field(ge=0, le=65535)] | Literal["off"] = 0
    """The TCP port, for clients in networks without UDP; 0 takes any free one."""
    tcp_connections: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Connections to it at most. Each takes a file descriptor."""
    public_host: Address | None = None
    """IP address that clients are told, where it is another one (behind NAT)."""
    public_hosts: tuple[Address, ...] = ()
    """Several of them, the best first, e.g. `["203.0.113.7", "2001:db8::7"]`. With `host` `::`, IPv4 and IPv6 arrive at
    one port; a machine with several addresses of a family binds one, for answers would leave with another."""
    half_open_per_person: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Connections of one person that were answered and have not finished DTLS; more are refused with 429."""
    half_open_per_address: Annotated[int, Field(ge=1, le=100_000)] = 200
    """The same for one address of HTTP clients, which a whole company may share."""
    connections_per_person: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Connections of one person at this node; more are refused with 429."""
    anonymous_per_address: Annotated[int, Field(ge=1, le=100_000)] = 50
    """Connections of people without a token at one address of HTTP clients; more are refused with 429."""
    capacity: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    """Sessions this node takes; more are refused as `node_full`."""
    heartbeat_seconds: Annotated[float, Field(gt=0.01, le=60)] = 0.2
    """How often the node says on the bus that it lives."""
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 20.0
    """For how long a node that is told to stop waits for its clients to connect to another one."""
    renew_seconds: Annotated[float, Field(gt=0.1, le=60)] = 5.0
    """How often the leases of live sessions are renewed."""
    quality_seconds: Annotated[float, Field(ge=0.1, le=600)] = 10.0
    """How often it is told how the listeners of each Space fare."""
    capture_waiting: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    """Captured bundles (about ten a second and speaker) that wait while JetStream is slow or away; more are lost."""
    threads: Annotated[int, Field(ge=1, le=64)] = Field(default_factory=cores)
    """How many threads seal and send, each for a part of a Space's listeners; two hundred are one thread's work in any
    case. With two, a packet is half as long in here, and costs about as much CPU. Where nothing is said: one for each
    core that the process may use, 4 at most."""
    coalesce_ms: Annotated[int, Field(ge=0, le=20)] = 0
    """How long a packet may wait for others to the same listener (three talkers cost less, everybody hears later); at
    0 none waits, and those that are there at the same time leave together all the same."""
    repacketise_from: Annotated[int, Field(ge=0, le=1_000_000)] = 1_000
    """From so many listeners of a Space on, those who are not on stage get up to 60 ms of audio in a packet: hardly
    more than a third of the packets, for 40 ms more delay at most. 0: never."""

    @property
    def candidates(self) -> tuple[str, ...]:
        """What clients are told: empty for the bound address."""
        return tuple(dict.fromkeys([*([self.public_host] if self.public_host else []), *self.public_hosts]))

    @property
    def stop_within(self) -> float:
        return super().stop_within + self.drain_seconds
