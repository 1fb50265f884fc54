"""Messages to browsers are encrypted as RFC 8291 has it, and signed as RFC 8292 does."""

from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from services.notifications.adapters.web_push import (
    LONGEST,
    NoKey,
    authorization,
    browser_of,
    decode,
    encode,
    encrypted,
    new_key,
)

ADDRESS = "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV"
# RFC 8291, section 5 and appendix A.
PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
MESSAGE = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_the_rfc_comes_out_to_the_byte() -> None:
    sender = ec.derive_private_key(int.from_bytes(decode(SENDER), "big"), ec.SECP256R1())
    browser = browser_of(ADDRESS, PUBLIC, AUTH)
    text = b"When I grow up, I want to be a watermelon"
    assert encode(encrypted(browser, text, key=sender, salt=decode(SALT))) == MESSAGE


def test_no_two_messages_are_alike_and_a_long_one_is_refused() -> None:
    browser = browser_of(ADDRESS, PUBLIC, AUTH)
    assert encrypted(browser, b"live") != encrypted(browser, b"live")
    assert len(encrypted(browser, b"x" * LONGEST)) <= 4096
    with pytest.raises(ValueError, match="at most"):
        encrypted(browser, b"x" * (LONGEST + 1))


@pytest.mark.parametrize(
    ("public", "auth"),
    [
        (PUBLIC[:-4], AUTH),
        (PUBLIC, AUTH[:-4]),
        ("A" * 87, AUTH),
        ("é" * 87, AUTH),
        ("", ""),
        (PUBLIC[:-2] + "AA", AUTH),
    ],
)
def test_what_is_no_key_is_refused(public: str, auth: str) -> None:
    with pytest.raises(NoKey):
        browser_of(ADDRESS, public, auth)


def test_a_push_service_can_tell_who_sends_and_for_whom() -> None:
    public, private = new_key()
    said = authorization(ADDRESS, public, private, "https://live.example.org")
    scheme, _, parameters = said.partition(" ")
    token, key = (one.strip().split("=", 1)[1] for one in parameters.split(","))
    assert (scheme, key) == ("vapid", public)
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(key))
    claims = jwt.decode(token, point, algorithms=["ES256"], audience="https://push.example.net")
    assert claims["sub"] == "https://live.example.org"
    _, other = new_key()
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(
            authorization(ADDRESS, public, other, "x").split("t=")[1].split(",")[0],
            point,
            ["ES256"],
            audience="https://push.example.net",
        )
