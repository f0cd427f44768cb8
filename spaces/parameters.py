"""What may stand for one name under `space:`: a range, a choice, or a plain value, within that name's limits.

depth:   {type: int, low: 1, high: 6}                       searched between bounds
dropout: {type: float, low: 0.05, high: 0.5, zero: 0.4}     off in 40 of 100 draws, else searched
width:   {type: choice, values: [64, 128, 256]}             one of these
taper:   1.0                                                fixed
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any, Final, Literal, cast

from pydantic import (
    BaseModel,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    TypeAdapter,
    ValidationError,
    create_model,
    model_serializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from ffsearch.spaces.faults import Fault, SpaceSection, faults_of, one_of, refusal, shown

__all__ = ["ChoiceParameter", "Fixed", "FloatParameter", "IntParameter", "Legal", "Parameter", "Value"]

Value = bool | int | float | str | tuple[int, ...]
"""What a name can be in the end."""

GRID_POINTS: Final = 5
"""Grid points of a searched number. Choice: the ends, the middle, and one between each."""

_DEFAULT: Final = "Its value in trial 0, and whenever else a sensible default is asked for."
_GRID: Final = "Points of it that `sampler: grid` tries; other samplers take no notice."
_LOG: Final = "Whether factors count rather than differences: as many trials from 0.001 to 0.01 as from 0.01 to 0.1."


class IntParameter(SpaceSection):
    """A whole number, searched between two bounds that both belong to it."""

    type: Literal["int"] = Field(default="int", description="int: a whole number between two bounds.")
    low: StrictInt = Field(description="The smallest value tried.")
    high: StrictInt = Field(description="The largest value tried.")
    log: StrictBool = Field(default=False, description=_LOG)
    n: StrictInt = Field(default=GRID_POINTS, ge=1, le=1000, description=_GRID)
    default: StrictInt | None = Field(default=None, description=_DEFAULT)

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:
        """Bounds the wrong way round, a logarithm of nothing, a default outside."""
        yield from _bound_faults(raw)


class FloatParameter(SpaceSection):
    """A number, searched between two bounds that both belong to it, or off."""

    type: Literal["float"] = Field(default="float", description="float: a number between two bounds, or off.")
    low: StrictFloat = Field(description="The smallest value tried, off apart.")
    high: StrictFloat = Field(description="The largest value tried.")
    log: StrictBool = Field(default=False, description=_LOG)
    zero: StrictFloat = Field(
        default=0.0, ge=0, lt=1, description="The chance that it is off, that is 0, whatever `low` says."
    )
    n: StrictInt = Field(default=GRID_POINTS, ge=1, le=1000, description=_GRID)
    default: StrictFloat | None = Field(default=None, description=_DEFAULT)

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:
        """Bounds the wrong way round, a logarithm of nothing, a default outside."""
        yield from _bound_faults(raw)


class ChoiceParameter(SpaceSection):
    """One of several values; their order means nothing."""

    type: Literal["choice"] = Field(default="choice", description="choice: one of the values listed.")
    values: tuple[Value, ...] = Field(min_length=1, max_length=100, description="The values to choose from.")
    default: Value | None = Field(default=None, description=_DEFAULT)

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterator[Fault]:
        """A value listed twice, a default that is not listed."""
        values, default = raw.get("values"), raw.get("default")
        if not isinstance(values, list | tuple):
            return
        for index, value in enumerate(values):
            if _among(value, values[:index]):
                yield Fault(path=("values", index), text=f"{shown(value)} is listed twice; take one out.")
        if default is not None and not _among(default, values):
            yield Fault(path=("default",), text=f"{shown(default)} is not among the values {shown(list(values))}.")


class Fixed(SpaceSection):
    """A value that is not searched. A file writes it plainly: `taper: 1.0`."""

    value: Value

    @model_serializer
    def _plainly(self) -> Any:
        return list(self.value) if isinstance(self.value, tuple) else self.value


Parameter = IntParameter | FloatParameter | ChoiceParameter | Fixed

_FORMS: Final[Mapping[str, type[SpaceSection]]] = {
    "int": IntParameter,
    "float": FloatParameter,
    "choice": ChoiceParameter,
}


class Legal:
    """What one name accepts; put on a field as `Annotated[Parameter | None, Legal(...)]`.

    Args:
        value: pydantic type of a single value, with the name's limits.
        forms: Ways to search it, by their `type:`; none where it can only be fixed.
    """

    def __init__(self, value: Any, *forms: str) -> None:
        self._value: TypeAdapter[Value] = TypeAdapter(value)
        self._forms = {form: _within_limits(_FORMS[form], value) for form in forms}

    def read(self, raw: Any) -> Parameter | None:
        """The parameter a raw value means; None, as for a line that is not there, for null.

        Raises:
            ValidationError: With all faults, at paths relative to the name.
        """
        given = raw.value if isinstance(raw, Fixed) else raw
        if isinstance(given, BaseModel):
            given = dict(given)
        if isinstance(given, Mapping):
            return self._searched(given)
        return None if given is None else Fixed(value=self._checked(given))

    def _searched(self, raw: Mapping[str, Any]) -> Parameter:
        form = raw.get("type")
        if not isinstance(form, str) or form not in self._forms:
            raise refusal([self._unknown_form(raw)])
        checked = self._forms[form].model_validate(raw)
        if isinstance(checked, FloatParameter) and checked.zero > 0 and not self._accepts(0.0):
            raise refusal([Fault(path=("zero",), text="this cannot be off: it must stay above 0; leave zero out.")])
        return cast(Parameter, _FORMS[form].model_construct(**dict(checked)))

    def _unknown_form(self, raw: Mapping[str, Any]) -> Fault:
        if not self._forms:
            return Fault(path=(), text="cannot be searched; write a plain value.")
        legal = f"Legal here: {one_of([f'type: {form}' for form in self._forms])}, or a plain value."
        if "type" not in raw:
            return Fault(path=(), text=f"does not say its type. {legal}")
        return Fault(path=("type",), text=f"{shown(raw['type'])} is not a type for it. {legal}")

    def _checked(self, raw: Any) -> Value:
        try:
            return self._value.validate_python(raw)
        except ValidationError as error:
            faults = faults_of(error)
        if isinstance(raw, list | tuple) and self._forms:
            faults = [Fault(path=(), text=f"to choose from a list write {{type: choice, values: {shown(raw)}}}.")]
        raise refusal(faults)

    def _accepts(self, value: Value) -> bool:
        try:
            self._value.validate_python(value)
        except ValidationError:
            return False
        return True

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # The serialisation stays that of the parameter's own model.
        return core_schema.no_info_before_validator_function(
            self.read, core_schema.any_schema(), serialization=core_schema.plain_serializer_function_ser_schema(_dumped)
        )

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        forms = [form.model_json_schema() for form in self._forms.values()]
        for form in forms:
            form["required"] = ["type", *form["required"]]  # in Python the class says it, in a file the key must
        return {"anyOf": [*forms, self._value.json_schema()]}


def _within_limits(form: type[SpaceSection], value: Any) -> type[SpaceSection]:
    """A form of a parameter whose values must all lie within the limits of one name; it is used to check, not kept."""
    limited = {"low": value, "high": value, "default": value | None, "values": tuple[value, ...]}
    fields: dict[str, Any] = {
        name: (limited[name], copy(field)) for name, field in form.model_fields.items() if name in limited
    }
    return create_model(form.__name__, __base__=form, __doc__=form.__doc__, **fields)


def _dumped(parameter: SpaceSection | None) -> Any:
    return None if parameter is None else parameter.model_dump(mode="json", exclude_none=True)


def _among(value: Any, others: Any) -> bool:
    """Whether a value is listed; true is not 1 here."""
    return any(type(value) is type(other) and value == other for other in others)


def _number(raw: Mapping[str, Any], key: str) -> float | None:
    value = raw.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _bound_faults(raw: Mapping[str, Any]) -> Iterator[Fault]:
    low, high, default = (_number(raw, key) for key in ("low", "high", "default"))
    if low is not None and raw.get("log") is True and low <= 0:
        yield Fault(path=("low",), text=f"{shown(low)} has no logarithm: with log: true, low must be above 0.")
    if low is None or high is None:
        return
    if low == high:
        yield Fault(path=("high",), text=f"low and high are both {shown(low)}; write the plain value to fix it.")
    elif low > high:
        yield Fault(path=("high",), text=f"{shown(high)} lies below low {shown(low)}; exchange them.")
    elif default is not None and not (low <= default <= high or (default == 0 and (_number(raw, "zero") or 0) > 0)):
        yield Fault(path=("default",), text=f"{shown(default)} lies outside {shown(low)} to {shown(high)}.")
