"""What media speaks to the outside: session descriptions, DTLS, the forwarder, capture and presence on the bus."""
