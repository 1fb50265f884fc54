"""Decoding Opus. Imports PyAV: only for processes that decode."""

from __future__ import annotations

import av

from libs.audio.opus import RATE


def opus_decoder(layout: str | av.AudioLayout) -> av.AudioCodecContext:
    """A libopus decoder of packets with this channel layout ("mono", "stereo"), to samples at 48 kHz."""
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate = RATE
    decoder.layout = layout
    return decoder
