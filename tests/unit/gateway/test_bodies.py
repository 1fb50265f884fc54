"""Request bodies have the fields of the commands they become."""

from __future__ import annotations

from typing import Annotated, Self

import pytest
from pydantic import Field, ValidationError, model_validator

from contracts.envelope import Model
from services.gateway.http.bodies import Body, body_of


class Drink(Model):
    """What is written once."""

    by: str
    cups: Annotated[int, Field(ge=1, le=9)] = 2
    milk: bool | None = None
    tea: Annotated[str, Field(min_length=1)] | None = None
    coffee: str | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.tea is None and self.coffee is None:
            raise ValueError("a drink is tea or coffee")
        return self


class Table(Model):
    """Something else that is in the same body."""

    number: int


@body_of(Drink, "cups", "tea", "coffee", white="milk")
class NewDrink(Body):
    """A drink."""


@body_of(Table)
@body_of(Drink, "tea", "coffee")
class NewDrinkAtATable(Body):
    """A drink, and where."""


def faults(given: str) -> list[tuple[object, ...]]:
    with pytest.raises(ValidationError) as wrong:
        NewDrink.model_validate_json(given)
    return [(*fault["loc"], fault["type"]) for fault in wrong.value.errors()]


def test_a_body_gives_its_fields_to_the_command() -> None:
    body = NewDrink.model_validate_json('{"tea": "green", "white": true}')
    assert Drink(by="ada", **dict(body)) == Drink(by="ada", tea="green", milk=True)


@pytest.mark.parametrize("cups", ["true", "false", '"2"', '"true"'])
def test_a_number_is_written_as_one(cups: str) -> None:
    assert faults(f'{{"tea": "green", "cups": {cups}}}') == [("cups", "int_type")]


@pytest.mark.parametrize("white", ["1", "0", '"yes"', '"true"', '"off"', "1.0"])
def test_true_and_false_are_written_as_such(white: str) -> None:
    assert faults(f'{{"tea": "green", "white": {white}}}') == [("white", "bool_type")]


def test_a_body_has_the_constraints_of_its_command_and_no_other_field() -> None:
    assert faults('{"tea": "", "cups": 10}') == [("cups", "less_than_equal"), ("tea", "string_too_short")]
    assert faults('{"tea": "green", "by": "eve"}') == [("by", "extra_forbidden")]
    assert faults('{"tea": "green", "milk": true}') == [("milk", "extra_forbidden")]
    assert faults('{"tea": "green", "white": "so"}') == [("white", "bool_type")]


def test_a_body_demands_what_its_command_demands_of_several_fields() -> None:
    assert faults('{"cups": 1}') == [("value_error",)]


def test_a_body_of_two_models_gives_each_its_own() -> None:
    body = NewDrinkAtATable.model_validate_json('{"coffee": "black", "number": 3}')
    assert (body.of(Table), body.of(Drink)) == ({"number": 3}, {"coffee": "black", "tea": None})


def test_the_description_has_the_names_that_are_sent() -> None:
    schema = NewDrink.model_json_schema()
    assert (schema["title"], schema["description"]) == ("NewDrink", "A drink.")
    assert (set(schema["properties"]), schema["additionalProperties"]) == ({"cups", "tea", "coffee", "white"}, False)
    assert schema["properties"]["cups"] == {
        "default": 2, "maximum": 9, "minimum": 1, "title": "Cups", "type": "integer"
    }  # fmt: skip
