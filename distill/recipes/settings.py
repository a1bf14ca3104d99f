"""`Settings`: the base of nested settings; it explains a bad value in one sentence."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import pydantic
from pydantic.fields import FieldInfo
from typing_extensions import Self

from distill.errors import UserError


def _plain(value):
    """NumPy's numbers and arrays as Python's, which JSON can hold."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return value.tolist() if hasattr(value, "tolist") else value


Options = Annotated[dict[str, Any], pydantic.BeforeValidator(_plain)]
_AS_TUPLE = pydantic.BeforeValidator(
    lambda value: tuple(value) if isinstance(value, list) else value
)
Names = Annotated[tuple[str, ...], _AS_TUPLE]
Numbers = Annotated[tuple[Annotated[float, pydantic.Field(gt=0)], ...], _AS_TUPLE]


class SettingError(UserError):
    """A bad setting: a sentence with `{}` in the place of its name, which grows with nesting."""

    def __init__(self, sentence: str, name: str):
        super().__init__(sentence.replace("{}", name, 1))
        self.sentence, self.name = sentence, name

    def below(self, section: str) -> "SettingError":
        """Returns the same error with the section's name in front."""
        return SettingError(self.sentence, f"{section}.{self.name}")


class Counts:
    """Marks the roles on whose runs a setting has an effect; without a mark, it has one on all.

    `through` says what stands for the setting in a run's identity, such as the fingerprint of the
    data; by default its own value does.
    """

    def __init__(self, *roles: str, through: str | None = None):
        self.roles, self.through = frozenset(roles), through


ALL_ROLES = Counts("teacher", "baseline", "distilled")


class Settings(pydantic.BaseModel):
    """Frozen settings, checked when they are made.

    The text below a field is its help. A field may hold further settings: dotted names lead there,
    `training.epochs` for example.

    Raises:
        UserError: a name is unknown, or a value has the wrong type or is out of range.
    """

    model_config = pydantic.ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        validate_default=False,
    )
    # Pairs of fields: options belong to what the other field names.
    options_of: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **values: Any):
        try:
            super().__init__(**values)
        except pydantic.ValidationError as error:
            raise _user_error(type(self), error) from None

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads settings that `model_dump_json` wrote."""
        try:
            return cls.model_validate_json(text)
        except pydantic.ValidationError as error:
            raise _user_error(cls, error) from None

    def value(self, name: str) -> Any:
        """Returns the value of a setting by its dotted name."""
        value: Any = self
        for part in name.split("."):
            value = getattr(value, part)
        return value

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """Returns the settings with some values changed.

        Options are merged into the present ones. If the model (or method, or optimizer) that they
        belong to changes, its old options are dropped.

        Args:
            values: new values by dotted name, e.g. `{"training.epochs": 3}`.
        """
        changes: dict[str, Any] = {}
        inner: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            first, dot, rest = name.partition(".")
            if first not in type(self).model_fields:
                raise unknown_setting(name)
            if dot:
                inner.setdefault(first, {})[rest] = value
            else:
                changes[first] = value
        for kind, options in self.options_of.items():
            given = {**(changes.pop(options, None) or {}), **inner.pop(options, {})}
            old = getattr(self, kind)
            is_same = old is None or changes.get(kind, old) == old
            kept = (getattr(self, options) if is_same else None) or {}
            # 2 and 2.0 are the same value, so they must lead to the same run.
            equal = {name: value for name, value in kept.items() if given.get(name) == value}
            changes[options] = {**kept, **given, **equal}
            if not changes[options] and getattr(self, options) is None:
                changes[options] = None  # overrides that are not set stay so
        for name, each in inner.items():
            section = getattr(self, name)
            if not isinstance(section, Settings):
                raise unknown_setting(f"{name}.{next(iter(each))}")
            try:
                changes[name] = section.with_values(each)
            except SettingError as error:
                raise error.below(name) from None
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**fields, **changes})


def fields_of(
    kind: type[Settings], prefix: str = "", mark: Counts = ALL_ROLES
) -> Iterator[tuple[str, FieldInfo, Counts]]:
    """Yields every field that holds a value: its dotted name, itself, where it has an effect."""
    for name, field in kind.model_fields.items():
        own = next((each for each in field.metadata if isinstance(each, Counts)), mark)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            yield from fields_of(field.annotation, f"{prefix}{name}.", own)
        else:
            yield f"{prefix}{name}", field, own


def effects_of(kind: type[Settings]) -> dict[str, Counts]:
    """Returns for every setting, by dotted name, on which roles' runs it has an effect.

    Examples:
        >>> from distill.recipes.recipe import Recipe
        >>> sorted(effects_of(Recipe)["distillation.alpha"].roles)
        ['distilled']
    """
    return {name: mark for name, _, mark in fields_of(kind)}


def unknown_setting(name: str) -> SettingError:
    """Returns the error for a name that no recipe has."""
    return SettingError("A recipe has no setting '{}'; --list settings shows all of them.", name)


def allowed_values(field: FieldInfo) -> str:
    """Returns in words what a field accepts.

    Examples:
        >>> from distill.recipes.recipe import Distillation
        >>> allowed_values(Distillation.model_fields["alpha"])
        'a number from 0 to 1'
    """
    annotation: Any = Annotated[field.annotation, field]
    schema = pydantic.TypeAdapter(annotation).json_schema()
    kind, *others = schema.get("anyOf", [schema])
    optional = ", or none" if others else ""
    if "enum" in kind:
        return f"one of {', '.join(kind['enum'])}{optional}"
    words = {"integer": "a whole number", "number": "a number", "string": "text"}
    if kind.get("type") == "array":
        of_names = kind["items"]["type"] == "string"
        return ("names" if of_names else "numbers above 0,") + f" joined by +{optional}"
    return words.get(kind.get("type"), "options") + _limits(kind) + optional


def _limits(schema):
    above, least = schema.get("exclusiveMinimum"), schema.get("minimum")
    below, most = schema.get("exclusiveMaximum"), schema.get("maximum")
    if above is None and least is None:
        return ""
    if below is None and most is None:
        return f" of {least} or more" if above is None else f" above {above}"
    start = f" from {least}" if above is None else f" above {above}, up"
    return f"{start} to {most}" if below is None else f"{start} to below {below}"


def _user_error(kind, error):
    """Turns the first of pydantic's complaints into a UserError of one sentence."""
    first = error.errors()[0]
    cause, place = first.get("ctx", {}).get("error"), first["loc"]
    if isinstance(cause, SettingError):
        for section in reversed(place):
            cause = cause.below(section)
        return cause
    if isinstance(cause, UserError):
        return cause
    if not place:
        return UserError(f"These are no settings: {first['msg']}.")
    name = place[0]
    if name not in kind.model_fields:
        return unknown_setting(name)
    allowed = allowed_values(kind.model_fields[name])
    return SettingError(f"{{}} is {first['input']!r}, and must be {allowed}.", name)
