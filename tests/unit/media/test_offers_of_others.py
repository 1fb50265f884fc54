"""Offers that are less usual than Chromium's: what the RFCs allow is answered as they say."""

from __future__ import annotations

import re

import pytest

from services.media.adapters.answer import write_answer
from services.media.adapters.offer import BadOffer, Direction, UnsuitableOffer, read_offer
from tests.unit.media.test_sdp import LISTENS, LOCAL, OFFERS, SPEAKS

FIREFOX_LISTENS = (OFFERS / "firefox_listens.sdp").read_bytes().decode()
FIREFOX_BEHIND_VIDEO = (OFFERS / "firefox_speaks_behind_video.sdp").read_bytes().decode()
OTHER = ":".join(["CD"] * 32)
LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"


def sections(sdp: str) -> list[str]:
    """What precedes the first media section, and the sections."""
    return re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)


def only_in(number: int, text: str, *names: str) -> str:
    """An offer whose other sections have none of these attributes."""
    drop = re.compile(rf"^a=(?:{'|'.join(names)})(?::.*)?\r\n", re.MULTILINE)
    parts = sections(text)
    return "".join(part if at in (0, number) else drop.sub("", part) for at, part in enumerate(parts))


def ports(text: str, direction: Direction = "subscribe") -> list[int]:
    """The ports of the answer's m-lines, after it has been seen to be in one bundle with all that it takes."""
    answer = write_answer(read_offer(text, direction), LOCAL)
    found = [int(line.split()[1]) for line in answer.splitlines() if line.startswith("m=")]
    mids = re.findall(r"^m=\w+ (\d+).*?^a=mid:(\S+)", answer, re.MULTILINE | re.DOTALL)
    taken = {mid for port, mid in mids if port != "0"}
    bundle = re.findall(r"^a=group:BUNDLE (.*)\r$", answer, re.MULTILINE)
    assert [set(mids.split()) for mids in bundle] == [taken] or (not bundle and len(taken) == 1)
    return found


TRANSPORT = ("ice-ufrag", "ice-pwd", "ice-options", "fingerprint", "setup", "rtcp-mux", "rtcp")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (FIREFOX_LISTENS, [5004, 5004, 5004]),
        # RFC 9143, section 7.1.3: what is bundle-only has no attributes of a transport.
        (only_in(1, FIREFOX_LISTENS, *TRANSPORT), [5004, 5004, 5004]),
        (FIREFOX_LISTENS.replace("a=bundle-only\r\n", "a=bundle-only \r\n"), [5004, 5004, 5004]),
        (FIREFOX_LISTENS.replace("BUNDLE 0 1 2", "BUNDLE 2 1 0"), [5004, 5004, 5004]),
        (FIREFOX_LISTENS.replace("BUNDLE 0 1 2", "BUNDLE 0 2"), [5004, 0, 5004]),
        (FIREFOX_LISTENS.replace("BUNDLE 0 1 2", "LS 0 1 2"), [5004, 0, 0]),
        (FIREFOX_LISTENS.replace("BUNDLE 0 1 2", "BUNDLE 7\r\na=group:BUNDLE 0 1 2"), [5004, 5004, 5004]),
        (FIREFOX_LISTENS.replace("a=bundle-only\r\n", ""), [5004, 0, 0]),
        (FIREFOX_LISTENS.replace("a=bundle-only\r\n", "", 1), [5004, 0, 5004]),
        # A port says that a section has a transport of its own, whatever else it says.
        (LISTENS.replace("a=mid:1", "a=bundle-only\r\na=mid:1"), [5004, 5004, 5004]),
        (LISTENS.replace("m=audio 9", "m=audio 0", 1), [0, 5004, 5004]),
    ],
)
def test_port_0_rejects_a_section_unless_it_is_bundle_only(text: str, right: list[int]) -> None:
    assert ports(text) == right


@pytest.mark.parametrize(
    "text",
    [FIREFOX_BEHIND_VIDEO, only_in(1, FIREFOX_BEHIND_VIDEO, *TRANSPORT)],
    ids=["Firefox", "without a transport of its own"],
)
def test_audio_that_is_bundle_only_behind_video_is_answered_with_the_videos_transport(text: str) -> None:
    video = sections(text)[1]
    offer = read_offer(text, "publish")
    assert ports(text, "publish") == [5004, 5004]
    assert f"a=ice-ufrag:{offer.ufrag}\r\n" in video
    assert f"a=ice-pwd:{offer.pwd}\r\n" in video
    answered = sections(write_answer(offer, LOCAL))[1]
    assert answered.startswith("m=video 5004 UDP/TLS/RTP/SAVPF 120\r\n")
    assert "a=inactive\r\n" in answered
    assert "a=rtpmap:120 VP8/90000\r\n" in answered
    assert "a=rtcp-mux\r\n" in answered


DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"


@pytest.mark.parametrize("text", [FIREFOX_BEHIND_VIDEO, only_in(1, FIREFOX_BEHIND_VIDEO, *TRANSPORT)])
def test_audio_that_is_bundle_only_behind_data_is_answered_with_the_datas_transport(text: str) -> None:
    first, video, audio = sections(text)
    kept = [
        line for line in video.splitlines() if line.startswith(("c=", "a=ice-", "a=fingerprint", "a=setup", "a=mid"))
    ]
    data = DATA + "".join(f"{line}\r\n" for line in [*kept, "a=sctp-port:5000"])
    offer = read_offer(first + data + audio, "publish")
    assert f"a=ice-ufrag:{offer.ufrag}\r\n" in data
    answered = sections(write_answer(offer, LOCAL))
    assert "a=group:BUNDLE 0 1\r\n" in answered[0]
    assert answered[1].startswith(DATA.replace("9", "5004", 1))
    assert "a=sctp-port:5000\r\n" in answered[1]
    assert "rtcp" not in answered[1]
    assert answered[2].startswith("m=audio 5004 ")


CHROMIUM_BEHIND_VIDEO = FIREFOX_BEHIND_VIDEO.replace("a=bundle-only\r\n", "").replace("m=audio 0", "m=audio 9")
"""As it offers with the policy max-bundle."""


def test_of_two_sections_with_one_ufrag_the_tagged_one_is_not_rejected() -> None:
    assert ports(CHROMIUM_BEHIND_VIDEO, "publish") == [5004, 5004]
    first, video, audio = sections(CHROMIUM_BEHIND_VIDEO)
    audio = re.sub(r"a=ice-ufrag:\w+", "a=ice-ufrag:another", audio)
    assert ports(first + video + audio, "publish") == [0, 5004]
    assert read_offer(first + video + audio, "publish").ufrag == "another"


@pytest.mark.parametrize(
    "text",
    [
        FIREFOX_BEHIND_VIDEO.replace("a=bundle-only\r\n", ""),  # rejected by who offers it
        FIREFOX_BEHIND_VIDEO.replace("m=video 9", "m=video 0"),  # nothing has a transport
        FIREFOX_BEHIND_VIDEO.replace("m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 UDP/TLS/x"),  # or one that we know
        FIREFOX_BEHIND_VIDEO.replace("BUNDLE 0 1", "BUNDLE 1"),
        FIREFOX_BEHIND_VIDEO.replace("a=group:BUNDLE 0 1\r\n", ""),
        FIREFOX_BEHIND_VIDEO.replace("BUNDLE 0 1", "BUNDLE 0\r\na=group:BUNDLE 1"),
    ],
)
def test_a_section_with_port_0_that_is_in_no_bundle_with_a_transport_is_rejected(text: str) -> None:
    with pytest.raises(UnsuitableOffer, match="may send"):
        read_offer(text, "publish")


def test_a_transport_that_nobody_knows_is_passed_over_for_the_next_in_the_bundle() -> None:
    text = FIREFOX_BEHIND_VIDEO.replace("BUNDLE 0 1", "BUNDLE x 0 1") + "m=image 9 UDP/TLS/x t38\r\na=mid:x\r\n"
    assert ports(text, "publish") == [5004, 5004, 0]
    assert read_offer(text, "publish").bundle == ("0", "1")


def test_the_transport_is_that_of_the_first_section_in_the_bundle_that_is_taken() -> None:
    text = LISTENS.replace("BUNDLE 0 1 2", "BUNDLE 1 0 2")
    first, second, third = sections(text)[1:]
    second = second.replace("a=ice-ufrag:PT4X", "a=ice-ufrag:tagged")
    text = sections(text)[0] + first + second + third
    offer = read_offer(text, "subscribe")
    assert (offer.ufrag, offer.bundle) == ("tagged", ("1", "0", "2"))
    assert [line.mid for line in offer.slots] == ["0", "1", "2"]
    assert "a=group:BUNDLE 1 0 2\r\n" in write_answer(offer, LOCAL)
    offer = read_offer(text.replace("m=audio 9", "m=audio 0", 2), "subscribe")
    assert (offer.ufrag, offer.bundle) == ("PT4X", ("2",))
    offer = read_offer(FIREFOX_LISTENS.replace("BUNDLE 0 1 2", "BUNDLE 2 1 0"), "subscribe")
    assert offer.bundle[0] == "0", "the others have no transport"


@pytest.mark.parametrize("codec", ["VP8/90000\x85a=evil:1", "VP8/90000\u2028a=evil:1", "VP8/90000;a=evil", "evil"])
def test_nothing_of_a_camera_can_add_lines_to_the_answer(codec: str) -> None:
    text = FIREFOX_BEHIND_VIDEO.replace("rtpmap:120 VP8/90000", f"rtpmap:120 {codec}")
    assert "evil" not in write_answer(read_offer(text, "publish"), LOCAL)


def mine(text: str) -> str:
    """The offer's own fingerprint."""
    found = re.search(r"a=fingerprint:sha-256 (\S+)", text)
    assert found
    return found[1]


OWN = mine(SPEAKS)
LINE = f"a=fingerprint:sha-256 {OWN}\r\n"
LONG, LONGER = ":".join(["EF"] * 48), ":".join(["01"] * 64)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (SPEAKS, {OWN}),
        # The section's replace the session's (RFC 8122, section 5).
        (SPEAKS.replace("t=0 0\r\n", f"t=0 0\r\na=fingerprint:sha-256 {OTHER}\r\n"), {OWN}),
        (SPEAKS.replace("t=0 0\r\n", f"t=0 0\r\na=fingerprint:sha-512 {LONGER}\r\n"), {OWN}),
        (SPEAKS.replace(LINE, "").replace("t=0 0\r\n", f"t=0 0\r\n{LINE}"), {OWN}),
        # Any of the best hash function's may be the certificate's.
        (SPEAKS.replace(LINE, f"a=fingerprint:sha-256 {OTHER}\r\n{LINE}"), {OWN, OTHER}),
        (SPEAKS.replace(LINE, f"{LINE}a=fingerprint:sha-256 {OTHER}\r\n"), {OWN, OTHER}),
        (SPEAKS.replace(LINE, f"{LINE}a=fingerprint:SHA-512 {LONGER}\r\na=fingerprint:sha-384 {LONG}\r\n"), {LONGER}),
        (SPEAKS.replace(LINE, f"{LINE}a=fingerprint:sha-1 {':'.join(['AA'] * 20)}\r\n"), {OWN}),
        (SPEAKS.replace(LINE, f"{LINE}{LINE}"), {OWN}),
        (SPEAKS.replace(LINE, LINE.replace(OWN, OWN.lower() + " ")), {OWN}),
    ],
)
def test_the_fingerprints_are_the_sections_of_the_best_hash_function(text: str, right: set[str]) -> None:
    assert {value for _, value in read_offer(text, "publish").fingerprints} == right


@pytest.mark.parametrize("digest", [OWN[:-3], OWN + ":00", OWN[:-1] + "G", OWN.replace(":", " "), ""])
def test_a_fingerprint_that_can_match_nothing_is_malformed(digest: str) -> None:
    with pytest.raises(BadOffer, match="fingerprint"):
        read_offer(SPEAKS.replace(OWN, digest), "publish")


def test_fingerprints_of_hash_functions_that_we_do_not_know_hide_the_sessions() -> None:
    unknown = LINE.replace("sha-256", "sha3-256")
    with pytest.raises(BadOffer, match="sha-256"):
        read_offer(SPEAKS.replace(LINE, unknown).replace("t=0 0\r\n", f"t=0 0\r\n{LINE}"), "publish")


@pytest.mark.parametrize(
    "profile",
    [
        "RTP/AVP",
        "RTP/AVPF",
        "RTP/SAVP",
        "RTP/SAVPF",
        "TCP/DTLS/RTP/SAVP",
        "TCP/DTLS/RTP/SAVPF",
        "UDP/TLS/RTP/SAVP",
        "UDP/TLS/RTP/SAVPF",
    ],
)
def test_every_profile_of_rfc_9429_is_taken_and_echoed(profile: str) -> None:
    answer = write_answer(read_offer(SPEAKS.replace("UDP/TLS/RTP/SAVPF", profile), "publish"), LOCAL)
    assert f"m=audio 5004 {profile} 111 63\r\n" in answer


@pytest.mark.parametrize("profile", ["RTP/AVPFX", "UDP/RTP/AVP", "TCP/RTP/AVP", "TCP/TLS/RTP/SAVPF", "RTP"])
def test_no_other_profile_is(profile: str) -> None:
    with pytest.raises(UnsuitableOffer, match="DTLS-SRTP"):
        read_offer(SPEAKS.replace("UDP/TLS/RTP/SAVPF", profile), "publish")


def test_without_a_fingerprint_no_profile_helps() -> None:
    with pytest.raises(BadOffer, match="fingerprint"):
        read_offer(SPEAKS.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP").replace(LINE, ""), "publish")


def extmaps(text: str, direction: Direction) -> list[list[str]]:
    """The header extensions of each section of the answer."""
    answer = write_answer(read_offer(text, direction), LOCAL)
    return [re.findall(r"^a=extmap:(.*)\r$", part, re.MULTILINE) for part in sections(answer)[1:]]


@pytest.mark.parametrize(
    ("offered", "direction", "right"),
    [
        ("1", "publish", f"1 {LEVEL}"),
        ("1/sendonly", "publish", f"1/recvonly {LEVEL}"),
        ("1/sendrecv", "publish", f"1/recvonly {LEVEL}"),
        ("1/recvonly", "publish", None),  # whoever speaks does not measure
        ("1/inactive", "publish", None),
        ("1/sideways", "publish", None),
        ("1", "subscribe", f"1 {LEVEL}"),
        ("1/recvonly", "subscribe", f"1/sendonly {LEVEL}"),
        ("1/sendrecv", "subscribe", f"1/sendonly {LEVEL}"),
        ("1/sendonly", "subscribe", None),
        ("1/inactive", "subscribe", None),
    ],
)
def test_a_header_extension_is_answered_with_the_other_direction(
    offered: str, direction: Direction, right: str | None
) -> None:
    text = (SPEAKS if direction == "publish" else LISTENS).replace(f"extmap:1 {LEVEL}", f"extmap:{offered} {LEVEL}")
    lines = [] if right is None else [right]
    each = extmaps(text, direction)
    assert each == [[*lines, f"4 {MID}"]] * len(each)
    assert (read_offer(text, direction).level_extension is None) == (right is None)


def test_one_number_for_two_header_extensions_is_none() -> None:
    assert extmaps(SPEAKS.replace("extmap:4 ", "extmap:1 "), "publish") == [[]]


def test_each_section_is_answered_in_its_own_way() -> None:
    text = LISTENS.replace(f"extmap:1 {LEVEL}", f"extmap:1/recvonly {LEVEL}", 1)
    assert [each[0] for each in extmaps(text, "subscribe")] == [f"1/sendonly {LEVEL}", f"1 {LEVEL}", f"1 {LEVEL}"]
    text = LISTENS.replace(f"extmap:4 {MID}", f"extmap:4/sendonly {MID}", 1)
    assert all(each == [f"1 {LEVEL}"] for each in extmaps(text, "subscribe")), "all or none: packets have one form"


def before_all(text: str, *attributes: str) -> str:
    """An offer that has these before its first section, and no header extensions in any."""
    none = re.sub(r"^a=extmap:.*\r\n", "", text, flags=re.MULTILINE)
    return none.replace("t=0 0\r\n", "t=0 0\r\n" + "".join(f"a={line}\r\n" for line in attributes))


def test_header_extensions_before_all_sections_are_each_ones() -> None:
    """As in the example of RFC 8285, section 7."""
    both = (f"extmap:1 {LEVEL}", f"extmap:4 {MID}")
    assert extmaps(before_all(SPEAKS, *both), "publish") == [[f"1 {LEVEL}", f"4 {MID}"]]
    assert extmaps(before_all(LISTENS, *both), "subscribe") == [[f"1 {LEVEL}", f"4 {MID}"]] * 3
    sent = before_all(SPEAKS, f"extmap:1/sendonly {LEVEL}", f"extmap:4/recvonly {MID}")
    assert extmaps(sent, "publish") == [[f"1/recvonly {LEVEL}"]]


@pytest.mark.parametrize(
    ("offered", "right"),
    [
        ([f"7/recvonly {LEVEL}", f"1/sendonly {LEVEL}"], f"1/recvonly {LEVEL}"),
        ([f"1/sendonly {LEVEL}", f"7/recvonly {LEVEL}"], f"1/recvonly {LEVEL}"),
        ([f"4096 {LEVEL}", f"1 {LEVEL}"], f"1 {LEVEL}"),
        ([f"15 {LEVEL}", f"256 {LEVEL}", f"9/sendrecv {LEVEL}"], f"9/recvonly {LEVEL}"),
        ([f"2 {LEVEL} vad=on", f"1 {LEVEL} vad=off"], f"2 {LEVEL}"),
    ],
)
def test_of_several_numbers_of_a_header_extension_one_that_can_be_used_is(offered: list[str], right: str) -> None:
    lines = "\r\na=extmap:".join(offered)
    assert extmaps(SPEAKS.replace(f"extmap:1 {LEVEL}", f"extmap:{lines}"), "publish") == [[right, f"4 {MID}"]]


def test_sections_agree_on_the_number_that_all_of_them_have() -> None:
    text = LISTENS.replace(f"a=extmap:1 {LEVEL}", f"a=extmap:9 {LEVEL}\r\na=extmap:1/recvonly {LEVEL}", 1)
    assert [each[0] for each in extmaps(text, "subscribe")] == [f"1/sendonly {LEVEL}", f"1 {LEVEL}", f"1 {LEVEL}"]


@pytest.mark.parametrize(
    "line",
    ["image 9 udptl t38", "application 9 UDP/TLS/x-2 *", "x-slides2 9 RTP/AVP 0", "audio 9 udp/tls/rtp/savpf 111"],
)
def test_a_section_of_a_kind_that_nobody_knows_is_rejected_and_nothing_else(line: str) -> None:
    """Names of media and of protocols are tokens (RFC 8866, section 9)."""
    answer = write_answer(read_offer(f"{SPEAKS}m={line}\r\n", "publish"), LOCAL)
    assert "m=audio 5004 " in answer
    assert f"m={line.replace(' 9 ', ' 0 ')}\r\n" in answer


TWO = SPEAKS.replace("SAVPF 111 63", "SAVPF 96 111 63").replace(
    "a=rtpmap:63 ", "a=rtpmap:96 opus/48000/2\r\na=rtpmap:63 "
)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (TWO, (96, None)),  # the redundant audio is of the other one
        (TWO.replace("96 111 63", "111 96 63"), (111, 63)),
        (TWO.replace("fmtp:63 111/111", "fmtp:63 96/96"), (96, 63)),
        (TWO.replace("SAVPF 96 111", "SAVPF 72 111").replace("rtpmap:96", "rtpmap:72"), (111, 63)),
        (TWO.replace("SAVPF 96 111", "SAVPF 200 111").replace("rtpmap:96", "rtpmap:200"), (111, 63)),
        (TWO.replace("rtpmap:96 opus/48000/2", "rtpmap:96 opus/48000/1"), (111, 63)),
        (TWO.replace("rtpmap:96 opus", "rtpmap:96 OPUS"), (96, None)),
        (TWO.replace("SAVPF 96 111 63", "SAVPF 111 63"), (111, 63)),
    ],
)
def test_of_two_payload_types_of_opus_the_first_is_answered(text: str, right: tuple[int, int | None]) -> None:
    offer = read_offer(text, "publish")
    assert (offer.payload_type, offer.red) == right
    formats = re.findall(r"^m=audio 5004 \S+ (.*)\r$", write_answer(offer, LOCAL), re.MULTILINE)
    assert [sorted(map(int, line.split())) for line in formats] == [sorted(number for number in right if number)]


def test_a_section_without_the_firsts_payload_type_is_rejected_and_the_others_are_not() -> None:
    parts = sections(LISTENS)
    parts[2] = parts[2].replace("SAVPF 111 63", "SAVPF 96 63").replace("rtpmap:111", "rtpmap:96")
    assert ports("".join(parts)) == [5004, 0, 5004]
    parts[2] = (
        parts[2]
        .replace("SAVPF 96", "SAVPF 96 111")
        .replace("a=rtpmap:63 ", "a=rtpmap:111 opus/48000/2\r\na=rtpmap:63 ")
    )
    assert ports("".join(parts)) == [5004, 5004, 5004]


@pytest.mark.parametrize("length", [17, 36, 40, 255])
def test_a_mid_that_fits_no_header_is_taken_without_the_header_extension(length: int) -> None:
    long = "x" * length
    text = LISTENS.replace("a=mid:1", f"a=mid:{long}").replace("BUNDLE 0 1 2", f"BUNDLE 0 {long} 2")
    offer = read_offer(text, "subscribe")
    assert (offer.mid_extension, offer.level_extension) == (None, 1)
    assert [line.mid for line in offer.slots] == ["0", long, "2"]
    assert f"a=mid:{long}\r\n" in write_answer(offer, LOCAL)
    text = LISTENS.replace("a=mid:1", f"a=mid:{long[:16]}").replace("BUNDLE 0 1 2", f"BUNDLE 0 {long[:16]} 2")
    assert read_offer(text, "subscribe").mid_extension == 4


def test_only_the_mids_of_what_is_taken_matter() -> None:
    long = "v" * 40
    text = FIREFOX_BEHIND_VIDEO.replace("a=mid:0", f"a=mid:{long}").replace("BUNDLE 0 1", f"BUNDLE {long} 1")
    assert read_offer(text, "publish").mid_extension == 3


@pytest.mark.parametrize("blanks", [" ", "\t", "  \t "])
@pytest.mark.parametrize(
    "attribute", ["sendonly", "rtcp-mux", "mid:0", "setup:actpass", "group:BUNDLE 0", "rtpmap:111 opus/48000/2"]
)
def test_blanks_at_the_end_of_a_line_mean_nothing(attribute: str, blanks: str) -> None:
    assert f"a={attribute}\r\n" in SPEAKS
    assert read_offer(SPEAKS.replace(f"a={attribute}\r\n", f"a={attribute}{blanks}\r\n"), "publish") == read_offer(
        SPEAKS, "publish"
    )
    each = "".join(f"{line}{blanks}\r\n" for line in SPEAKS.splitlines())
    assert read_offer(each, "publish") == read_offer(SPEAKS, "publish")
    with pytest.raises(UnsuitableOffer, match="may send"):
        read_offer(SPEAKS.replace("a=sendonly", f"a=inactive{blanks}"), "publish")
    with pytest.raises(UnsuitableOffer, match="may send"):
        read_offer(SPEAKS.replace("a=sendonly", f"a=recvonly{blanks}"), "publish")


@pytest.mark.parametrize("name", ["inactivity", "inactive-x", "sendonly2"])
def test_what_only_begins_like_a_direction_is_none(name: str) -> None:
    text = SPEAKS.replace("a=sendonly", f"a={name}\r\na=sendonly")
    assert read_offer(text, "publish") == read_offer(SPEAKS, "publish")
