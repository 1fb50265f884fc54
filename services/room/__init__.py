"""The Space: lifecycle, stage, requests, removals, presence."""
