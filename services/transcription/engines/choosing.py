"""Choosing the speech engine: the one of the settings, or the preferred one that finds a model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import cast

from services.transcription import engines
from services.transcription.engines import AUTO, Model, ModelError
from services.transcription.engines.checks import try_out, verify_sums

_log = logging.getLogger(__name__)


class EngineUnknownError(Exception):
    """There is no engine of this name."""


def names() -> Sequence[str]:
    """The engines there are."""
    return sorted(module.name for module in iter_modules(engines.__path__) if module.ispkg)


def find(engine: str, folder: Path | None, var: Path) -> tuple[str, Model]:
    """(name, model) of an engine, or of the preferred one for `auto`; `folder` and `var` as for `Model`.

    Why `auto` does not take one that is preferred is logged.

    Raises EngineUnknownError, ModelError.
    """
    if engine != AUTO and engine not in names():
        raise EngineUnknownError(f"{engine!r} is no speech engine; there are {', '.join(names())}, and {AUTO}")
    models = {name: model_of(name) for name in (names() if engine == AUTO else [engine])}
    reasons = []
    for name in sorted(models, key=lambda name: models[name].preference, reverse=True):
        try:
            model = models[name](folder, var)
            if folder is not None:
                verify_sums(folder, var)
                try_out(name, folder, var)
        except ModelError as error:
            reasons.append(str(error))
        else:
            if reasons:
                _log.warning("speech is transcribed by %s", name, extra={"why": "; ".join(reasons)})
            return name, model
    raise ModelError("; ".join(reasons))


def model_of(engine: str) -> type[Model]:
    """The models of an engine that there is."""
    return cast("type[Model]", import_module(f"{engines.__name__}.{engine}.model").Model)
