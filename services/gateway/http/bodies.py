"""What clients send: the body of a request, with fields that are those of the command it becomes.

A body is closed: a field nobody knows is a mistake, not a wish.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from contracts.envelope import Model
from contracts.people.v1 import ReopenReport


class Body(BaseModel):
    """Base of request bodies. `dict(body)` gives its fields to the command."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def of(self, model: type[Model]) -> dict[str, Any]:
        """Those of its fields that are the model's, where a body is more than one model."""
        return {name: value for name, value in self if name in model.model_fields}


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
