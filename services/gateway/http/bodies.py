"""What clients send: the body of a request, with fields that are those of the command it becomes.

A body is closed: a field nobody knows is a mistake, not a wish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, create_model, field_validator, model_validator
from pydantic_core import PydanticCustomError

from contracts.envelope import Model
from contracts.people.v1 import ReopenReport


class Body(BaseModel):
    """Base of request bodies. `dict(body)` gives its fields to the command."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _as_in_json(cls, value: object, info: ValidationInfo) -> object:
        """Pydantic takes `true` for the number 1, and "yes" and 1 for `true`: neither is what a client wrote."""
        kinds = _plain_kinds(cls, info.field_name or "")
        if kinds == {bool} and value is not None and not isinstance(value, bool):
            raise PydanticCustomError("bool_type", "Input should be true or false")
        if kinds == {int} and isinstance(value, bool | str):
            raise PydanticCustomError("int_type", "Input should be a number without quotes")
        return value

    def of(self, model: type[Model]) -> dict[str, Any]:
        """Those of its fields that are the model's, where a body is more than one model."""
        return {name: value for name, value in self if name in model.model_fields}


@cache
def _plain_kinds(body: type[Body], field: str) -> frozenset[object]:
    """The types of a field, but for None."""
    return frozenset(_plain(body.model_fields[field].annotation)) - {NoneType}


def _plain(annotation: Any) -> Iterator[object]:
    if get_origin(annotation) is Annotated:
        yield from _plain(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for one in get_args(annotation):
            yield from _plain(one)
    else:
        yield annotation


B = TypeVar("B", bound=Body)


def body_of(model: type[Model], *names: str, **renamed: str) -> Callable[[type[B]], type[B]]:
    """Class decorator: gives a body fields of a contract's model, with their types, defaults and constraints.

    `names` are the fields that a client sends; without any, all of the model. `renamed` are fields that have another
    name in JSON: `reason="explanation"`. What the model demands of several fields together, the body demands too.
    """
    in_json = {name: name for name in names} | {name: other for other, name in renamed.items()}
    fields: dict[str, Any] = {}
    for name, other in (in_json or {name: name for name in model.model_fields}).items():
        field = model.model_fields[name].asdict()
        kind, rules, attributes = field["annotation"], field["metadata"], field["attributes"]
        if other != name:
            attributes = {**attributes, "alias": other}
        fields[name] = Annotated[kind, *rules, Field(**attributes)]
    demands: dict[str, Any] = {
        name: model_validator(mode="after")(demand.func)
        for name, demand in model.__pydantic_decorators__.model_validators.items()
    }

    def derived(cls: type[B]) -> type[B]:
        return create_model(
            cls.__name__,
            __base__=cls,
            __module__=cls.__module__,
            __doc__=cls.__doc__,
            __validators__=demands,
            **fields,
        )

    return derived


@body_of(ReopenReport, "explanation")
class Because(Body):
    """Why, for the log and for whom it concerns."""
