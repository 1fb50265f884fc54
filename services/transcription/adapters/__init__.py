"""Recognition in processes of its own, and transcripts as documents."""
