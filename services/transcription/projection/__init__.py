"""What transcription knows of Spaces and of the people on their stages, and which sealed words are to be destroyed."""

from services.transcription.projection.stages import CaptionedSpace, Speaker, Spoken, Stages
from services.transcription.projection.unwanted import Unwanted

__all__ = ["CaptionedSpace", "Speaker", "Spoken", "Stages", "Unwanted"]
