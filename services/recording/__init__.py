"""Recording: tracks, mixes and replays of recorded Spaces."""
