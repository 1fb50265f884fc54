"""What is examined: the settings of a machine, and the system that runs on it, if one does."""

from __future__ import annotations

import importlib
import inspect
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from libs.service import BadSettings, ServiceSettings
from services.analytics.settings import Settings as AnalyticsSettings
from services.gateway.settings import GatewaySettings
from services.media.settings import Settings as MediaSettings
from services.recording.settings import Settings as RecordingSettings
from services.transcription.settings import Settings as TranscriptionSettings


def settings_class(service: str) -> type[ServiceSettings]:
    """The class of a service's settings."""
    module = importlib.import_module(f"services.{service}.settings")
    return next(
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, ServiceSettings) and value.__module__ == module.__name__
    )


def settings_of(service: str, environment: Mapping[str, str]) -> ServiceSettings:
    """A service's settings in an environment. Raises BadSettings."""
    return settings_class(service).read(environment)


@dataclass(frozen=True)
class Situation:
    """`environment` is what `rostrum up` would give its services; `var` the folder of the system's data."""

    environment: Mapping[str, str]
    var: Path
    _defaults: dict[str, ServiceSettings] = field(default_factory=dict)

    @property
    def gateway(self) -> GatewaySettings:
        """The gateway's settings; its defaults where they cannot be read, which a check of its own says."""
        return cast(GatewaySettings, self._settings("gateway"))

    @property
    def media(self) -> MediaSettings:
        """The same of media."""
        return cast(MediaSettings, self._settings("media"))

    @property
    def recording(self) -> RecordingSettings:
        """The same of recording."""
        return cast(RecordingSettings, self._settings("recording"))

    @property
    def analytics(self) -> AnalyticsSettings:
        """The same of analytics."""
        return cast(AnalyticsSettings, self._settings("analytics"))

    @property
    def transcription(self) -> TranscriptionSettings:
        """The same of transcription."""
        return cast(TranscriptionSettings, self._settings("transcription"))

    def _settings(self, service: str) -> ServiceSettings:
        if service not in self._defaults:
            at_least = {"ROSTRUM_VAR": str(self.var)}
            try:
                self._defaults[service] = settings_of(service, {**self.environment, **at_least})
            except BadSettings:
                self._defaults[service] = settings_of(service, at_least)
        return self._defaults[service]

    @cached_property
    def running(self) -> Mapping[str, Any] | None:
        """What the system that runs on `var` says of itself; None where none does."""
        try:
            system: dict[str, Any] = json.loads((self.var / "run" / "system.json").read_text())
            os.kill(int(system["launcher_pid"]), 0)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return system

    def health_of(self, process: str) -> str | None:
        """The address of a running process's health page."""
        processes = (self.running or {}).get("processes", {})
        return cast("str | None", processes.get(process, {}).get("health"))
