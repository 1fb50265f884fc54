"""What transcription knows of Spaces and of the people on their stages, and which sealed words are to be destroyed."""
