"""What the providers call the places of this world.

Codes are facts of their public documentation: Electricity Maps' list of zones, WattTime's list of
grid regions, the regions of the GB Carbon Intensity API. A place that is not here, or lies in
several zones of which none is most of it, is one that the provider does not know.
"""

from __future__ import annotations

from microjoule.carbon.providers._protocol import Zone

# What our tables call otherwise. A country's zone bears its code.
_ELECTRICITY_MAPS = {
    "AU-ACT": "AU-NSW",
    "AU-NT-DKIS": "AU-NT",
    "AU-WA-SWIS": "AU-WA",
    "CL": "CL-SEN",
    "DK1": "DK-DK1",
    "DK2": "DK-DK2",
    "HK-CLP": "HK",
    "HK-HKE": "HK",
    "NO1": "NO-NO1",
    "NO2": "NO-NO2",
    "NO3": "NO-NO3",
    "NO4": "NO-NO4",
    "NO5": "NO-NO5",
    "SE1": "SE-SE1",
    "SE2": "SE-SE2",
    "SE3": "SE-SE3",
    "SE4": "SE-SE4",
}
# States and grids that lie in one balancing authority, or nearly so.
_ELECTRICITY_MAPS_MOSTLY = {
    "US-CAL-CISO": ("US-CA", "eGRID-CAMX"),
    "US-MIDA-PJM": ("US-DC", "US-DE", "US-MD", "US-NJ", "US-OH", "US-PA", "US-VA", "US-WV"),
    "US-NE-ISNE": ("US-CT", "US-MA", "US-ME", "US-NH", "US-RI", "US-VT", "eGRID-NEWE"),
    "US-NY-NYIS": ("US-NY", "eGRID-NYCW", "eGRID-NYLI", "eGRID-NYUP"),
    "US-TEN-TVA": ("US-TN",),
    "US-TEX-ERCO": ("US-TX", "eGRID-ERCT"),
}
# Zones below a country, as Electricity Maps writes them behind the country's code.
# fmt: off
_ELECTRICITY_MAPS_PARTS = {
    "AU": ("NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA"),
    "BR": ("CS", "N", "NE", "S"),
    "CA": ("AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"),
    "CL": ("SEA", "SEM", "SEN"),
    "DK": ("BHM", "DK1", "DK2"),
    "ES": ("CE", "CN-FV", "CN-GC", "CN-HI", "CN-IG", "CN-LP", "CN-LZ", "CN-TE", "IB-FO", "IB-IZ",
           "IB-MA", "IB-ME", "ML"),
    "FR": ("COR",),
    "GB": ("NIR", "ORK", "ZET"),
    "IN": ("EA", "NE", "NO", "SO", "WE"),
    "IT": ("CNO", "CSO", "NO", "SAR", "SIC", "SO"),
    "JP": ("CB", "CG", "HKD", "HR", "KN", "KY", "ON", "SK", "TH", "TK"),
    "MY": ("EM", "WM"),
    "NO": ("NO1", "NO2", "NO3", "NO4", "NO5"),
    "PH": ("LU", "MI", "VI"),
    "PT": ("AC", "MA"),
    "SE": ("SE1", "SE2", "SE3", "SE4"),
    "US": ("AK", "CAL-BANC", "CAL-CISO", "CAL-IID", "CAL-LDWP", "CAL-TIDC", "CAR-CPLE", "CAR-CPLW",
           "CAR-DUK", "CAR-SC", "CAR-SCEG", "CENT-SPA", "CENT-SWPP", "FLA-FMPP", "FLA-FPC",
           "FLA-FPL", "FLA-GVL", "FLA-JEA", "FLA-SEC", "FLA-TAL", "FLA-TEC", "HI", "MIDA-PJM",
           "MIDW-AECI", "MIDW-LGEE", "MIDW-MISO", "NE-ISNE", "NW-AVA", "NW-BPAT", "NW-CHPD",
           "NW-DOPD", "NW-GCPD", "NW-IPCO", "NW-NEVP", "NW-NWMT", "NW-PACE", "NW-PACW", "NW-PGE",
           "NW-PSCO", "NW-PSEI", "NW-SCL", "NW-TPWR", "NW-WACM", "NW-WAUW", "NY-NYIS", "SE-SOCO",
           "SW-AZPS", "SW-EPE", "SW-PNM", "SW-SRP", "SW-TEPC", "SW-WALC", "TEN-TVA", "TEX-ERCO"),
}
# fmt: on
# Data centres are asked for by operator and region.
_CLOUDS = {"aws": "aws", "azure": "azure", "gcp": "gcp", "google": "gcp"}

# fmt: off
_WATTTIME_BY_ALPHA_2 = frozenset((
    "AT", "BA", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR",
    "HU", "IE", "IT", "LT", "LV", "ME", "NL", "NO", "PL", "PT", "RO", "RS", "SE", "SI", "SK",
))
# fmt: on
# Countries of several regions, none of which is the whole.
_WATTTIME_PARTED = frozenset(("AU", "CA", "JP", "US"))
_WATTTIME = {
    "AU-ACT": "NEM_NSW",
    "AU-NSW": "NEM_NSW",
    "AU-QLD": "NEM_QLD",
    "AU-SA": "NEM_SA",
    "AU-TAS": "NEM_TAS",
    "AU-VIC": "NEM_VIC",
    "AU-WA-SWIS": "WEM",
    "CA-AB": "AESO",
    "CA-BC": "BCHYDRO",
    "CA-QC": "HQ",
    "GB": "UK",
    "MX": "MX_SIN",
    "US-CT": "ISONE_CT",
    "US-DC": "PJM_DC",
    "US-ME": "ISONE_ME",
    "US-NH": "ISONE_NH",
    "US-NJ": "PJM_NJ",
    "US-RI": "ISONE_RI",
    "US-VT": "ISONE_VT",
}
_WATTTIME_MOSTLY = {"CAISO_NORTH": ("US-CA", "eGRID-CAMX"), "TVA": ("US-TN",)}

# Region numbers of the API; the empty one is all of Great Britain.
_UK = {"GB": "", "GB-ENG": "15", "GB-SCT": "16", "GB-WLS": "17"}


def named(where: str) -> str | None:
    """Return the code of a place that some provider has a name for and our tables need not know.

    Args:
        where: code of a region or zone, in any case.
    """
    code = where.strip().upper()
    known = code in _UK or (not _is_country(code) and electricity_maps(code) is not None)
    return code if known else None


def electricity_maps(where: str) -> Zone | None:
    """Return the zone of a place, None where there is none."""
    found = _mapped(where, _ELECTRICITY_MAPS, _ELECTRICITY_MAPS_MOSTLY)
    if found is not None:
        return found
    operator, colon, region = where.partition(":")
    if colon and region and operator in _CLOUDS:
        return Zone(f"{_CLOUDS[operator]}:{region.lower()}")
    country, _, part = where.partition("-")
    if _is_country(where) or part in _ELECTRICITY_MAPS_PARTS.get(country, ()):
        return Zone(where)
    return None


def watttime(where: str, alpha_3: str) -> Zone | None:
    """Return the grid region of a place, None where there is none.

    Args:
        where: the place.
        alpha_3: ISO 3166-1 alpha-3 code of the place, or empty.
    """
    found = _mapped(where, _WATTTIME, _WATTTIME_MOSTLY)
    if found is not None:
        return found
    if where in _WATTTIME_BY_ALPHA_2:
        return Zone(where)
    if _is_country(where) and where not in _WATTTIME_PARTED and alpha_3:
        return Zone(alpha_3)
    return None


def uk(where: str) -> Zone | None:
    """Return the number of a region of Great Britain, empty for all of it, None elsewhere."""
    if where not in _UK:
        return None
    note = "Great Britain, without Northern Ireland" if where == "GB" else ""
    return Zone(_UK[where], note)


def _mapped(where: str, exactly: dict[str, str], mostly: dict[str, tuple[str, ...]]) -> Zone | None:
    if where in exactly:
        return Zone(exactly[where])
    for zone, places in mostly.items():
        if where in places:
            return Zone(zone, f"the zone {zone} stands for {where}")
    return None


def _is_country(where: str) -> bool:
    return len(where) == 2 and where.isalpha() and where.isupper()
