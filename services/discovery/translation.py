"""From what is told of live bars to what the stream has of it: ids of people, and the title as room sealed it."""

from __future__ import annotations

from contracts.discovery.v1 import BarChanged, BarsChanged
from contracts.envelope import Outgoing, PersonRef, with_boxes
from contracts.named import with_names
from contracts.sealed import Box


def on_the_stream(event: BarChanged | BarsChanged, title: Box | None) -> Outgoing:
    """The event as it is published; `title` is None where room told the title plainly."""
    boxes = {} if title is None or event.card is None else {"card.title": title}
    return with_boxes(with_names(event, lambda person: PersonRef.of(person.id)), boxes)
