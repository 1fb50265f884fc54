"""Using a model for the first time, in a process of its own, which a damaged one may end. See `checks.try_out`."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from services.transcription.engines import RATE, ModelError
from services.transcription.engines.checks import REFUSED
from services.transcription.engines.choosing import model_of


def main(engine: str, folder: str, var: str) -> int:
    """Load a model and have it recognise two seconds of noise; the exit code."""
    try:
        session = model_of(engine)(Path(folder), Path(var)).load(1, verbose=True).session()
    except ModelError as error:
        sys.stdout.write(" ".join(str(error).split()) + "\n")
        return REFUSED
    session.begin()
    # All that a recogniser computes is computed for noise, which is like no sound in particular.
    session.feed(b"".join(hashlib.sha256(bytes([n % 251, n // 251])).digest() for n in range(2 * RATE // 16)))
    session.partial()
    session.final()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
