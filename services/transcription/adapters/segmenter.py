"""Where utterances of one session begin and end, and what the engine makes of them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

import msgspec

from contracts.capture import Bundle
from services.transcription import engines
from services.transcription.adapters.messages import FinalResult, LeftOut, PartialResult, Results, Tuning, Word
from services.transcription.adapters.pcm import PcmStream
from services.transcription.adapters.recognition import Outcome, SpeakerQueue
from services.transcription.adapters.voice import FRAME_S, VoiceActivity
from services.transcription.engines import NO_HINTS, RATE, Hints

_BEFORE_S: Final = 0.3
"""Sound kept from before speech was noticed, so that no first consonant is lost, and the engine hears it begin."""
_ONSET: Final = 4
_ONSET_SPEECH: Final = 3
"""Speech begins when this many of the last `_ONSET` frames are speech."""
_EARLY_S: Final = 2.0
"""Of an utterance: by then there are words to show, unless there are none in it."""
_PAUSED_S: Final = 0.2
"""Silence at the end of what was heard that is more than the closure of a consonant."""
_PARTIALS: Final = 4.0
"""Partial results take at most one part in so many of a core, for each speaker, once words are shown: those of a long
utterance, or on a machine that is short of cores, come less often."""
_PACKET_S: Final = 0.02
_SHORTEST: Final = 5
"""Frames of speech in an utterance: less is a cough, a click or a cup."""
_LAST_WORD_S: Final = 0.2
"""So much of the last word belongs to its utterance, whatever the voice detector says."""
_ANEW_S: Final = 5.0
"""Sound without an utterance after which all state is made anew, in a moment without speech; after twice as long in any
case."""


@dataclass(frozen=True, slots=True)
class _Sound:
    """What arrived without a pause in one bundle."""

    pcm: bytes
    at_ns: int
    """Wall clock of its beginning."""
    sequence: int
    """Of its bundle."""
    bundle_ns: int

    @property
    def seconds(self) -> float:
        return len(self.pcm) / (2 * RATE)


class _Utterance:
    """What is being said now."""

    def __init__(
        self, sounds: list[_Sound], queue: SpeakerQueue | None, hints: Hints, show: Callable[[PartialResult], None]
    ) -> None:
        """Without a `queue` nothing of it is recognised."""
        self.first = sounds[0]
        self.seconds = 0.0
        self.speech = _ONSET_SPEECH
        """Frames of speech."""
        self.silent_s = 0.0
        """Silence at its end."""
        self._asked_s: float | None = None
        """Its length when a partial result was last asked for."""
        self._queue = queue
        self._paused = False
        self._held: list[_Sound] = []
        """Silence that the engine hears only if speech follows it."""
        if queue is not None:
            first = self.first
            queue.begin(first.sequence, hints, lambda text: show(PartialResult(first.bundle_ns, first.at_ns, text)))
        for sound in sounds:
            self.add(sound, [])

    def add(self, sound: _Sound, speech: list[bool]) -> None:
        self.seconds += sound.seconds
        self.speech += sum(speech)
        trailing = next((n for n, frame in enumerate(reversed(speech)) if frame), len(speech))
        if trailing < len(speech):
            self.silent_s = 0.0
        self.silent_s += trailing * FRAME_S
        if self._queue is None:
            return
        self._held.append(sound)
        if not self._paused or trailing < len(speech):
            self._paused = False
            for held in self._held:
                self._queue.hear(held.pcm)
            self._held.clear()

    @property
    def given_up(self) -> bool:
        """Whether it is left out."""
        return self._queue is None

    def pause_after(self, seconds: float) -> None:
        """Let the final result be prepared, if the silence at the end is this long."""
        if self._queue is not None and not self._paused and self.silent_s >= seconds:
            self._paused = True
            self._queue.pause()

    def show_every(self, tuning: Tuning) -> None:
        """Ask for the next partial result, when enough was said since the last."""
        if self._queue is None:
            return
        early = self.seconds < _EARLY_S and not self._queue.has_shown
        every_s = tuning.first_every_s if early else max(tuning.partial_every_s, _PARTIALS * self._queue.partial_took_s)
        due_s = tuning.first_after_s if self._asked_s is None else self._asked_s + every_s
        # Some bundles are a packet shorter than others.
        if not self._paused and self.seconds >= due_s - _PACKET_S and self._queue.ask_partial():
            self._asked_s = self.seconds

    def end(self) -> Future[Outcome] | None:
        """What was said, later; None where that is nothing, or is not recognised."""
        if self._queue is None:
            return None
        if self.speech < _SHORTEST:
            self._queue.drop()
            return None
        return self._queue.final()


@dataclass(frozen=True, slots=True)
class _Ended:
    """An utterance that is over."""

    utterance: _Utterance
    sequence: int
    outcome: Future[Outcome]

    def result(self) -> FinalResult | None:
        """None where no word was said."""
        outcome, first = self.outcome.result(), self.utterance.first
        recognised = outcome.recognised
        if not recognised.text:
            return None
        end_ms, words = inside(self.utterance.seconds - self.utterance.silent_s, recognised.words)
        return FinalResult(
            first.bundle_ns,
            first.at_ns,
            first.at_ns + end_ms * 10**6,
            recognised.text,
            self.sequence,
            words,
            recognised.lang,
            recognised.detected,
            outcome.waited_s,
        )


def inside(speech_s: float, words: Sequence[engines.Word]) -> tuple[int, tuple[Word, ...]]:
    """When an utterance ends, in ms after its beginning, and its words with times up to then.

    `speech_s` is where the voice detector heard speech last. An engine lets the last word go on into the silence after
    it, which is cut off; but where the detector did not hear a quiet last word, the utterance ends with that.
    """
    last_s = max((word.start_s + min(word.end_s - word.start_s, _LAST_WORD_S) for word in words), default=0.0)
    end_ms = max(1, math.ceil(max(speech_s, last_s) * 1000))
    end_s = end_ms / 1000
    return end_ms, tuple(Word(w.text, min(w.start_s, end_s), min(w.end_s, end_s), w.confidence) for w in words)


class Segmenter:
    """One session.

    An utterance that is recognised again after a crash, from where the last stored one ended, has the same id, words
    and times. To this end all state (of the decoder, of the voice detector, of what was heard before) is made anew
    where an utterance ends, where nothing arrived for a while, and now and then in silence; so whoever begins there
    with nothing goes on in the same way. `Results.needed` is that place. It is the edge of a bundle, which is why one
    number per session says how far captions are stored. Only what the engine learned of the voice outlives an
    utterance.
    """

    def __init__(self, number: int, queue: SpeakerQueue, tuning: Tuning, show: Callable[[PartialResult], None]) -> None:
        """`show` is called with every new partial result, in another thread."""
        self._number = number
        self._show = show
        self._queue = queue
        self._tuning = tuning
        self._pcm = PcmStream(tuning.pause_s)
        self._voice = VoiceActivity()
        self._utterance: _Utterance | None = None
        self._since: int | None = None
        """The first bundle that the state knows of; None where it is new."""
        self._idle_s = 0.0
        """Sound since then, while nothing is said."""
        self._before: deque[_Sound] = deque()
        self._bundles: deque[tuple[int, Bundle, Hints]] = deque()
        """Those of `_before`."""
        self._recent: deque[bool] = deque(maxlen=_ONSET)
        self._given_up: tuple[int, ...] = ()
        self._left_out: list[LeftOut] = []

    def feed(
        self,
        sequence: int,
        bundle: Bundle,
        answer: Callable[[Results], None],
        hints: Hints = NO_HINTS,
        given_up: tuple[int, ...] = (),
    ) -> None:
        """Recognise the bundle that stands at `sequence` in the capture stream.

        `answer` is called once: at once, or when the utterances that ended are recognised, perhaps in another thread.
        Utterances that begin in a bundle of `given_up` are left out.
        """
        self._given_up = given_up
        undecodable = self._pcm.undecodable
        ended = self._hear(sequence, bundle, hints)
        undecodable = self._pcm.undecodable - undecodable
        utterance = self._utterance
        if utterance is None:
            if self._idle_s >= 2 * _ANEW_S or (self._idle_s >= _ANEW_S and not any(self._recent)):
                ended += self._hear_again()
        elif bundle.last or self._is_over(utterance):
            ended += self._end(sequence)
            self._begin_anew()
        else:
            utterance.pause_after(self._tuning.prepare_s)
            utterance.show_every(self._tuning)
        if bundle.last:
            self._begin_anew()
        speaking = self._utterance is not None and self._utterance.silent_s < _PAUSED_S
        results = Results(
            session=self._number, needed=self._since, undecodable=undecodable, last=bundle.last, speaking=speaking
        )
        self._answer(answer, ended, results)

    def close(self) -> None:
        """Give up what is being said."""
        self._queue.drop()

    def flush(self, sequence: int, answer: Callable[[Results], None], given_up: tuple[int, ...] = ()) -> None:
        """End the utterance: nothing arrives any more. `sequence` is that of the last bundle fed."""
        self._given_up = given_up
        ended = self._end(sequence)
        self._begin_anew()
        self._answer(answer, ended, Results(session=self._number))

    def _answer(self, answer: Callable[[Results], None], ended: list[_Ended], results: Results) -> None:
        results = msgspec.structs.replace(results, left_out=tuple(self._left_out))
        self._left_out.clear()
        if not ended:
            answer(results)
            return

        def complete(_: Future[Outcome]) -> None:
            finals = tuple(final for end in ended if (final := end.result()) is not None)
            answer(msgspec.structs.replace(results, finals=finals))

        # The engine ends them in order.
        ended[-1].outcome.add_done_callback(complete)

    def _hear(self, sequence: int, bundle: Bundle, hints: Hints) -> list[_Ended]:
        """Take the bundle's sound in; what a pause in it ended."""
        ended: list[_Ended] = []
        if self._since is None:
            self._since = sequence
        pcm = b""
        arrived_ns = 0
        for piece in self._pcm.pieces(bundle):
            if piece.after_pause:
                self._take(pcm, arrived_ns, sequence, bundle.base_ns, hints)
                pcm = b""
                # The sound before the pause belongs to the bundles before this one.
                ended += self._end(sequence - 1)
                self._listen_anew()
                self._since = sequence
            pcm += piece.samples
            arrived_ns = piece.arrived_ns
        self._take(pcm, arrived_ns, sequence, bundle.base_ns, hints)
        self._bundles.append((sequence, bundle, hints))
        while self._bundles and not (self._before and self._bundles[0][0] >= self._before[0].sequence):
            self._bundles.popleft()
        return ended

    def _hear_again(self) -> list[_Ended]:
        """Begin anew with what was heard just now, so that nothing before it is needed."""
        bundles = tuple(self._bundles)
        self._begin_anew()
        return [ended for one in bundles for ended in self._hear(*one)]

    def _begin_anew(self) -> None:
        self._pcm.reset()
        self._listen_anew()
        self._since = None

    def _listen_anew(self) -> None:
        self._voice.reset()
        self._before.clear()
        self._bundles.clear()
        self._recent.clear()
        self._idle_s = 0.0

    def _take(self, pcm: bytes, arrived_ns: int, sequence: int, bundle_ns: int, hints: Hints) -> None:
        if not pcm:
            return
        sound = _Sound(pcm, arrived_ns - len(pcm) * 500_000_000 // RATE, sequence, bundle_ns)
        speech = self._voice.judge(pcm)
        if self._utterance is not None:
            self._utterance.add(sound, speech)
            return
        self._idle_s += sound.seconds
        self._before.append(sound)
        while sum(kept.seconds for kept in self._before) - self._before[0].seconds >= _BEFORE_S + sound.seconds:
            self._before.popleft()
        for frame in speech:
            self._recent.append(frame)
            if sum(self._recent) >= _ONSET_SPEECH:
                queue = None if self._before[0].sequence in self._given_up else self._queue
                self._utterance = _Utterance(list(self._before), queue, hints, self._show)
                self._before.clear()
                self._recent.clear()
                return

    def _is_over(self, utterance: _Utterance) -> bool:
        tuning = self._tuning
        if utterance.seconds >= tuning.long_s:
            # It is long: a short breath ends it, and at the greatest length nothing more is needed.
            return utterance.silent_s >= tuning.breath_s or utterance.seconds >= tuning.longest_s
        return utterance.silent_s >= tuning.silence_s

    def _end(self, sequence: int) -> list[_Ended]:
        utterance, self._utterance = self._utterance, None
        if utterance is None:
            return []
        if utterance.given_up:
            self._left_out.append(LeftOut(utterance.first.sequence, sequence))
        outcome = utterance.end()
        return [] if outcome is None else [_Ended(utterance, sequence, outcome)]
