"""A dataclass that loads the module `dataclasses` only when somebody asks it about its fields.

That module brings `inspect` and `ast` along: ten milliseconds and two megabytes, which few of those
who look at a row need.
"""

from __future__ import annotations

__all__ = ["record"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass as record
    from typing import Any
else:

    def record(cls: type) -> type:
        """As `dataclasses.dataclass`, for classes without such a base and without factories."""
        names = tuple(cls.__annotations__)
        defaults = {name: vars(cls)[name] for name in names if name in vars(cls)}
        cls._names = names
        cls.__match_args__ = names
        cls.__init__ = _init(names, defaults)
        cls.__init__.__qualname__ = f"{cls.__qualname__}.__init__"
        cls.__eq__ = _eq
        cls.__repr__ = _repr
        cls.__hash__ = None
        for attribute in _ASKED_FOR:
            setattr(cls, attribute, _Twin(cls, attribute))
        return cls


# What `dataclasses` looks for in a class.
_ASKED_FOR = ("__dataclass_fields__", "__dataclass_params__")


class _Twin:
    """Stands for what a real dataclass of the same fields has, until it is looked at."""

    def __init__(self, cls: type, attribute: str) -> None:
        self._cls, self._attribute = cls, attribute

    def __get__(self, instance: object, owner: type) -> Any:
        import dataclasses

        cls: Any = self._cls
        fields: list[Any] = []
        for name in cls._names:
            field = (name, cls.__annotations__[name])
            fields.append((*field, vars(cls)[name]) if name in vars(cls) else field)
        twin = dataclasses.make_dataclass(cls.__name__, fields)
        for attribute in _ASKED_FOR:
            setattr(cls, attribute, getattr(twin, attribute))
        return getattr(cls, self._attribute)


def _init(names: tuple[str, ...], defaults: dict[str, Any]) -> Any:
    # Written out as text, as `dataclasses` does, so that the arguments have their names.
    given = (f"{name}=_defaults[{name!r}]" if name in defaults else name for name in names)
    lines = "".join(f"\n    self.{name} = {name}" for name in names)
    space: dict[str, Any] = {"_defaults": defaults}
    exec(f"def __init__(self, {', '.join(given)}):{lines}", space)
    return space["__init__"]


def _eq(self: Any, other: Any) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return all(getattr(self, name) == getattr(other, name) for name in self._names)


def _repr(self: Any) -> str:
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._names)
    return f"{type(self).__qualname__}({fields})"
