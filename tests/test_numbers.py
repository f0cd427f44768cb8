"""The one formatter of numbers: which digits are shown and in which notation, over all magnitudes."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffsearch.search.base.numbers import compact, placed, short_count, significant, together
from ffsearch.search.wording.language import LANGUAGES

MAGNITUDES = {
    1.23456e-12: ("1.235e-12", "1.23e-12", "1.2e-12"),
    9.4e-10: ("9.4e-10", "9.4e-10", "9.4e-10"),
    2.4e-6: ("2.4e-6", "2.4e-6", "2.4e-06"),
    0.00012345: ("1.234e-4", "1.23e-4", "0.00012"),
    0.00086: ("8.6e-4", "8.6e-4", "0.00086"),
    0.00094: ("9.4e-4", "9.4e-4", "0.00094"),
    0.00099999: ("0.001000", "0.001", "0.001"),
    0.001: ("0.001000", "0.001", "0.001"),
    0.0812345: ("0.08123", "0.0812", "0.081"),
    0.15: ("0.1500", "0.15", "0.15"),
    0.99999: ("1.000", "1", "1"),
    1: ("1.000", "1", "1"),
    12.3456: ("12.35", "12.3", "12"),
    150.0: ("150.0", "150", "150"),
    1234.56: ("1235", "1235", "1235"),
    9999.4: ("9999", "9999", "9999"),
    9999.7: ("10000", "10000", "10000"),
    123456.7: ("123457", "123457", "123457"),
    9_999_999.0: ("9999999", "9999999", "9999999"),
    1e7: ("1e7", "1e7", "1e07"),
    3.14159e12: ("3.142e12", "3.14e12", "3.1e12"),
    0.0: ("0.0000", "0", "0"),
    float("nan"): ("–", "–", "–"),
    float("-inf"): ("–", "–", "–"),
}  # fmt: skip


@pytest.mark.parametrize("value", MAGNITUDES)
def test_numbers_of_every_magnitude(value: float) -> None:
    assert (significant(value), significant(value, 3, trimmed=True), compact(value)) == MAGNITUDES[value]
    if value == value and value:
        assert significant(-value) in (f"-{MAGNITUDES[value][0]}", "–")


def as_shown(value: float, n_digits: int) -> Decimal:
    """The number that the digits promise: so many, and all that stand before the point."""
    exact = Decimal(value)
    place = max(exact.adjusted() - n_digits + 1, -400)
    if value >= 1e7 or place < 0:
        return exact.quantize(Decimal(1).scaleb(place), rounding=ROUND_HALF_EVEN)
    return exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)


numbers = st.floats(1e-12, 1e12)
digits = st.integers(2, 6)


@given(value=numbers, n_digits=digits, trimmed=st.booleans())
def test_what_is_shown_is_the_number_to_the_digits_promised(*, value: float, n_digits: int, trimmed: bool) -> None:
    assert Decimal(significant(value, n_digits, trimmed=trimmed)) == as_shown(value, n_digits)


@given(value=numbers, factor=st.floats(1 - 1e-3, 1 + 1e-3), n_digits=digits, trimmed=st.booleans())
def test_numbers_that_differ_in_the_digits_shown_are_not_printed_alike(
    *, value: float, factor: float, n_digits: int, trimmed: bool
) -> None:
    other = value * factor
    is_alike = significant(value, n_digits, trimmed=trimmed) == significant(other, n_digits, trimmed=trimmed)
    assert not is_alike or as_shown(value, n_digits) == as_shown(other, n_digits)


@given(value=st.floats(1e-3, 1e7, exclude_max=True), n_digits=digits, trimmed=st.booleans())
def test_no_number_between_a_thousandth_and_ten_millions_has_an_exponent(
    *, value: float, n_digits: int, trimmed: bool
) -> None:
    assert "e" not in significant(value, n_digits, trimmed=trimmed)
    assert "e" not in compact(value)


@given(value=numbers, sign=st.sampled_from([1, -1]))
def test_languages_exchange_signs_and_nothing_else(value: float, sign: int) -> None:
    """Read back by its own signs, a number is the same in every language."""
    for t in LANGUAGES.values():
        for shown, plain in (
            (t.score(sign * value), significant(sign * value)),
            (t.setting(sign * value), significant(sign * value, 3, trimmed=True)),
        ):
            assert shown.replace(t.group, "").replace(t.decimal, ".").replace("−", "-") == plain


@pytest.mark.parametrize(
    ("interval", "shown"),
    [
        ((0.0123456, -0.0012, 0.0259), ("0.012", "-0.001", "0.026")),
        ((-0.00001, -0.3, 0.3), ("0.00", "-0.30", "0.30")),
        ((12345.6, 11000.0, 13900.0), ("12300", "11000", "13900")),
        ((1.0, 1.0, 1.0), ("1", "1", "1")),
        ((150.0, 100.0, 200.0), ("150", "100", "200")),
    ],
)
def test_an_interval_has_two_digits_of_its_half_width(
    interval: tuple[float, float, float], shown: tuple[str, ...]
) -> None:
    assert together(*interval) == shown


@given(value=st.floats(-1e6, 1e6), reach=st.floats(1e-3, 1e5))
def test_ends_of_an_interval_differ_where_they_are_shown(value: float, reach: float) -> None:
    shown = [Decimal(text) for text in together(value, value - reach, value + reach)]
    assert shown[1] < shown[2]
    assert all(
        abs(float(text) - number) <= reach / 10
        for text, number in zip(shown, (value, value - reach, value + reach), strict=True)
    )


@pytest.mark.parametrize(
    ("value", "n_places", "text"), [(1234.567, 1, "1234.6"), (1250, -2, "1200"), (-0.001, 1, "0.0"), (2.5, 0, "2")]
)
def test_places_may_be_fewer_than_none(value: float, n_places: int, text: str) -> None:
    assert placed(value, n_places) == text


@pytest.mark.parametrize(
    ("count", "text", "trimmed"),
    [
        (812, "812", "812"), (3_000, "3.0k", "3k"), (5_321, "5.3k", "5.32k"), (9_985, "10.0k", "9.98k"),
        (12_500, "12k", "12.5k"), (104_400, "104k", "104k"), (999_600, "1.0M", "1M"), (2_100_000, "2.1M", "2.1M"),
    ],
)  # fmt: skip
def test_counts_in_thousands(count: int, text: str, trimmed: str) -> None:
    assert (short_count(count), short_count(count, 3, trimmed=True)) == (text, trimmed)
