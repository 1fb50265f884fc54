"""The forwarder's own counters, as Prometheus reads them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class _Counters(Collector):
    def __init__(self, read: Callable[[], Mapping[str, int]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        packets = CounterMetricFamily(
            "rostrum_forwarder_events", "What the forwarder did, by what it was", labels=["what"]
        )
        for name, value in self._read().items():
            if name == "sessions":
                yield GaugeMetricFamily("rostrum_forwarder_sessions", "Live media sessions", value=value)
            else:
                packets.add_metric([name], value)
        yield packets


@contextlib.contextmanager
def exported(read: Callable[[], Mapping[str, int]]) -> Iterator[None]:
    """Shows the counters while the context is open."""
    collector = _Counters(read)
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)
