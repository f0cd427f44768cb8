"""What a text says as a moment or as a time, in plain Python: `dates.py`, `clocks.py` and `exporting/host.py` share it.

    2024-05-31    2024/5/31 12:30    20240531T123015Z    31.05.2024 12.30 Uhr    5/31/24 1:30 PM    31 de maio de 2024
    Fri, 31 May 2024 12:30:15 GMT    2024:05:31 12:30:15    2024-05-31 12:30:15,5+02    2024-05    2024Q2    2024-W22
    12:30    04:16:27.5    1 days 04:16:27    PT1H30M    1h 30m

This file needs nothing but Python, so that it can be copied to where a model runs, beside `host.py`. Months have their
names in English, German, French, Spanish, Portuguese, Italian and Dutch. Two digits of a year are those of 1969 to
2068, as in POSIX.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

__all__ = ["WINDOW", "has_short_year", "is_ambiguous", "is_dotted", "outer_parts", "seconds_in", "time_in"]

DAY_S: Final = 86_400
MOST_SIGNS: Final = 200
"""Of a date or a time. `written.py` has the same, and says why; each of both stands alone in an exported model."""
WINDOW: Final = (1969, 2068)
"""The years that two digits stand for. Source: POSIX, `strptime`."""

_1970: Final = date(1970, 1, 1).toordinal()

_NAMES: Final = (
    "jan january januar jänner janeiro enero ene janvier janv gennaio gen januari",
    "feb february februar feber fev fevereiro febrero février fevrier févr fevr fév febbraio februari",
    "mar march märz maerz mär mrz março marco marzo mars maart mrt",
    "apr april abr abril avril avr aprile",
    "may mai maio mayo maggio mag mei",
    "jun june juni junho junio juin giugno giu",
    "jul july juli julho julio juillet juil luglio lug",
    "aug august ago agosto août aout aoû augustus",
    "sep sept september set setembro septiembre septembre settembre",
    "oct october oktober okt out outubro octubre octobre ottobre ott",
    "nov november novembro noviembre novembre",
    "dec december dezember dez dezembro dic diciembre décembre decembre déc dicembre",
)
_MONTHS: Final = {name: month for month, names in enumerate(_NAMES, start=1) for name in names.split()}
_WEEKDAYS: Final = re.compile(
    r"(?:mon|tue|wed|thu|fri|sat|sun|montag|dien|mitt|donn|frei|sams|sonn|mo|di|mi|do|fr|sa|so|seg|ter|qua|qui|sex|sáb|sab"
    r"|dom|lun|mar|mié|mie|mer|jue|jeu|vie|ven|sam|dim)[^\W\d_]*(?:-feira)?\.?,?\s+",
    re.IGNORECASE,
)
_ZONES: Final = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8,
    "PDT": -7, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "WEST": 1, "BST": 1, "EET": 2, "EEST": 3, "MSK": 3, "IST": 5.5,
    "SGT": 8, "JST": 9, "KST": 9, "BRT": -3, "BRST": -2, "AEST": 10, "AEDT": 11,
}  # fmt: skip
"""Hours that a zone is ahead of UTC, by the names that are used."""

_DAY: Final = r"(?:st|nd|rd|th|er|º|ª|\.)?"
_NAME: Final = r"[^\W\d_]{3,10}"
_DATE: Final = re.compile(
    r"(?:(?P<y>\d{4})(?P<s>[-/.:]|\. )(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})"
    r"|(?P<first>\d{1,2})(?P<sep>[-/.]|\. )(?P<second>\d{1,2})(?P=sep)(?P<last>\d{4}|\d{2})"
    rf"|(?P<d2>\d{{1,2}}){_DAY}[-/. ]*(?P<month>{_NAME})\.?[-/., ]*(?P<y2>\d{{4}}|(?<=[-/. ])\d{{2}})"
    rf"|(?P<month2>{_NAME})\.?[-/. ]*(?P<d3>\d{{1,2}}){_DAY},?[-/. ]+(?P<y3>\d{{4}})"
    rf"|(?P<y4>\d{{4}})[-/. ]?(?P<month3>{_NAME})\.?[-/. ]?(?P<d4>\d{{1,2}})"
    r"|(?P<y5>\d{4})(?P<m5>0[1-9]|1[0-2])(?P<d5>[0-3]\d)(?:(?P<hms>\d{6})|\.0)?"
    r"|(?P<y6>\d{4})-?W(?P<week>\d{2})(?:-?(?P<weekday>[1-7]))?"
    r"|(?P<y7>\d{4})(?:[-/.]M?|M)(?P<m7>\d{1,2})|(?P<m8>\d{1,2})[-/.](?P<y8>\d{4})"
    rf"|(?P<month4>{_NAME})\.?[-/., ']*(?P<y9>\d{{4}}|(?<=[-/' ])\d{{2}})|(?P<y10>\d{{4}})[-/. ]?(?P<month5>{_NAME})\.?"
    r"|(?P<y11>\d{4})[-/. ]?[QT](?P<q>[1-4])|[QT](?P<q2>[1-4])[-/. ']*(?P<y12>\d{4})"
    r"|(?P<q3>[1-4])[QT][-/. ]?(?P<y13>\d{4}))"
    r"(?:(?:,? +(?:at |um |às |a las |à )?|[Tt_]|:|, )(?P<hour>\d{1,2})(?P<colon>[:.h])?(?P<minute>\d{2})"
    r"(?:(?:(?P=colon))?(?P<sec>\d{2})(?:[.,](?P<fraction>\d+))?)?"
    r"(?:\s?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?:Uhr|hrs?|h|uur))?)?"
    r"(?: ?(?P<zone>[A-Za-z]{1,4}|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2})?))?(?: ?\[[\w/]+\]| ?\([A-Z][\w ]+\))?",
)
_OF: Final = re.compile(r"\b(?:de|of|del|do)\b\s*", re.IGNORECASE)
_YEAR_BEHIND: Final = re.compile(
    r"(?P<date>[A-Za-z]{3,9} {1,2}\d{1,2}) (?P<clock>\d{1,2}:\d{2}:\d{2})"
    r"(?P<zone> (?:[A-Z]{1,4}|[+-]\d{4}))? (?P<year>\d{4})"
)
"""As the C library, Java, git and Twitter write them: Wed Oct 10 20:19:24 +0000 2018."""
_CHINESE: Final = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日")
_SPAN: Final = re.compile(r"(\d{4}-\d{2}-\d{2})/\d{4}-\d{2}-\d{2}")

_CLOCK: Final = re.compile(
    r"(?P<sign>[-+]?)(?:(?P<days>\d+) ?(?:days?|d|Tage?|dias?|jours?),? *(?P<plus>[+-]?))?"
    r"(?P<hours>\d{1,4})[:h](?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d)(?:[.,](?P<fraction>\d+))?)?"
    r"(?:\s?(?P<half>[AaPp])\.?[Mm]\.?)?(?: ?(?:Uhr|hrs?|h))?"
)
_PARTS: Final = re.compile(
    r"(?P<sign>-?)(?:P(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:[.,]\d+)?)S)?)?"
    r"|(?:(?P<d2>\d+) ?(?:d|days?)[, ]*)?(?:(?P<h2>\d+) ?(?:h|hrs?|hours?|std)[, ]*)?"
    r"(?:(?P<m2>\d+) ?(?:m|mins?|minutes?)[, ]*)?(?:(?P<s2>\d+(?:[.,]\d+)?) ?(?:s|secs?|seconds?))?)"
)


def seconds_in(text: str, *, day_first: bool, dots_day_first: bool, year_first: bool = False) -> float:
    """Seconds from 1970 to a moment, in UTC where the text names its zone; NaN if the text is no date.

    Args:
        text: A cell without blanks around it.
        day_first: Whether 1/2/2024 is in February.
        dots_day_first: Whether 1.2.2024 is.
        year_first: Whether 24-02-01 is in 2024; it begins with its day or month otherwise.
    """
    found = _found(text)
    if found is None:
        return float("nan")
    day = _day(found, day_first=day_first, dots_day_first=dots_day_first, year_first=year_first)
    clock_s = _clock_s(found)
    if day is None or clock_s is None:
        return float("nan")
    ahead_h = _ahead_h(found["zone"] or "")
    return float("nan") if ahead_h is None else (day - _1970) * DAY_S + clock_s - ahead_h * 3600


def is_ambiguous(text: str) -> bool:
    """Whether a date that ends with its year is written in numbers alone: the day or the month may come first."""
    found = _found(text)
    return found is not None and found["first"] is not None


def is_dotted(text: str) -> bool:
    """Whether it is so, with points between."""
    found = _found(text)
    return found is not None and found["first"] is not None and "." in found["sep"]


def outer_parts(text: str) -> tuple[str, str] | None:
    """What stands at both ends of a date of three numbers of two digits, of which either may be its year."""
    found = _found(text)
    if found is None or not found["first"] or len(found["first"]) != 2 or len(found["last"]) != 2:
        return None
    return found["first"], found["last"]


def has_short_year(text: str) -> bool:
    """Whether a date has two digits of its year."""
    found = _found(text)
    return found is not None and any(found[name] and len(found[name]) == 2 for name in ("last", "y2", "y9"))


def time_in(text: str) -> tuple[float, bool]:
    """Seconds of a duration or a time of day, NaN if the text is neither, and whether it may be a time of day."""
    if len(text) > MOST_SIGNS:
        return float("nan"), False
    found = _CLOCK.fullmatch(text)
    if found is not None:
        seconds = float(int(found["hours"]) * 3600 + int(found["minutes"]) * 60 + int(found["seconds"] or 0))
        seconds += float(f"0.{found['fraction'] or 0}")
        is_clock = found["days"] is None and not found["sign"] and seconds <= DAY_S
        if found["half"]:
            if not 1 <= int(found["hours"]) <= 12:
                return float("nan"), False
            seconds += (12 * (found["half"] in "Pp") - 12 * (found["hours"].lstrip("0") == "12")) * 3600
        days_s = int(found["days"] or 0) * DAY_S
        if found["plus"]:  # as pandas writes what is below zero: -1 days +23:00:00
            seconds = (seconds if found["plus"] == "+" else -seconds) + (-days_s if found["sign"] == "-" else days_s)
            return seconds, False
        return (-(days_s + seconds) if found["sign"] == "-" else days_s + seconds), is_clock
    parts = _PARTS.fullmatch(text) if text else None
    if parts is None or not any(character.isdigit() for character in text):
        return float("nan"), False
    values = [parts[name] or parts[f"{name}2"] or "0" for name in "dhms"]
    days, hours, minutes, rest = (float(value.replace(",", ".")) for value in values)
    seconds = days * DAY_S + hours * 3600 + minutes * 60 + rest
    return (-seconds if parts["sign"] else seconds), False


def _found(text: str) -> re.Match[str] | None:
    """The parts of a date, names of weekdays and words between taken away."""
    if len(text) > MOST_SIGNS:
        return None
    found = _DATE.fullmatch(text)
    if found is not None or len(text) < 6:
        return found
    span = _SPAN.fullmatch(text)
    if span is not None:
        return _DATE.fullmatch(span[1])
    if text[4:5] == "年":
        return _DATE.fullmatch(_CHINESE.sub(r"\1-\2-\3", text))
    shorter = _OF.sub("", _WEEKDAYS.sub("", text, count=1) if _WEEKDAYS.match(text) else text)
    behind = _YEAR_BEHIND.fullmatch(shorter)
    if behind is not None:
        shorter = f"{behind['date']} {behind['year']} {behind['clock']}{behind['zone'] or ''}"
    return _DATE.fullmatch(shorter) if shorter != text else None


def _day(found: re.Match[str], *, day_first: bool, dots_day_first: bool, year_first: bool) -> int | None:
    """The ordinal of the day; None where there is no such day."""
    year = next(found[name] for name in _YEARS if found[name])
    year_first = year_first and bool(found["first"]) and len(found["first"]) == len(year) == 2
    year = found["first"] if year_first else year
    full = int(year) + (0 if len(year) == 4 else 2000 if int(year) <= WINDOW[1] % 100 else 1900)
    month: Any
    day: Any
    try:
        if found["week"]:
            return date.fromisocalendar(full, int(found["week"]), int(found["weekday"] or 1)).toordinal()
        if year_first:
            month, day = found["second"], found["last"]
        elif found["first"]:
            first = dots_day_first if "." in found["sep"] else day_first
            day, month = (found["first"], found["second"]) if first else (found["second"], found["first"])
        else:
            quarter = found["q"] or found["q2"] or found["q3"]
            named = next((found[name] for name in _NAMED if found[name]), None)
            month = next((found[name] for name in ("m", "m5", "m7", "m8") if found[name]), None)
            month = _MONTHS.get(named.lower(), 0) if named else month or 3 * int(quarter) - 2
            day = next((found[name] for name in ("d", "d2", "d3", "d4", "d5") if found[name]), 1)
        return date(full, int(month), int(day)).toordinal()
    except ValueError:  # a 31st of February
        return None


_YEARS: Final = ("y", "last", *(f"y{number}" for number in range(2, 14)))
_NAMED: Final = ("month", "month2", "month3", "month4", "month5")


def _clock_s(found: re.Match[str]) -> float | None:
    """Seconds from midnight; None where there is no such time."""
    if found["hms"]:
        hour, minute, second = (int(found["hms"][place : place + 2]) for place in (0, 2, 4))
    else:
        hour, minute, second = int(found["hour"] or 0), int(found["minute"] or 0), int(found["sec"] or 0)
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (found["half"] in "Pp")
    if minute > 59 or second > 60 or hour > 24 or (hour == 24 and (minute or second)):
        return None
    return hour * 3600 + minute * 60 + second + float(f"0.{found['fraction'] or 0}")


def _ahead_h(zone: str) -> float | None:
    """Hours a zone is ahead of UTC; None where it is none that is known."""
    if not zone:
        return 0.0
    if zone.upper() in _ZONES:
        return float(_ZONES[zone.upper()])
    offset = zone[3:] if zone[:3] in ("UTC", "GMT") else zone
    if offset[:1] not in ("+", "-"):
        return None
    digits = offset[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 15 or minutes > 59:
        return None
    return (hours + minutes / 60) * (1 if offset[0] == "+" else -1)
