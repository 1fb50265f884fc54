"""The disk, Opus and Ogg, the mix, and the store of finished recordings."""
