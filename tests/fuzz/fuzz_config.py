"""Settings out of any bytes: the user's file, a project's file and the environment.

Run by scripts/fuzz.sh where atheris is installed. Whatever is written there gives settings that are
in range, or one ValueError in one sentence; and what a project's file must not say, it never does.
"""

import math
import os
import sys
import tempfile

import atheris

# It is ours to find branches in; tomllib's own are found by CPython's tests.
with atheris.instrument_imports(include=["microjoule.config"]):
    from microjoule import config

KEYS = ("sysfs", "procfs", "devfs", "nvml", "amdsmi", "store", "offline", "providers")
HARMLESS = ("sources", "period", "pace", "country", "region", "intensity")


def check(settings: config.Settings) -> None:
    assert 0 < settings.period_s < math.inf
    assert settings.pace in config.KNOWN_PACES
    assert settings.sources is None or set(settings.sources) <= set(config.KNOWN_SOURCES)
    assert settings.sources is None or len(set(settings.sources)) == len(settings.sources) > 0
    assert settings.intensity is None or 0 <= settings.intensity < math.inf
    assert isinstance(settings.offline, bool)
    for text in (settings.sysfs, settings.procfs, settings.devfs, settings.nvml, settings.amdsmi):
        assert text == text.strip() != ""
        assert "\0" not in text
    for text in (settings.country, settings.region, settings.store):
        assert text is None or (text == text.strip() != "" and "\0" not in text)
    for name in (*KEYS, *HARMLESS):
        value = settings.value(name)
        assert value.level in ("default", "project", "user", "environment")
        # A checkout names no library, no place and no host.
        assert name in HARMLESS or value.level != "project"
    if settings.value("sources").level == "project":
        assert "replay" not in (settings.sources or ())


def load(environ: dict[str, str], folder: str) -> None:
    project, home = os.path.join(folder, "project"), os.path.join(folder, "home")
    try:
        settings = config.load(environ, project, home)
    except ValueError:
        return  # any other exception is a find
    check(settings)
    # What was understood is understood again when it is said in the environment.
    said = {}
    for name in (*KEYS, *HARMLESS):
        value = settings.value(name).value
        if value is not None and name != "offline":
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            said["MICROJOULE_" + name.upper()] = text
    again = config.load(said, folder)
    for name in (*KEYS, *HARMLESS):
        if name != "offline":
            assert again.value(name).value == settings.value(name).value, name


def one_input(data: bytes) -> None:
    project, _, rest = data.partition(b"\xff")
    user, _, text = rest.partition(b"\xff")
    for name, content in ((PROJECT, project), (USER, user)):
        with open(name, "wb") as file:
            file.write(content)
    # The environment is what the operating system makes of bytes, without zeros.
    words = os.fsdecode(text.replace(b"\0", b"")).split("\n")
    names = [f"MICROJOULE_{key.upper()}" for key in (*HARMLESS, *KEYS)]
    load(dict(zip(names, words, strict=False)), FOLDER)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as FOLDER:
        os.makedirs(os.path.join(FOLDER, "project"))
        os.makedirs(os.path.join(FOLDER, "home", ".config", "microjoule"))
        PROJECT = os.path.join(FOLDER, "project", "pyproject.toml")
        USER = os.path.join(FOLDER, "home", ".config", "microjoule", "config.toml")
        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()
