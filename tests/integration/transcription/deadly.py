"""Recognition workers that end, or hang, at the work on some utterances."""

from __future__ import annotations

DEADLY = """
import signal, sys, threading
from pathlib import Path

if "services.transcription.adapters.worker" in sys.orig_argv:
    from services.transcription.adapters import recognition

    take = recognition.SpeakerQueue.take

    def take_and_die(self):
        utterance, work = take(self)
        first, last = map(int, Path(__file__).with_name("deadly").read_text().split())
        if first <= utterance <= last:
            work.insert(0, lambda: signal.pthread_kill(threading.get_ident(), signal.{signal}))
        return utterance, work

    recognition.SpeakerQueue.take = take_and_die
"""
"""As `sitecustomize.py` Python runs it when a worker starts, which then ends, or hangs, at the work on utterances that
begin in certain bundles: the file `deadly` beside it has the first and the last of their sequences.

The signal goes to the thread that works. One to the process is taken by the main thread, and until that has a core the
work goes on and may be over: then it is not the utterance that the worker hangs in.
"""
