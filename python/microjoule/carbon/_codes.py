"""From what somebody wrote to the code of a country, region or cloud region."""

from __future__ import annotations

from microjoule.carbon import _tables

__all__ = [
    "WORLD",
    "cloud_region",
    "country_code",
    "country_of",
    "listed",
    "namesakes",
    "region_code",
    "region_in",
    "unknown_place",
]

WORLD = "WORLD"

_PASS = (
    "pass an ISO 3166 code such as NO, an English country name, the code of a region such as US-CA "
    "or of a cloud region such as aws:eu-north-1, or a number in g/kWh"
)


def country_code(where: str) -> str | None:
    """Return the alpha-2 code (or ``WORLD``) of a code or name in any case, None if unknown."""
    word = " ".join(where.split())
    upper = word.upper()
    countries = _tables.text("countries.csv")
    if (len(upper) == 2 or upper == WORLD) and _tables.find(countries, upper) is not None:
        return upper
    names = _spellings(word.casefold().removeprefix("the "))
    for table in (countries, _tables.text("territories.csv")):
        for row in _tables.rows(table):
            if upper in (row[0], row[1]) or row[2].casefold() in names:
                return row[0]
    for row in _tables.rows(_tables.text("aliases.csv")):
        if row[0].casefold() in names:
            return row[1]
    return None


def region_code(where: str) -> str | None:
    """Return the code of a region by its code or name in any case, None if unknown.

    ``NO-NO1`` is NO1 too, as Electricity Maps writes it, and ``CAMX`` is eGRID-CAMX.

    Raises:
        ValueError: the name belongs to several regions; the message has their codes.
    """
    wanted = " ".join(where.split()).casefold()
    for row in _tables.rows(_tables.text("regions.csv")):
        code = row[0].casefold()
        if wanted in (code, f"{row[1].casefold()}-{code}", code.removeprefix("egrid-")):
            return row[0]
    found = namesakes(where)
    if len(found) > 1:
        choices = " or ".join(f"{name} ({code})" for code, name in found)
        raise ValueError(f"{where!r} may be {choices}: pass one of the codes")
    return found[0][0] if found else None


def country_of(where: str) -> tuple[str, str] | None:
    """Return the English name and the ISO 3166-1 alpha-3 code of a country, or of a region's.

    Args:
        where: code or name of a country, or the code of a region or cloud region.

    Returns:
        None for what is none of them, and for the world.
    """
    code = country_code(where)
    for table in ("regions.csv", "cloud_regions.csv") if code is None else ():
        for row in _tables.rows(_tables.text(table)):
            if row[0].casefold() == where.strip().casefold():
                code = row[1]
    for table in ("countries.csv", "territories.csv") if code not in (None, WORLD) else ():
        found = _tables.find(_tables.text(table), str(code))
        if found is not None:
            return found[2], found[1]
    return None


def region_in(country: str, where: str) -> str | None:
    """Return the code of a region of a country by its code or name, None if there is not one.

    Args:
        country: code or name of the country.
        where: such as ``US-CA``, ``CA`` or ``california``; ``new_york`` is New York.
    """
    iso2 = country_code(country)
    word = " ".join(where.replace("_", " ").split()).casefold()
    named = {code for code, _ in namesakes(word)}
    found = []
    for row in _tables.rows(_tables.text("regions.csv")):
        code = row[0].casefold()
        if row[1] == iso2 and word in (code, code.partition("-")[2]):
            return row[0]
        if row[1] == iso2 and row[0] in named:
            found.append(row[0])
    return found[0] if len(found) == 1 else None


def namesakes(where: str) -> list[tuple[str, str]]:
    """Return code and name of the regions of that name.

    A name in the table may go on behind a comma or in parentheses: ``Western Australia`` is the
    name of two grids.
    """
    names = _spellings(" ".join(where.split()).casefold())
    for row in _tables.rows(_tables.text("region_aliases.csv")):
        if row[0].casefold() in names:
            names.append(row[1].casefold())
    found = []
    for row in _tables.rows(_tables.text("regions.csv")):
        name = row[2].casefold()
        head = name.split(" (")[0].split(",")[0]
        if name in names or head in names or row[0].casefold() in names:
            found.append((row[0], row[2]))
    return found


def cloud_region(where: str) -> str | None:
    """Return ``provider:region`` of a cloud region, with or without its provider, None if unknown.

    Raises:
        ValueError: several providers have a region of that name.
    """
    wanted = where.strip().casefold()
    if any(c in wanted for c in ',"\n'):  # no cell of the table is meant by that
        return None
    table = _tables.text("cloud_regions.csv")
    if ":" in wanted:
        provider, _, region = wanted.partition(":")
        key = f"{provider.strip()}:{region.strip()}"
        return key if _tables.find(table, key) is not None else None
    found = [
        f"{provider}:{wanted}"
        for provider in ("aws", "azure", "gcp")
        if _tables.find(table, f"{provider}:{wanted}") is not None
    ]
    if len(found) > 1:
        raise ValueError(f"{where!r} may be {' or '.join(found)}: name the provider")
    return found[0] if found else None


def listed() -> list[tuple[str, str, str]]:
    """Return code, name and sort of every place that `intensity` knows by code.

    The sort is ``"country"``, ``"region"`` or ``"cloud region"``.
    """
    places: dict[str, tuple[str, str]] = {}
    for sort, table in (
        ("country", "countries.csv"),
        ("country", "territories.csv"),
        ("region", "regions.csv"),
        ("cloud region", "cloud_regions.csv"),
    ):
        for code, _, name, *_ in _tables.rows(_tables.text(table)):
            places.setdefault(code, (name, sort))
    return [(code, name, sort) for code, (name, sort) in places.items()]


def unknown_place(where: str) -> ValueError:
    """Return the error for an unknown place, with the nearest names."""
    import difflib  # late: costs milliseconds, and only the way to an error needs it

    names: dict[str, str] = {}
    for row in _tables.rows(_tables.text("countries.csv")):
        names[row[2].casefold()] = names[row[0].casefold()] = f"{row[2]} ({row[0]})"
        names[row[1].casefold()] = f"{row[2]} ({row[0]})"
    for row in _tables.rows(_tables.text("territories.csv")):
        names[row[2].casefold()] = names[row[0].casefold()] = f"{row[2]} ({row[0]})"
    for row in _tables.rows(_tables.text("aliases.csv")):
        names[row[0].casefold()] = f"{row[0]} ({row[1]})"
    for row in _tables.rows(_tables.text("regions.csv")):
        names.setdefault(row[2].casefold(), f"{row[2]} ({row[0]})")
        names.setdefault(row[0].casefold(), f"{row[2]} ({row[0]})")
    for row in _tables.rows(_tables.text("cloud_regions.csv")):
        names.setdefault(row[0].casefold(), row[0])
        names.setdefault(row[0].partition(":")[2].casefold(), row[0])
    word = where.strip().casefold()[:100]
    # DE-BE is a region that we do not have, in a country that we have.
    near = [names[word[:2]]] if word[2:3] == "-" and word[:2] in names else []
    for match in difflib.get_close_matches(word, list(names), n=6, cutoff=0.6):
        if names[match] not in near:
            near.append(names[match])
    hint = f"nearest: {', '.join(near[:3])}" if near else "none is near"
    return ValueError(f"unknown place {where!r}: {_PASS} ({hint})")


def _spellings(folded: str) -> list[str]:
    """Return a case-folded name as it is and without its accents."""
    if folded.isascii():
        return [folded]
    import unicodedata  # late: only a name with accents needs it

    plain = unicodedata.normalize("NFKD", folded)
    return [folded, "".join(c for c in plain if not unicodedata.combining(c))]
