"""Prometheus metrics of the forwarder and of the connections. No label names a Space."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import REGISTRY, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from rostrum_forwarder import Forwarder

LOSS: Final = Histogram(
    "rostrum_media_loss_ratio",
    "Share of packets lost in a connection's last reporting interval, once a connection and round",
    ["direction"],
    buckets=(0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
)
JITTER: Final = Histogram(
    "rostrum_media_jitter_seconds",
    "Interarrival jitter of a connection, once a connection and round",
    ["direction"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
)
ROUND_TRIP: Final = Histogram(
    "rostrum_media_round_trip_seconds",
    "Round trip between a sender report and its answer, once a connection and round",
    ["direction"],
    buckets=(0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
)
_GAUGES: Final = {"sessions": "Live media sessions", "tcp_connections": "Open connections to the TCP media port"}


class _Counters(Collector):
    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder

    def collect(self) -> Iterator[Metric]:
        packets = CounterMetricFamily(
            "rostrum_forwarder_events", "What the forwarder did, by what it was", labels=["what"]
        )
        for name, value in self._forwarder.stats().items():
            if name in _GAUGES:
                yield GaugeMetricFamily(f"rostrum_forwarder_{name}", _GAUGES[name], value=value)
            else:
                packets.add_metric([name], value)
        yield packets
        delays = self._forwarder.delays()
        ends = [str(bucket.end_us / 1e6) for bucket in delays.buckets[:-1]] + ["+Inf"]
        yield HistogramMetricFamily(
            "rostrum_forwarder_delay_seconds",
            "How long forwarded packets were in the forwarder",
            buckets=list(zip(ends, accumulate(bucket.packets for bucket in delays.buckets), strict=True)),
            sum_value=delays.sum_us / 1e6,
        )


@contextlib.contextmanager
def exported(forwarder: Forwarder) -> Iterator[None]:
    """Export the counters while the context is open."""
    collector = _Counters(forwarder)
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)
