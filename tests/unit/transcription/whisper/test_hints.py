"""What is known before somebody speaks is used."""

from __future__ import annotations

import pytest

from services.transcription.engines import AUTO, Hints, Recogniser
from services.transcription.engines.choosing import find
from tests.integration.transcription.stage import bundles, carried
from tests.support.segmented import Segmented

BASE = 1_800_000_000 * 10**9

_ENDINGS = ("dir", "ton", "ix", "owski", "meer", "quist", "and", "ulex", "opoulos", "SQL")

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    _, model = find("whisper", None, tmp_path_factory.mktemp("var"))
    return model.load(1)


def said(recogniser: Recogniser, hints: Hints) -> list[tuple[str, str]]:
    """(language, text) of "Tonight we want to talk about what grows well in a small city garden"."""
    finals = Segmented(recogniser.session(), hints=hints).finals(
        bundles(carried()["awb"].packets[225:470], base_ns=BASE)
    )
    return [(final.lang, final.text) for final in finals]


def test_a_rare_name_is_written_as_the_list_of_words_has_it(recogniser: Recogniser) -> None:
    ((_, without),) = said(recogniser, Hints("en"))
    assert "grows well" in without
    ((_, text),) = said(recogniser, Hints("en", "Anna Growswell, Björn Ek. On rivers. city gardens"))
    assert "Growswell" in text


def test_fifty_words_that_nobody_says_change_nothing(recogniser: Recogniser) -> None:
    many = [f"{first}{last}" for first in ("Alba", "Kvas", "Oron", "Tel", "Zyr") for last in _ENDINGS]
    assert len(many) == 50
    ((_, text),) = said(recogniser, Hints("en", ", ".join(many) + ". Anna Lee, Björn Ek. On rivers"))
    assert text.lower().startswith("tonight we want to talk about what grows well in a small city garden")


def test_names_that_nobody_says_are_not_written(recogniser: Recogniser) -> None:
    ((_, text),) = said(recogniser, Hints("en", "Xochitl Nguyen, Siobhán Ní Bhriain. On rivers"))
    assert text.lower().startswith("tonight we want to talk about what grows well")


def test_the_language_is_found_out(recogniser: Recogniser) -> None:
    assert [lang for lang, _ in said(recogniser, Hints(AUTO))] == ["en"]


def test_a_language_that_was_found_out_is_told_and_forgotten_once_another_is_named(recogniser: Recogniser) -> None:
    def speaks(*langs: str) -> list[tuple[str, bool]]:
        session = recogniser.session()
        found = []
        for number, lang in enumerate(langs):
            packets = bundles(carried()["awb"].packets[225:470], base_ns=BASE + number * 10**10, first=number * 1000)
            (final,) = Segmented(session, hints=Hints(lang)).finals(packets)
            found.append((final.lang, final.detected))
        return found

    assert speaks(AUTO, AUTO, "de", AUTO) == [("en", True), ("en", True), ("de", False), ("en", True)]
