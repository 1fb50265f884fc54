"""What transcription does: transcribes Spaces, and keeps their transcripts."""
