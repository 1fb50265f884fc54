"""Bring speakers, and the mix of them, to one loudness: -16 LUFS, with peaks that stay below full scale.

Loudness is measured as ITU-R BS.1770-4 and EBU R128 say: K-weighted power, over windows of 0.4 s (momentary) and 3 s
(short-term), of which silence and what is 10 LU quieter are left out. Each speaker gets a gain that brings their own
speech to the target, so that a quiet microphone is heard as well as a loud one. The sum gets another one, because
people talk at once, and then a limiter of its true peaks.

Everything works on hops of 4096 samples (85 ms), which are four AAC frames, as they come: a gain sees one hop ahead. So
a mix that is made while people speak is the same as one that is made afterwards. Imports numpy.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from libs.audio.opus import RATE

Audio = NDArray[np.float32]

TARGET: Final = -16.0
"""LUFS of the whole mix."""
CEILING: Final = -2.2
"""dBTP before encoding. AAC makes peaks higher than it was given, by less than 1 dB at our bit rate."""
HOP: Final = 4096
"""Samples that are measured, and given a gain, together."""

_MOMENTARY: Final = 5  # hops
_SHORT_TERM: Final = 35
_SILENCE: Final = -70.0
"""LUFS below which the standard hears nothing."""
_RELATIVE: Final = 10.0
"""LU below the mean of a window at which its quiet parts are left out."""
_SPEECH: Final = -55.0
"""LUFS below which a speaker's hop is taken as the noise of their room, which is not made louder."""
_HOP_SECONDS: Final = HOP / RATE


def lufs(power: float) -> float:
    """The loudness of a K-weighted mean square."""
    return -0.691 + 10 * math.log10(max(power, 1e-12))


class Weighting:
    """The K-weighted power of a channel, hop by hop (BS.1770-4, annex 1, for 48 kHz).

    The two filters are one of fourth order in state space. It takes blocks of 64 samples: what their own samples give
    is one product of matrices, and only what is left of the block before goes from one to the next.
    """

    BLOCK: Final = 64
    """Products of this size are too small for OpenBLAS to start threads for them."""

    def __init__(self) -> None:
        self.state = np.zeros(4)

    def power(self, hop: Audio) -> float:
        """The mean square of the next hop."""
        return powers([(self, hop)])[0]

    @property
    def still(self) -> bool:
        """Whether nothing is left in it of what it was given."""
        return float(np.abs(self.state).max()) < 1e-9


def powers(given: Sequence[tuple[Weighting, Audio]]) -> list[float]:
    """The mean squares of the next hops of several channels, which cost little more together than one does."""
    found = [0.0] * len(given)
    heard = [n for n, (weighting, hop) in enumerate(given) if hop.any() or not weighting.still]
    if not heard:
        return found
    blocks = np.stack([given[n][1] for n in heard]).astype(np.float64).reshape(len(heard), -1, Weighting.BLOCK)
    entering = np.empty((*blocks.shape[:2], 4))
    to_states = blocks @ _TO_STATE
    state = np.stack([given[n][0].state for n in heard])
    for at in range(blocks.shape[1]):
        entering[:, at] = state
        state = state @ _NEXT_STATE + to_states[:, at]
    weighted = blocks @ _RESPONSE + entering @ _FROM_STATE
    squares = np.einsum("nij,nij->n", weighted, weighted) / (blocks.shape[1] * Weighting.BLOCK)
    for n, left, square in zip(heard, state, squares, strict=True):
        given[n][0].state = left
        found[n] = float(square)
    return found


def _matrices(size: int) -> tuple[NDArray[np.float64], ...]:
    """What brings a block of samples to its own output, state to output, samples to state, and state to state."""
    shelf = (1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)
    high_pass = (1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)
    b, a = np.convolve(shelf[0], high_pass[0]), np.convolve(shelf[1], high_pass[1])
    step = np.zeros((4, 4))  # transposed direct form II
    step[:, 0] = -a[1:]
    step[:3, 1:] = np.eye(3)
    given = b[1:] - a[1:] * b[0]
    steps = [np.eye(4)]
    for _ in range(size):
        steps.append(step @ steps[-1])
    from_state = np.stack([one[0] for one in steps[:size]], axis=1)
    to_state = np.stack([steps[size - 1 - n] @ given for n in range(size)])
    response = np.concatenate(([b[0]], given @ from_state[:, : size - 1]))
    own = np.zeros((size, size))
    for n in range(size):
        own[n, n:] = response[: size - n]
    return own, from_state, to_state, steps[size].T.copy()


_RESPONSE, _FROM_STATE, _TO_STATE, _NEXT_STATE = _matrices(Weighting.BLOCK)


class _Level:
    """How loud something was lately while there was something to hear."""

    def __init__(self, audible: float) -> None:
        self._audible = audible
        self._hops: deque[float] = deque(maxlen=_MOMENTARY)
        self._blocks: deque[float] = deque(maxlen=_SHORT_TERM)
        self._heard = 0

    def take(self, power: float) -> None:
        """The K-weighted power of the next hop."""
        if lufs(power) < self._audible:
            self._hops.clear()
            return
        self._heard += 1
        self._hops.append(power)
        self._blocks.append(sum(self._hops) / len(self._hops))

    @property
    def settled(self) -> bool:
        """Whether it has heard enough to be sure."""
        return self._heard >= _SHORT_TERM

    @property
    def momentary(self) -> float | None:
        """LUFS of the last 0.4 s; None where nothing is heard."""
        return lufs(self._blocks[-1]) if self._hops else None

    @property
    def short_term(self) -> float | None:
        """LUFS of the last 3 s in which something was heard, without its quiet parts; None before there was any."""
        if not self._blocks:
            return None
        gate = sum(self._blocks) / len(self._blocks) / 10 ** (_RELATIVE / 10)
        loud = [block for block in self._blocks if block > gate]
        return lufs(sum(loud) / len(loud))


class _Gain:
    """A gain in dB that moves towards another one at a bounded speed."""

    def __init__(self, up: float, down: float) -> None:
        """`up` and `down` in dB a second."""
        self._up, self._down = up * _HOP_SECONDS, down * _HOP_SECONDS
        self.now = 0.0

    def towards(self, wanted: float, *, hurry: float = 1.0) -> None:
        """Move for one hop."""
        self.now += min(max(wanted - self.now, -self._down * hurry), self._up * hurry)


def _ramp(hop: Audio, before: float, after: float) -> Audio:
    """A hop with a gain that goes from one to another, in dB."""
    start, end = 10 ** (before / 20), 10 ** (after / 20)
    if start == end:
        return hop * np.float32(start)
    return hop * (_RAMP * np.float32(end - start) + np.float32(start))


_RAMP: Final = np.linspace(0, 1, HOP, endpoint=False, dtype=np.float32)


class _Speaker:
    """Brings one speaker's speech to the target."""

    _MOST: Final = 30.0
    """dB by which somebody is made louder at most."""
    _LEAST: Final = -30.0

    def __init__(self) -> None:
        self.weighting = Weighting()
        self._level = _Level(_SPEECH)
        self._gain = _Gain(up=4.0, down=20.0)
        self._begun = False
        self._held: Audio = np.zeros(HOP, np.float32)

    def next(self, hop: Audio, power: float) -> Audio:
        """Take in a hop and its K-weighted power; the one before it, levelled."""
        self._level.take(power)
        before = self._gain.now
        if (loudness := self._level.short_term) is not None:
            wanted = min(max(TARGET - loudness, self._LEAST), self._MOST)
            if not self._begun:
                before = self._gain.now = wanted
                self._begun = True
            self._gain.towards(wanted, hurry=1.0 if self._level.settled else 8.0)
        audio, self._held = self._held, hop
        return _ramp(audio, before, self._gain.now) if audio.any() else audio

    @property
    def idle(self) -> bool:
        """Whether nothing of what they said is still to come."""
        return not self._held.any()


class Integrated:
    """The loudness of all that was heard (BS.1770-4, annex 1): two gates over blocks, which are kept as a histogram."""

    _PER_LU: Final = 10
    _BINS: Final = 80 * _PER_LU

    def __init__(self) -> None:
        self._hops: deque[float] = deque(maxlen=_MOMENTARY)
        self._counts = np.zeros(self._BINS)
        self._powers = np.zeros(self._BINS)

    def take(self, power: float) -> None:
        """The K-weighted power of the next hop."""
        self._hops.append(power)
        block = sum(self._hops) / _MOMENTARY
        place = int((lufs(block) - _SILENCE) * self._PER_LU)
        if len(self._hops) == _MOMENTARY and place >= 0:
            place = min(place, self._BINS - 1)
            self._counts[place] += 1
            self._powers[place] += block

    @property
    def seconds(self) -> float:
        """How much was not silent."""
        return float(self._counts.sum()) * _HOP_SECONDS

    @property
    def lufs(self) -> float | None:
        """The loudness; None while everything was silent."""
        heard = self._counts.sum()
        if not heard:
            return None
        gate = lufs(float(self._powers.sum() / heard)) - _RELATIVE
        first = max(int((gate - _SILENCE) * self._PER_LU), 0)
        return lufs(float(self._powers[first:].sum() / self._counts[first:].sum()))


class _Master:
    """Brings the sum to the target, short-term and over the whole, and limits its peaks."""

    _OVER: Final = 3.0
    """LU by which a moment may be louder than the last seconds."""
    _AMENDS: Final = 2.0
    """LU by which what comes makes up for what was at most."""

    def __init__(self) -> None:
        self._weighting = Weighting()
        self._level = _Level(TARGET - 20)
        self._gain = _Gain(up=3.0, down=30.0)
        self._held: Audio = np.zeros(HOP, np.float32)
        self._limiter = Limiter()
        self._heard_weighting = Weighting()
        self._whole = Integrated()

    def next(self, hop: Audio) -> Audio:
        """Take in a hop of the sum; the one before it, `Limiter.DELAY` later."""
        self._level.take(self._weighting.power(hop))
        before = self._gain.now
        short, moment = self._level.short_term, self._level.momentary
        if short is not None and moment is not None:
            loudness = max(short, moment - self._OVER)
            self._gain.towards(min(TARGET + self._amends() - loudness, 6.0))
        audio, self._held = self._held, hop
        made = self._limiter.next(_ramp(audio, before, self._gain.now) if audio.any() else audio)
        self._whole.take(self._heard_weighting.power(made))
        return made

    def _amends(self) -> float:
        whole = self._whole.lufs
        if whole is None or self._whole.seconds < 2:
            return 0.0
        return min(max(2 * (TARGET - whole), -self._AMENDS), self._AMENDS)


class Limiter:
    """Keeps true peaks at or below `CEILING` (BS.1770-4, annex 2: four times as many samples).

    The gain that a peak needs is reached in the 4 ms before it, and given back slowly. All of it is running minima and
    means, so that there is no loop over samples.
    """

    _ATTACK: Final = 192
    _TAPS: Final = 6  # on either side
    DELAY: Final = _ATTACK - 1 + _TAPS
    _RELEASE: Final = 40.0 / RATE
    """dB a sample, in which the gain is given back."""

    def __init__(self) -> None:
        self._audio: Audio = np.zeros(self.DELAY, np.float32)
        self._needed = np.zeros(2 * self._ATTACK - 2, np.float32)
        self._last = 0.0

    def next(self, hop: Audio) -> Audio:
        """As many samples as are given, `DELAY` later."""
        audio = np.concatenate((self._audio, hop))
        self._audio = audio[len(hop) :]
        wanted = self._needs(audio[-len(hop) - 2 * self._TAPS :])
        falls = np.arange(1, len(hop) + 1) * self._RELEASE
        wanted = np.minimum(np.minimum.accumulate(np.minimum(wanted, 0) - falls), self._last) + falls
        needed = np.minimum(wanted, 0).astype(np.float32)
        self._last = float(needed[-1])
        needed = np.concatenate((self._needed, needed))
        self._needed = needed[len(hop) :]
        played = audio[: len(hop)]
        if not needed.any():
            return played
        ahead = sliding_window_view(needed, self._ATTACK).min(axis=1)
        sums = np.concatenate(([0.0], np.cumsum(ahead, dtype=np.float64)))
        gain = (sums[self._ATTACK :] - sums[: -self._ATTACK]) / self._ATTACK
        return (played * 10 ** (gain / 20)).astype(np.float32)

    def _needs(self, audio: Audio) -> NDArray[np.float64]:
        """dB that each sample needs, but for the first and last `_TAPS`."""
        inner = audio[self._TAPS : -self._TAPS]
        # What lies between samples is hardly ever twice as high as they are.
        if float(np.abs(audio).max()) < _HIGHEST / 2:
            return np.zeros(len(inner))
        between = np.abs(sliding_window_view(audio, 2 * self._TAPS) @ _BETWEEN).max(axis=1)
        peaks = np.maximum(np.abs(inner), np.maximum(between[:-1], between[1:]))
        needs: NDArray[np.float64] = CEILING - 20 * np.log10(np.maximum(peaks, 1e-6))
        return needs


def _interpolation(taps: int) -> NDArray[np.float32]:
    """Filters for a quarter, a half and three quarters between the two samples in the middle of 2 * `taps`."""
    window = np.kaiser(8 * taps + 1, 5.0)
    filters = []
    for quarter in (1, 2, 3):
        at = np.arange(2 * taps) - (taps - 1) - quarter / 4
        weights = np.sinc(at) * np.interp(at, np.linspace(-taps, taps, len(window)), window)
        filters.append(weights / weights.sum())
    return np.stack(filters, axis=1).astype(np.float32)


_BETWEEN: Final = _interpolation(Limiter._TAPS)
_HIGHEST: Final = 10 ** (CEILING / 20)


class Levelled:
    """The mix of speakers, levelled while it is made."""

    DELAY: Final = 2 * HOP + Limiter.DELAY
    """Samples by which the mix is later than what is given."""

    def __init__(self) -> None:
        self._speakers: dict[str, _Speaker] = {}
        self._master = _Master()
        self._early = self.DELAY
        """Samples that are still to be left out, because they are before the first."""

    def next(self, hops: Mapping[str, Audio]) -> Audio:
        """The next of the mix, from a hop of everybody who is heard now: at first less, then as much as is given."""
        total: Audio = np.zeros(HOP, np.float32)
        for who in hops:
            self._speakers.setdefault(who, _Speaker())
        heard = [(speaker, hops.get(who, _SILENT)) for who, speaker in self._speakers.items()]
        heard = [(speaker, hop) for speaker, hop in heard if hop is not _SILENT or not speaker.idle]
        measured = powers([(speaker.weighting, hop) for speaker, hop in heard])
        for (speaker, hop), power in zip(heard, measured, strict=True):
            total += speaker.next(hop, power)
        made = self._master.next(total)
        left_out = min(self._early, len(made))
        self._early -= left_out
        return made[left_out:]

    def rest(self) -> Audio:
        """What has been given and not come out yet. Nothing can be given afterwards."""
        return np.concatenate([self.next({}) for _ in range(-(-self.DELAY // HOP))])[: self.DELAY]


_SILENT: Final[Audio] = np.zeros(HOP, np.float32)
