"""No fact has words in plain: every text that a service stores is declared as words, or known to be none."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import inspect

import services
from libs.eventstore import Fact
from libs.keyring import Sealed

ABOUT_THE_INSTANCE: Final = {
    "people.domain.api_keys.ApiKeyIssued.title": "what operators call a server's key",
    "people.domain.instance.EventPassedOver.explanation": "why operators let readers go on",
    "people.domain.instance.HostingPolicyChanged.explanation": "why operators changed who may host",
    "people.domain.instance.InvitationIssued.note": "what operators made a code for",
}
"""Words that operators write about the instance itself, which nobody erases."""
OF_A_LIST: Final = {
    "before.platforms.platform", "before.platforms.who", "before.rule.who", "currency", "events", "evidence.kind",
    "form", "lang", "names", "platform", "policy.platforms.platform", "policy.platforms.who", "policy.rule.who",
    "provider", "reason", "rights", "scopes", "settings.lang", "settings.topics",
}  # fmt: skip
"""Of a list of the contract's or the instance's (`names`: the providers), or of a pattern too short for words."""
IDS: Final = {
    "by", "caption_id", "code", "epoch", "event", "evidence.space", "followee", "gone.unit", "gone.what", "host",
    "host.id", "invited_by", "key", "leads.person_id", "lock", "others", "payer", "people", "person", "person.id",
    "person_id", "picture", "pin_id", "previous_id", "recipient", "report", "reporter", "session_id",
    "settings.title_by", "sign_in", "space", "stretch.space", "subject.host", "subject.person", "subject.space",
    "subscription", "title_lock", "token", "tracks.person_id", "undoes", "webhook",
}  # fmt: skip
MADE_BY_A_SERVICE: Final = {
    "digest": "a hash",
    "public": "a key",
    "wording": "a hash, which names a unit",
    "service": "the host of a push service",
    "detail": "what kept a recording from being built",
    "mix": "the name of an object: ids",
    "object": "the name of an object: ids",
    "objects": "the names of objects: ids",
    "sha384": "a hash",
    "tracks.object": "the name of an object: ids",
    "evidence.reference": "an id; people stores nothing else in its place",
}


def facts() -> Iterator[type[Fact]]:
    """Every fact that some service stores."""
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if ".domain" in module.name:
            importlib.import_module(module.name)
    left = list(Fact.__subclasses__())
    while left:
        fact = left.pop()
        left += fact.__subclasses__()
        if fact.__module__.startswith("services."):
            yield fact


def texts_in(kind: inspect.Type, path: str) -> Iterator[str]:
    """The paths of all texts that may be anything, and are not sealed."""
    match kind:
        case inspect.StrType():
            yield path
        case inspect.StructType(cls=cls) | inspect.DataclassType(cls=cls) if cls is not Sealed:
            for field in kind.fields:
                yield from texts_in(field.type, f"{path}.{field.name}")
        case inspect.UnionType(types=types):
            if not any(isinstance(one, inspect.StructType) and one.cls is Sealed for one in types):
                for one in types:
                    yield from texts_in(one, path)
        case inspect.DictType(key_type=key, value_type=value):
            yield from texts_in(key, path)
            yield from texts_in(value, path)
        case inspect.TupleType(item_types=types):
            for one in types:
                yield from texts_in(one, path)
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            yield from texts_in(kind.item_type, path)
        case _:
            pass


def texts() -> Iterator[tuple[str, str]]:
    """The texts of all facts: where each is, and its path in its fact."""
    for fact in facts():
        struct: Any = fact  # which type checkers do not see
        for field in msgspec.structs.fields(struct):
            for path in texts_in(inspect.type_info(field.type), field.name):
                yield f"{fact.__module__.removeprefix('services.')}.{fact.__name__}.{path}", path


def test_every_text_of_a_fact_is_sealed_or_known_to_be_no_words() -> None:
    no_words = OF_A_LIST | IDS | MADE_BY_A_SERVICE.keys()
    found = list(texts())
    assert [where for where, path in found if path not in no_words and where not in ABOUT_THE_INSTANCE] == []
    assert no_words - {path for _, path in found} == set(), "no fact has it any more"
    assert ABOUT_THE_INSTANCE.keys() - {where for where, _ in found} == set(), "no fact has it any more"
