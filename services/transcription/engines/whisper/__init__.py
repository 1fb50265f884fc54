"""Whisper on CTranslate2: punctuation and capitals, many languages, and one word of human speech in forty wrong."""
