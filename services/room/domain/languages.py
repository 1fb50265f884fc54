"""Tags of languages that people choose: valid ones of BCP 47 (RFC 5646), as far as lists that rarely change can tell.

The contract, which only grows, lets more through. Checked are the grammar of section 2.1 and its order, the languages
with two letters (ISO 639-1), the regions (ISO 3166-1), and that no variant and no extension is there twice. Languages
with three letters and scripts are too many to be listed here; any of their shape is taken.
"""

from __future__ import annotations

import re
from typing import Final

from libs.refusal import Refusal

_LONGEST: Final = 35
"""Characters of a tag; with RFC 5646 (section 4.4.1) every one that is in use fits."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LANGUAGES: Final = _set(
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en "
    "eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv "
    "ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne "
    "ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss "
    "st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu in ji jw mo"
)
_HAVE_TWO_LETTERS: Final = _set(
    "aar abk afr aka alb amh ara arg arm asm ava ave aym aze bak bam baq bel ben bis bod bos bre bul bur cat ces cha "
    "che chi chu chv cor cos cre cym cze dan deu div dut dzo ell eng epo est eus ewe fao fas fij fin fra fre fry ful "
    "geo ger gla gle glg glv gre grn guj hat hau hbs heb her hin hmo hrv hun hye ibo ice ido iii iku ile ina ind ipk "
    "isl ita jav jpn kal kan kas kat kau kaz khm kik kin kir kom kon kor kua kur lao lat lav lim lin lit ltz lub lug "
    "mac mah mal mao mar may mkd mlg mlt mon mri msa mya nau nav nbl nde ndo nep nld nno nob nor nya oci oji ori orm "
    "oss pan per pli pol por pus que roh ron rum run rus sag san sin slk slo slv sme smo sna snd som sot spa sqi srd "
    "srp ssw sun swa swe tah tam tat tel tgk tgl tha tib tir ton tsn tso tuk tur twi uig ukr urd uzb ven vie vol wel "
    "wln wol xho yid yor zha zho zul"
)
"""Codes of ISO 639-2 that are no subtags: the shortest code of a language is (section 2.2.1)."""
_WITH_EXTENDED: Final = _set("ar kok lv ms sgn sw uz zh")
"""Languages that another one of three letters may follow (section 2.2.2)."""
_REGIONS: Final = _set(
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA "
    "CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET EU FI FJ FK FM FO FR "
    "GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO "
    "JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR "
    "MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO "
    "RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV "
    "TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW "
    "AC AN BU CP CQ CS DD DG EA EZ FX IC NT SU TA TP UN YD YU ZR AA ZZ"
)
_PRIVATE_REGION: Final = re.compile(r"X[A-Z]|Q[M-Z]", re.ASCII)
_TAG: Final = re.compile(
    r"(?P<language>[a-z]{2,3})(?P<extended>-[a-z]{3})?"
    r"(?:-[a-z]{4})?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
    r"(?P<extensions>(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*)"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?",
    re.ASCII | re.IGNORECASE,
)
_SINGLETON: Final = re.compile(r"-([0-9a-wy-z])(?=-)", re.ASCII)


def must_be_a_language(tag: str) -> None:
    """Raises Refusal invalid for what is no valid tag of a language."""
    if len(tag) > _LONGEST:
        raise Refusal("invalid", f"A language tag has at most {_LONGEST} characters.", field="lang")
    if not _is_valid(tag):
        detail = f"{tag!r} is no language tag of BCP 47; use one such as en, pt-BR or zh-Hant."
        raise Refusal("invalid", detail, field="lang")


def _is_valid(tag: str) -> bool:
    match = _TAG.fullmatch(tag)
    if match is None:
        return False
    language, region = match["language"].lower(), (match["region"] or "").upper()
    if language in _HAVE_TWO_LETTERS or (len(language) == 2 and language not in _LANGUAGES):
        return False
    if match["extended"] and language not in _WITH_EXTENDED:
        return False
    if len(region) == 2 and region not in _REGIONS and _PRIVATE_REGION.fullmatch(region) is None:
        return False
    variants = match["variants"].lower().split("-")[1:]
    singletons = _SINGLETON.findall(match["extensions"].lower())
    return len(set(variants)) == len(variants) and len(set(singletons)) == len(singletons)
