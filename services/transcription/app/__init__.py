"""What transcription does: keeps transcripts, and listens to Spaces."""

from services.transcription.app.captioning import Captioning
from services.transcription.app.hearing import Pace
from services.transcription.app.transcripts import Transcripts

__all__ = ["Captioning", "Pace", "Transcripts"]
