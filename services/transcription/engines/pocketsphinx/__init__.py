"""pocketsphinx: small, quick, English out of the box, and wrong in one word of human speech in three or four."""
