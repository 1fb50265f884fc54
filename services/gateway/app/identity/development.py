"""Anybody may be anybody: for one machine."""

from __future__ import annotations

from libs.identity import OwnTokensOnly


class Development(OwnTokensOnly):
    """Tokens of ours, for whoever asks."""

    open_to_all = True
