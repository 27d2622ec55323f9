"""Settings: what the environment, the user's file and the project's file say.

Every variable ``MICROJOULE_X`` is also the key ``x`` of the user's file
``$XDG_CONFIG_HOME/microjoule/config.toml``, and, where it cannot harm, of ``[tool.microjoule]`` in
the nearest ``pyproject.toml`` that has such a table. From weak to strong: default, project file,
user file, environment, argument.

A project file comes with a checkout, and a checkout may be hostile. It must not name a library to
load, a place to read sensors from, a place to write or a host to ask, so those keys are never read
from it: they are left out and named in ``Settings.warnings``.

This module imports nothing but ``os`` until a file is there to be parsed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "KNOWN_PACES",
    "KNOWN_PROVIDERS",
    "KNOWN_SOURCES",
    "Frozen",
    "Secret",
    "Settings",
    "Value",
    "get",
    "load",
]

KNOWN_SOURCES = (
    "powercap",
    "perf",
    "msr",
    "nvml",
    "hwmon",
    "amdsmi",
    "battery",
    "model",
    "replay",
)
KNOWN_PACES = ("events", "fixed")
# In the order in which they are asked where nobody says otherwise.
KNOWN_PROVIDERS = ("electricitymaps", "watttime", "ukcarbon")

_PREFIX = "MICROJOULE_"
# A settings file is a page of text. Whatever is larger is not one, and a checkout must not be able
# to make us read it.
_MAX_FILE_BYTES = 1 << 20


class Frozen:
    """Base of the frozen, slotted values of the light modules.

    ``dataclasses`` would do, but importing it costs several milliseconds (it pulls ``inspect``),
    which is half the budget of ``import microjoule``.
    """

    # The order is that of repr and to_dict.
    __slots__: tuple[str, ...] = ()

    def _fill(self, **fields: object) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({inside})"

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return _revive, (type(self), *self._values())

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name, ready for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def _revive(cls: type[Frozen], *values: object) -> Frozen:
    """Rebuild a frozen value from its fields (pickle, copy)."""
    new = cls.__new__(cls)
    new._fill(**dict(zip(cls.__slots__, values, strict=True)))
    return new


class Secret:
    """A token or password that no repr, message or report shows.

    It is no ``str``, so that nothing prints it by chance; `reveal` gives the text to whoever sends
    it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))


class Value(Frozen):
    """One setting and where it comes from.

    Attributes:
        value: the value, validated and in its own type.
        origin: in words: ``"default"``, ``"MICROJOULE_PERIOD"``,
            ``"period in /home/me/.config/microjoule/config.toml"``.
        level: ``default``, ``project``, ``user``, ``environment`` or ``argument``.
    """

    __slots__ = ("level", "origin", "value")
    value: object
    origin: str
    level: str

    def __init__(self, value: object, origin: str, level: str) -> None:
        self._fill(value=value, origin=origin, level=level)


# --- what each setting may be --------------------------------------------------------------------


def _number(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        return None
    try:
        return float(raw)
    except (ValueError, OverflowError):
        return None


def _text(what: str) -> Callable[[object], str]:
    def parse(raw: object) -> str:
        if isinstance(raw, os.PathLike):
            raw = os.fspath(raw)
        if not isinstance(raw, str) or not raw.strip() or "\0" in raw:
            raise ValueError(f"pass {what}")
        return raw.strip()

    return parse


def _period(raw: object) -> float:
    number = _number(raw)
    if number is None or not 0 < number < float("inf"):
        raise ValueError("pass the sampling period in seconds, a number above 0 such as 0.001")
    return number


def _intensity(raw: object) -> float:
    number = _number(raw)
    if number is None or not 0 <= number < float("inf"):
        raise ValueError("pass the carbon intensity in g/kWh, a number of 0 or more such as 30.7")
    return number


def _pace(raw: object) -> str:
    pace = raw.strip().lower() if isinstance(raw, str) else raw
    if pace not in KNOWN_PACES:
        raise ValueError("pass 'events' (read fast where something happens) or 'fixed'")
    return str(pace)


def _names(what: str, known_names: tuple[str, ...]) -> Callable[[object], tuple[str, ...]]:
    known = ", ".join(known_names)

    def parse(raw: object) -> tuple[str, ...]:
        if isinstance(raw, str):
            names: list[object] = list(raw.split(","))
        elif isinstance(raw, (list, tuple)):
            names = list(raw)
        else:
            names = []
        found: list[str] = []
        for name in names:
            if not isinstance(name, str):
                raise ValueError(f"pass names out of {known}")
            name = name.strip().lower()
            if not name:
                continue
            if name not in known_names:
                near = nearest(name, known_names)
                hint = f" (did you mean {near}?)" if near else ""
                raise ValueError(f"there is no {what} {name!r}{hint}; pass names out of {known}")
            if name not in found:
                found.append(name)
        if not found:
            raise ValueError(
                f"pass at least one name out of {known}, or leave it unset for the best"
            )
        return tuple(found)

    return parse


def _sources(raw: object) -> tuple[str, ...]:
    found = _names("source", KNOWN_SOURCES)(raw)
    if "replay" in found and len(found) > 1:
        raise ValueError("pass replay alone: what was recorded and what is now do not add up")
    return found


def _token(what: str) -> Callable[[object], Secret]:
    def parse(raw: object) -> Secret:
        text = raw.strip() if isinstance(raw, str) else ""
        # It travels as it is in a header of HTTP.
        if not text or not all("!" <= character <= "~" for character in text):
            raise ValueError(f"pass {what}, printable ASCII without blanks")
        return Secret(text)

    return parse


def _password(what: str) -> Callable[[object], Secret]:
    def parse(raw: object) -> Secret:
        if not isinstance(raw, str) or not raw.strip() or not raw.isprintable():
            raise ValueError(f"pass {what}, one line of text")
        return Secret(raw)

    return parse


def _offline(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    if raw in (0, "0"):
        return False
    if raw in (1, "1"):
        return True
    if isinstance(raw, str) and raw.strip() in ("0", "1"):
        return raw.strip() == "1"
    raise ValueError("pass 1 (nothing leaves the machine) or 0 (live carbon providers allowed)")


def _no_replay(raw: object) -> bool:
    """A checkout must not pass off recorded figures as its own."""
    names = raw if isinstance(raw, (list, tuple)) else str(raw).split(",")
    return not any(str(name).strip().lower() == "replay" for name in names)


class _Option:
    """One row of the table of settings.

    ``from_project``: whether a project file may set it, or which of its values a project file may.
    """

    __slots__ = ("attribute", "default", "from_project", "parse", "secret")

    def __init__(
        self,
        parse: Callable[[object], object],
        default: object,
        *,
        from_project: bool | Callable[[object], bool] = False,
        attribute: str | None = None,
        secret: bool = False,
    ) -> None:
        self.parse = parse
        self.default = default
        self.from_project = from_project
        self.attribute = attribute
        self.secret = secret

    def harmless(self, raw: object) -> bool:
        """Whether a project file may say so."""
        if callable(self.from_project):
            return self.from_project(raw)
        return self.from_project


_OPTIONS: dict[str, _Option] = {
    "sysfs": _Option(_text("the folder where sysfs is mounted, such as /sys"), "/sys"),
    "procfs": _Option(_text("the folder where procfs is mounted, such as /proc"), "/proc"),
    "devfs": _Option(_text("the folder that holds cpu/N/msr, such as /dev"), "/dev"),
    "nvml": _Option(
        _text("the path of the NVML library, such as libnvidia-ml.so.1"), "libnvidia-ml.so.1"
    ),
    "amdsmi": _Option(
        _text("the path of AMD's library, such as /opt/rocm/lib/libamd_smi.so"), "libamd_smi.so"
    ),
    "replay": _Option(
        _text("the path of a recording, such as run.rec, or loop:run.rec to repeat it"), None
    ),
    "sources": _Option(_sources, None, from_project=_no_replay),
    "period": _Option(_period, 0.001, from_project=True, attribute="period_s"),
    "pace": _Option(_pace, "events", from_project=True),
    "country": _Option(
        _text("an ISO 3166 code or an English country name, such as NO"), None, from_project=True
    ),
    "region": _Option(_text("an ISO 3166-2 code, such as US-CA"), None, from_project=True),
    "intensity": _Option(_intensity, None, from_project=True),
    # None: the SQLite file in the user's data folder, whose path the store itself works out.
    "store": _Option(_text("an SQLAlchemy URL, such as sqlite:////home/me/runs.db"), None),
    "offline": _Option(_offline, True),
    "providers": _Option(_names("provider", KNOWN_PROVIDERS), KNOWN_PROVIDERS),
    "electricitymaps_token": _Option(
        _token("the token of your Electricity Maps account"), None, secret=True
    ),
    "watttime_user": _Option(_text("the name of your WattTime account"), None),
    "watttime_password": _Option(
        _password("the password of your WattTime account"), None, secret=True
    ),
}

# --- layers --------------------------------------------------------------------------------------


class _Layer:
    """Raw values of one origin."""

    __slots__ = ("level", "path", "raw")

    def __init__(self, level: str, raw: Mapping[str, object], path: str = "") -> None:
        self.level = level
        self.raw = raw
        self.path = path

    def origin(self, key: str) -> str:
        """Return where a value of this layer stands, in words."""
        if self.path:
            return f"{key} in {self.path}"
        if self.level == "environment":
            return _PREFIX + key.upper()
        return _OPTIONS[key].attribute or key


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like a word, None where none is."""
    import difflib  # late: only the way to an error or a warning comes here

    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return match[0] if match else None


def _read(path: str) -> bytes | None:
    """Return the content of a regular file of sane size, else None."""
    try:
        # O_NONBLOCK: a checkout may hold a FIFO of this name, and open() would wait for ever.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_FILE_BYTES:
            return None
        with open(fd, "rb", closefd=False) as file:
            return file.read(_MAX_FILE_BYTES)
    except OSError:
        return None
    finally:
        os.close(fd)


def _parse_toml(content: bytes, path: str) -> dict[str, object]:
    import tomllib  # late: most machines have no file to parse

    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, UnicodeDecodeError
        raise ValueError(f"{path} is not valid TOML ({error}): mend it or remove it") from None


def _unknown_key(key: str, where: str) -> str:
    near = nearest(key.lower(), _OPTIONS)
    if near is None and key.endswith("_s"):
        near = nearest(key[:-2], _OPTIONS)
    hint = f"did you mean {near!r}?" if near else "known keys: " + ", ".join(_OPTIONS)
    return f"{where}: unknown key {key!r} is left out; {hint}"


def _may_have_our_table(content: bytes) -> bool:
    """Take a cheap look first: a project that only depends on us pays no TOML parser."""
    bare = b"\n" + content.translate(None, b" \t\"'")
    return any(sign in bare for sign in (b"tool.microjoule", b"\nmicrojoule.", b"\nmicrojoule="))


def _project_layer(cwd: str | None, warnings: list[str]) -> _Layer | None:
    try:
        folder = os.path.abspath(cwd if cwd is not None else os.getcwd())
    except (OSError, ValueError):  # the working directory has been deleted
        return None
    while True:
        path = os.path.join(folder, "pyproject.toml")
        content = _read(path)
        if content is not None and _may_have_our_table(content):
            try:
                tool = _parse_toml(content, path).get("tool")
            except ValueError as error:
                # Somebody else's half-edited file must not stop a measurement.
                warnings.append(str(error))
                return None
            table = tool.get("microjoule") if isinstance(tool, dict) else None
            if isinstance(table, dict):
                return _Layer("project", _harmless(table, path, warnings), path)
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def _harmless(table: dict[str, object], path: str, warnings: list[str]) -> dict[str, object]:
    kept: dict[str, object] = {}
    where = f"{path} [tool.microjoule]"
    for key, raw in table.items():
        option = _OPTIONS.get(key)
        if option is None and not isinstance(raw, dict):
            warnings.append(_unknown_key(key, where))
        elif option is None or not option.harmless(raw):
            place = f"set it in the user's file or as {_PREFIX}{key.upper()}"
            what = f"{key!r}" if option is None or not option.from_project else f"{key} = {raw!r}"
            warnings.append(f"{where}: {what} is never read from a project file; {place}")
        else:
            kept[key] = raw
    return kept


def _user_file(environ: Mapping[str, str], home: str | None) -> str | None:
    # The XDG base directory specification: a relative path there is to be ignored.
    base = environ.get("XDG_CONFIG_HOME", "")
    if home is not None or not os.path.isabs(base):
        if home is None:
            home = environ.get("HOME", "")
        if not home and environ is os.environ:
            home = os.path.expanduser("~")
        if not os.path.isabs(home):
            return None
        base = os.path.join(home, ".config")
    return os.path.join(base, "microjoule", "config.toml")


def _user_layer(environ: Mapping[str, str], home: str | None, warnings: list[str]) -> _Layer | None:
    path = _user_file(environ, home)
    content = _read(path) if path is not None else None
    if path is None or content is None:
        return None
    kept: dict[str, object] = {}
    for key, raw in _parse_toml(content, path).items():
        if key in _OPTIONS:
            kept[key] = raw
        elif not isinstance(raw, dict):  # tables belong to later parts (dashboard)
            warnings.append(_unknown_key(key, path))
    return _Layer("user", kept, path)


def _environment_layer(environ: Mapping[str, str]) -> _Layer:
    raw: dict[str, object] = {}
    for key in _OPTIONS:
        text = environ.get(_PREFIX + key.upper())
        # An empty variable is how shells and compose files say "not set".
        if text is not None and text.strip():
            raw[key] = text
    return _Layer("environment", raw)


def _layers(
    environ: Mapping[str, str] | None,
    cwd: str | None,
    home: str | None,
    arguments: Mapping[str, object] | None,
    warnings: list[str],
) -> list[_Layer]:
    """Return what there is, strongest first."""
    environ = os.environ if environ is None else environ
    given = {_key(name): raw for name, raw in (arguments or {}).items() if raw is not None}
    layers = [
        _Layer("argument", given),
        _environment_layer(environ),
        _user_layer(environ, home, warnings),
        _project_layer(cwd, warnings),
    ]
    return [layer for layer in layers if layer is not None]


def _key(name: str) -> str:
    """Return the key of a setting given by key, attribute or variable name."""
    key = name.removeprefix(_PREFIX).lower()
    if key == "period_s":
        key = "period"
    if key not in _OPTIONS:
        near = nearest(key, _OPTIONS)
        hint = f"did you mean {near!r}?" if near else "pass one of " + ", ".join(_OPTIONS)
        raise ValueError(f"there is no setting {name!r}: {hint}")
    return key


def _pick(key: str, layers: list[_Layer]) -> Value:
    option = _OPTIONS[key]
    for layer in layers:
        if key in layer.raw:
            raw = layer.raw[key]
            origin = layer.origin(key)
            try:
                return Value(option.parse(raw), origin, layer.level)
            except ValueError as error:
                shown = "not usable" if option.secret else repr(raw)
                raise ValueError(f"{origin} is {shown}: {error}") from None
    return Value(option.default, "default", "default")


class Settings(Frozen):
    """All settings, validated, with where each comes from.

    Attributes:
        sysfs: where sysfs is mounted.
        procfs: where procfs is mounted.
        devfs: the folder that holds ``cpu/N/msr``.
        nvml: path or name of the NVML library.
        amdsmi: path or name of the AMD SMI library.
        replay: the recording that the source ``replay`` runs, after ``loop:`` again and again.
        sources: names of the sources to use, or None for the best of each device.
        period_s: sampling period in seconds.
        pace: ``"events"`` or ``"fixed"``.
        country: ISO 3166 code or English name, not yet looked up; None where unset.
        region: code of a region, not yet looked up; None where unset.
        intensity: own carbon intensity in g/kWh; None where unset.
        store: SQLAlchemy URL of the store; None means the SQLite file in the user's data folder.
        offline: True: nothing leaves the machine.
        providers: names of the live providers of carbon intensity, in the order to ask them.
        electricitymaps_token: token of an Electricity Maps account, or None.
        watttime_user: name of a WattTime account, or None.
        watttime_password: its password, or None.
        warnings: one sentence for each thing in a file that was left out, to be shown by whoever
            has a place to show it.
    """

    __slots__ = (
        "sysfs",
        "procfs",
        "devfs",
        "nvml",
        "amdsmi",
        "replay",
        "sources",
        "period_s",
        "pace",
        "country",
        "region",
        "intensity",
        "store",
        "offline",
        "providers",
        "electricitymaps_token",
        "watttime_user",
        "watttime_password",
        "warnings",
        "_picked",
    )
    sysfs: str
    procfs: str
    devfs: str
    nvml: str
    amdsmi: str
    replay: str | None
    sources: tuple[str, ...] | None
    period_s: float
    pace: str
    country: str | None
    region: str | None
    intensity: float | None
    store: str | None
    offline: bool
    providers: tuple[str, ...]
    electricitymaps_token: Secret | None
    watttime_user: str | None
    watttime_password: Secret | None
    warnings: tuple[str, ...]
    _picked: tuple[tuple[str, Value], ...]

    def __init__(self, picked: Mapping[str, Value], warnings: Iterable[str] = ()) -> None:
        values = {_OPTIONS[key].attribute or key: value.value for key, value in picked.items()}
        self._fill(**values, warnings=tuple(warnings), _picked=tuple(picked.items()))

    def value(self, name: str) -> Value:
        """Return a setting with its origin, by key, attribute or variable name."""
        key = _key(name)
        return next(value for found, value in self._picked if found == key)

    def origin(self, name: str) -> str:
        """Return where a setting comes from, in words."""
        return self.value(name).origin

    def to_dict(self) -> dict[str, object]:
        """Return each setting with its origin, ready for JSON (``uj doctor``); no secret."""
        return {
            _OPTIONS[key].attribute or key: {
                "value": "set" if isinstance(value.value, Secret) else value.value,
                "origin": value.origin,
            }
            for key, value in self._picked
        }


def load(
    environ: Mapping[str, str] | None = None,
    cwd: str | None = None,
    home: str | None = None,
    *,
    arguments: Mapping[str, object] | None = None,
) -> Settings:
    """Read and validate all settings.

    Args:
        environ: the whole environment; None: the process's. A mapping without ``HOME`` and
            ``XDG_CONFIG_HOME`` means that there is no user's file.
        cwd: where the search for ``pyproject.toml`` begins; None: the working directory.
        home: the user's home, whose ``.config`` is read; None: from the environment.
        arguments: what a caller passed, strongest of all; None values are left out.

    Raises:
        ValueError: a value is out of its range, or the user's file is not valid TOML; the message
            names where it stands and what to pass.
    """
    warnings: list[str] = []
    layers = _layers(environ, cwd, home, arguments, warnings)
    return Settings({key: _pick(key, layers) for key in _OPTIONS}, warnings)


def get(
    name: str,
    environ: Mapping[str, str] | None = None,
    cwd: str | None = None,
    home: str | None = None,
) -> Value:
    """Return one setting with its origin; the others are not validated.

    Args:
        name: key (``period``), attribute (``period_s``) or variable (``MICROJOULE_PERIOD``).
        environ: as in `load`.
        cwd: as in `load`.
        home: as in `load`.
    """
    return _pick(_key(name), _layers(environ, cwd, home, None, []))


def strongest(
    names: Iterable[str],
    environ: Mapping[str, str] | None = None,
    cwd: str | None = None,
    home: str | None = None,
) -> tuple[str, Value] | None:
    """Return the first of some rival settings in the strongest place that has any of them.

    ``MICROJOULE_COUNTRY=PL`` must win over an ``intensity`` in the user's file, although a figure
    wins over a country where both stand in the same place.
    """
    keys = [_key(name) for name in names]
    for layer in _layers(environ, cwd, home, None, []):
        for key in keys:
            if key in layer.raw:
                return key, _pick(key, [layer])
    return None
