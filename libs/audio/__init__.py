"""Audio as it is sent: Opus packets (RFC 6716) and the numbers that RTP gives them (RFC 3550)."""
