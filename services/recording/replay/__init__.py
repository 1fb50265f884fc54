"""From spooled packets to a replay: their place in time, a file for each speaker, and the mix."""
