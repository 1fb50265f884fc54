"""Load, call, save: the life of a recording, what of the captured audio belongs to it, and how it is finished."""

from services.recording.app.builds import Builds
from services.recording.app.erasing import Erasing
from services.recording.app.finishing import Finishing, Limits
from services.recording.app.intake import CapturedMessage, Intake, NotAdmittedError, RejectedError
from services.recording.app.recordings import Recordings
from services.recording.app.retention import Retention
from services.recording.app.vault import Vault

__all__ = [
    "Builds",
    "CapturedMessage",
    "Erasing",
    "Finishing",
    "Intake",
    "Limits",
    "NotAdmittedError",
    "Recordings",
    "RejectedError",
    "Retention",
    "Vault",
]
