"""What the demo found, as data and as a page for a person; and what of it was wrong."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

from infra.demo.cast import Listener, Speaker
from infra.demo.live_events import LiveEvent
from infra.demo.loudness import measure
from infra.demo.story import PlayedStory, file_name
from infra.demo.voice import FRAME_SECONDS
from infra.demo.word_error import word_errors

HEARD_SECONDS = 1.0
"""So much of a speaker's own payloads must have reached a listener for the listener to have heard them."""
MUTE_SECONDS = 0.25
"""How long after the confirmed mute a payload may still have been under way."""
FILLER_BYTES = 3
"""Opus packets up to this size hold no speech: what a track is filled with where nothing was sent."""
LOUDNESS = (-17.0, -15.0)
"""LUFS of a replay."""
PEAK = -1.0
"""dBTP of a replay at most."""
LOSS = 0.005
"""Share of packets that may be lost on one machine."""


def summarise(
    told: PlayedStory, *, rebuilt: bool, engine: str, services: list[dict[str, Any]], out: Path
) -> dict[str, Any]:
    """`summary.json`; see README for what each field says."""
    owners = _owners(told.speakers)
    heard = [_heard(listener, owners) for listener in told.listeners]
    captions = told.public.all("transcription.captioned")
    names = {speaker.client.id: speaker.name for speaker in told.speakers}
    talk = told.figures["talk_seconds_by_speaker"]
    lufs, true_peak = measure(out / "replay.m4a")
    return {
        "space_id": told.space_id,
        "duration_s": round(told.ended - told.began, 1),
        "speakers": [_speaker(speaker, told.listeners, captions) for speaker in told.speakers],
        "listeners": [
            {
                "name": listener.name,
                "packets_received": listener.ears.heard.packets,
                "packets_lost": listener.ears.heard.lost,
                "speakers_heard": [s.name for s in told.speakers if seconds[s.name] >= HEARD_SECONDS],
                "first_audio_ms": _rounded(listener.ears.heard.first_audio_ms),
            }
            for listener, seconds in zip(told.listeners, heard, strict=True)
        ],
        "captions": {
            "engine": engine,
            "partial": len(told.public.all("captions.partial")),
            "final": len(captions),
            "first_final_after_ms": round((captions[0][0] - told.began) * 1000) if captions else None,
        },
        "replay": {
            "seconds": told.replay["seconds"],
            "bytes": told.replay["bytes"],
            "lufs": lufs,
            "true_peak_dbtp": true_peak,
        },
        "tracks": [_track(speaker, told.listeners, owners, out) for speaker in told.speakers],
        "tips": told.tips,
        "analytics": {
            "peak_listeners": told.figures["peak_listeners"],
            "talk_seconds_by_speaker": {names.get(id, id): round(seconds, 1) for id, seconds in talk.items()},
            "reactions": told.figures["reactions"],
        },
        "rebuilt_equals_live": rebuilt,
        "services": services,
    }


def wrong(told: PlayedStory, summary: dict[str, Any]) -> Iterator[str]:
    """What is not as it should be, the most telling first; nothing where all is well."""
    everybody = [speaker.name for speaker in told.speakers]
    for listener in summary["listeners"]:
        if missing := [name for name in everybody if name not in listener["speakers_heard"]]:
            yield f"{listener['name']} did not hear {', '.join(missing)}"
        if listener["packets_lost"] > LOSS * max(1, listener["packets_received"]):
            yield f"{listener['name']} lost {listener['packets_lost']} of {listener['packets_received']} packets"
    for speaker in told.speakers:
        if leaked := _leaked(speaker, told.listeners, _owners(told.speakers)):
            yield f"{leaked} packets of {speaker.name} were heard while they were muted"
    if summary["replay"]["seconds"] <= 0 or summary["replay"]["bytes"] <= 0:
        yield "there is no replay"
    lufs, true_peak = summary["replay"]["lufs"], summary["replay"]["true_peak_dbtp"]
    if not LOUDNESS[0] <= lufs <= LOUDNESS[1] or true_peak > PEAK:
        yield f"the replay is at {lufs} LUFS with peaks of {true_peak} dBTP"
    for track in summary["tracks"]:
        if track["foreign"]:
            yield f"{track['foreign']} packets in the track of {track['name']} are not theirs"
        if track["missing"]:
            yield f"{track['missing']} packets that listeners heard of {track['name']} are not in the track"
    if not summary["captions"]["final"]:
        yield "there are no captions"
    if summary["analytics"]["peak_listeners"] < len(told.listeners):
        yield f"analytics counted {summary['analytics']['peak_listeners']} of {len(told.listeners)} listeners"
    if missing := [name for name in everybody if not summary["analytics"]["talk_seconds_by_speaker"].get(name)]:
        yield f"analytics has no talk time of {', '.join(missing)}"
    if told.listeners and not summary["tips"]:
        yield "the tip is not there"
    if not summary["rebuilt_equals_live"]:
        yield "the Space rebuilt from its stored events differs from the live one"
    yield from (f"the {s['name']} service is not ready" for s in summary["services"] if not s["ready"])


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16).digest()


def _owners(speakers: list[Speaker]) -> dict[bytes, str]:
    """Whose a payload is: those that only one speaker sent (silence is alike for all, and proves nothing)."""
    owners: dict[bytes, str] = {}
    shared: set[bytes] = set()
    for speaker in speakers:
        for digest in {_digest(payload) for payload in speaker.speech.spoken.payloads}:
            if digest in owners:
                shared.add(digest)
            owners[digest] = speaker.name
    return {digest: name for digest, name in owners.items() if digest not in shared}


def _heard(listener: Listener, owners: dict[bytes, str]) -> dict[str, float]:
    """Seconds of each speaker's own payloads that reached a listener."""
    seconds: dict[str, float] = defaultdict(float)
    for digest in {_digest(payload) for payload in listener.ears.heard.payloads}:
        if digest in owners:
            seconds[owners[digest]] += FRAME_SECONDS
    return seconds


def _on_air(speaker: Speaker, listeners: list[Listener]) -> set[bytes]:
    """The speaker's payloads that anybody heard."""
    sent = {_digest(payload) for payload in speaker.speech.spoken.payloads}
    return sent & {_digest(payload) for listener in listeners for payload in listener.ears.heard.payloads}


def _speaker(speaker: Speaker, listeners: list[Listener], captions: list[tuple[float, LiveEvent]]) -> dict[str, Any]:
    on_air = _on_air(speaker, listeners)
    spoken = speaker.speech.spoken.payloads
    return {
        "name": speaker.name,
        "packets_sent": len(spoken),
        "seconds_on_air": round(sum(_digest(p) in on_air for p in spoken) * FRAME_SECONDS, 2),
    } | _word_error(speaker, captions)


def _word_error(speaker: Speaker, captions: list[tuple[float, LiveEvent]]) -> dict[str, Any]:
    """How many words the speaker's final captions have wrong; None where what was said is not known."""
    if not speaker.part.text:
        return {"words_said": None, "words_wrong": None, "word_error": None}
    own = [event.data["caption"] for _, event in captions]
    own = sorted((c for c in own if c["person"]["id"] == speaker.client.id), key=lambda c: str(c["start_at"]))
    wrong, said = word_errors(speaker.part.text, " ".join(caption["text"] for caption in own))
    return {"words_said": said, "words_wrong": wrong, "word_error": round(wrong / max(1, said), 4)}


def _leaked(speaker: Speaker, listeners: list[Listener], owners: dict[bytes, str]) -> int:
    """Packets sent while muted and heard by somebody; not counted are those that were sent at other times too."""
    if speaker.muted_from is None or speaker.muted_until is None:
        return 0
    begin, end = speaker.muted_from + MUTE_SECONDS, speaker.muted_until
    spoken = speaker.speech.spoken
    during = {_digest(p) for p, at in zip(spoken.payloads, spoken.times, strict=True) if begin < at < end}
    other = {_digest(p) for p, at in zip(spoken.payloads, spoken.times, strict=True) if not begin < at < end}
    only_then = {digest for digest in during - other if owners.get(digest) == speaker.name}
    return len(only_then & _on_air(speaker, listeners))


def _track(speaker: Speaker, listeners: list[Listener], owners: dict[bytes, str], out: Path) -> dict[str, Any]:
    """How the recorded track compares, payload by payload, to what was sent and to what was heard of this speaker."""
    path = out / "tracks" / f"{file_name(speaker.name)}.ogg"
    with av.open(str(path)) as container:
        recorded = Counter(_digest(bytes(p)) for p in container.demux(audio=0) if p.size > FILLER_BYTES)
    sent = Counter(_digest(p) for p in speaker.speech.spoken.payloads if len(p) > FILLER_BYTES)
    heard = {digest for digest in _on_air(speaker, listeners) if owners.get(digest) == speaker.name}
    return {
        "name": speaker.name,
        "packets": recorded.total(),
        "foreign": (recorded - sent).total(),
        "missing": len(heard - recorded.keys()),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def timeline(told: PlayedStory) -> dict[str, Any]:
    """When what was sent, for whoever compares the recording with it: `sent.json`."""
    return {
        "began": told.began,
        "replay_began_at": told.replay["began_at"],
        "speakers": [
            {
                "name": speaker.name,
                "person_id": speaker.client.id,
                "muted_from": speaker.muted_from,
                "muted_until": speaker.muted_until,
                "utterances": [
                    {
                        "began": utterance.began,
                        "from_s": round(utterance.first * FRAME_SECONDS, 2),
                        "seconds": round(utterance.count * FRAME_SECONDS, 2),
                    }
                    for utterance in speaker.speech.spoken.utterances
                ],
            }
            for speaker in told.speakers
        ],
    }


def page(summary: dict[str, Any], out: Path) -> str:
    """The summary as a person likes to read it."""
    lines = ["", f"Space {summary['space_id']} · {summary['duration_s']:.0f} s on air", ""]
    lines.append("  Speaker            sent packets   on air   words wrong")
    lines += [
        f"  {s['name']:<18} {s['packets_sent']:>12} {s['seconds_on_air']:>7.1f} s   {_wrong_words(s)}"
        for s in summary["speakers"]
    ]
    lines += ["", "  Listener           packets   lost   first audio   heard"]
    for listener in summary["listeners"]:
        first = "-" if listener["first_audio_ms"] is None else f"{listener['first_audio_ms']:.0f} ms"
        heard = ", ".join(listener["speakers_heard"]) or "nobody"
        lines.append(
            f"  {listener['name']:<18} {listener['packets_received']:>7} {listener['packets_lost']:>6}"
            f" {first:>13}   {heard}"
        )
    captions, replay, analytics = summary["captions"], summary["replay"], summary["analytics"]
    talk = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in analytics["talk_seconds_by_speaker"].items())
    reactions = ", ".join(f"{name} x{count}" for name, count in analytics["reactions"].items()) or "none"
    lines += [
        "",
        f"  Captions    {captions['final']} final, {captions['partial']} partial, by {captions['engine']}",
        f"  Replay      {replay['seconds']:.1f} s, {replay['bytes'] / 1000:.0f} kB,"
        f" {replay['lufs']} LUFS, peaks at {replay['true_peak_dbtp']} dBTP",
        f"  Tips        {', '.join(_tip(tip) for tip in summary['tips']) or 'none'}",
        f"  Analytics   {analytics['peak_listeners']} listeners at the peak; talk time {talk}; reactions {reactions}",
        f"  Rebuilt     from its stored events: {'equal' if summary['rebuilt_equals_live'] else 'DIFFERENT'}",
        f"  Services    {', '.join(s['name'] for s in summary['services'] if s['ready'])}",
        "",
        f"  Files in {out}",
    ]
    return "\n".join(lines)


def _wrong_words(speaker: dict[str, Any]) -> str:
    if speaker["word_error"] is None:
        return "unknown: nobody told what is said"
    return f"{speaker['words_wrong']} of {speaker['words_said']} ({speaker['word_error'] * 100:.1f} %)"


def _tip(tip: dict[str, Any]) -> str:
    if tip.get("amount_minor") is None:
        return f"{tip['provider']} ({tip['state']})"
    return f"{tip['amount_minor']} minor units {tip['currency']} by {tip['provider']} ({tip['state']})"
