"""The media forwarder: one UDP port, ICE-lite, SRTP and virtual slots, without the interpreter lock."""

from rostrum_forwarder._native import (
    Captured,
    Closed,
    DelayBucket,
    Delays,
    Dtls,
    Forwarder,
    IceCredentials,
    Reachable,
    Relayed,
    Report,
    Talking,
)

Event = Reachable | Dtls | Closed | Talking | Captured | Relayed

__all__ = [
    "Captured",
    "Closed",
    "DelayBucket",
    "Delays",
    "Dtls",
    "Event",
    "Forwarder",
    "IceCredentials",
    "Reachable",
    "Relayed",
    "Report",
    "Talking",
]
