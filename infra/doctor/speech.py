"""Captions: the engine that would be taken, and its model."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from pathlib import Path

from infra.doctor.findings import Finding, bad, good, worth_knowing
from infra.doctor.situation import Situation
from services.transcription.engines import AUTO, ModelError, choosing

_BEST = "whisper"


async def model(situation: Situation) -> Finding:
    """A speech engine has a model that can be used."""
    settings = situation.transcription
    log = logging.getLogger(choosing.__name__)
    log.disabled = True  # it is found here
    try:
        with tempfile.TemporaryDirectory() as folder:  # what it notes there is not to belong to whoever asks
            name, _ = await asyncio.to_thread(choosing.find, settings.engine, settings.model, Path(folder))
    except choosing.EngineUnknownError as error:
        return bad(str(error), "change ROSTRUM_TRANSCRIPTION_ENGINE")
    except ModelError as error:
        return bad(str(error), "run `make setup` again, or change ROSTRUM_TRANSCRIPTION_MODEL")
    finally:
        log.disabled = False
    if settings.engine == AUTO and name != _BEST:
        return worth_knowing(
            f"captions come from {name}, which gets one word in four wrong",
            "run `make setup` where the weights of Whisper can be downloaded (200 MB)",
        )
    return good(name)
