"""Session descriptions, DTLS, the forwarder, and what media publishes and hears on the bus."""
