"""What transcription does: transcribes Spaces, and keeps their transcripts."""

from services.transcription.app.captioning import Captioning
from services.transcription.app.forgetting import Destroyer
from services.transcription.app.letters import Letters
from services.transcription.app.transcriber import Pace
from services.transcription.app.transcripts import Transcripts

__all__ = ["Captioning", "Destroyer", "Letters", "Pace", "Transcripts"]
