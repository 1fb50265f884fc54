"""The page in real Chromium against the real system."""
