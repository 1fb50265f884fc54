"""How loud a file is, by FFmpeg's own meter, which is not what levelled it."""

from __future__ import annotations

import math
from pathlib import Path

import av
import av.error
import av.filter


def measure(path: Path) -> tuple[float, float]:
    """(integrated loudness in LUFS, true peak in dBTP) of an audio file, by EBU R128."""
    measured: dict[str, str] = {}
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        graph = av.filter.Graph()
        given = graph.add_abuffer(template=stream)
        meter = graph.add("ebur128", "peak=true:metadata=1")
        taken = graph.add("abuffersink")
        given.link_to(meter)
        meter.link_to(taken)
        graph.configure()
        for frame in [*container.decode(stream), None]:
            graph.push(frame)
            try:
                while True:
                    measured |= graph.pull().metadata
            except (av.error.BlockingIOError, av.error.EOFError):
                pass
    peak = float(measured["lavfi.r128.true_peak"])
    return round(float(measured["lavfi.r128.I"]), 1), round(20 * math.log10(max(peak, 1e-6)), 1)
