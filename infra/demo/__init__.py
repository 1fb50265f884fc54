"""One Space from creation to replay, through the public gateway alone, as any client would."""
