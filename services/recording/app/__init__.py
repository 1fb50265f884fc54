"""Load, call, save: the life of a recording, what of the captured audio belongs to it, and how it is finished."""

from services.recording.app.finishing import Finishing, Limits
from services.recording.app.intake import Bundle, Intake, NotAdmittedError, RejectedError
from services.recording.app.keeping import Keeping
from services.recording.app.recordings import Recordings

__all__ = ["Bundle", "Finishing", "Intake", "Keeping", "Limits", "NotAdmittedError", "Recordings", "RejectedError"]
