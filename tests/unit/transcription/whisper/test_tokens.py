"""Text to tokens and back."""

from __future__ import annotations

import pytest

from services.transcription.engines.whisper.tokens import Tokens
from services.transcription.engines.whisper.weights import BASE, Weights

TEXT = " Xochitl Nguyễn's café, 12½ €, it's 東京.\n A --> B <i>&"
IDS = [
    1783, 8997, 270, 75, 426, 39344, 36664, 77, 311, 25118, 11, 2272, 126, 121, 17450, 11, 309, 311, 220, 18413, 31375,
    13, 198, 316, 14350, 363, 2627, 72, 29, 5,
]  # fmt: skip
"""What Hugging Face's tokenizers 0.23.3 makes of it."""

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    (tokenizer,) = Weights(tmp_path_factory.mktemp("var")).find(BASE)["tokenizer.json"]
    return Tokens(tokenizer.read_bytes())


def test_text_is_divided_as_in_training(tokens: Tokens) -> None:
    assert tokens.encode(TEXT) == IDS
    assert tokens.decode(IDS) == TEXT


def test_what_stands_for_a_special_token_is_text_when_somebody_writes_it(tokens: Tokens) -> None:
    assert not set(tokens.encode(" <|endoftext|> <|en|>")) & set(tokens.special.values())


def test_special_tokens_have_no_text(tokens: Tokens) -> None:
    assert tokens.decode([tokens.special["<|en|>"], *tokens.encode(" Yes."), tokens.end]) == " Yes."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" It's a rainy day, isn't it?", ["It's", "a", "rainy", "day,", "isn't", "it?"]),
        (" Nguyễn's café l’été", ["Nguyễn's", "café", "l’été"]),
        ("東京です。", ["東", "京", "です。"]),
    ],
)
def test_words_are_told_apart_in_every_script(tokens: Tokens, text: str, words: list[str]) -> None:
    ids = tokens.encode(text)
    divided = tokens.words(ids)
    assert [id for word in divided for id in word] == ids
    assert [tokens.decode(word).strip() for word in divided] == words
