"""No password of any spelling is shown, whatever text its address stands in."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ffsearch.search.base.secrets import without_passwords

PRINTED = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
"""Without blanks, which end an address in the midst of a text."""

BLANKS = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1, max_size=12)

SCHEMES = st.sampled_from(["postgresql", "postgresql+psycopg", "mysql+pymysql", "mysql", "http", "redis", "S3"])

TEXTS = (
    "{}",
    "it was {}",
    "['run', '--storage', {!r}]",
    "(psycopg.OperationalError) connection to {} failed: FATAL",
    "--storage {}: the database cannot be used",
)


def secret(core: str) -> str:
    """One that no other part of an address or a text holds by chance."""
    return f"Zq{core}7Xw"


def quote_all(raw: str) -> str:
    return quote(raw, safe="")


@settings(max_examples=5000, deadline=None)
@given(SCHEMES, PRINTED, st.sampled_from([str, quote, quote_plus, quote_all]), st.sampled_from(TEXTS))
def test_a_password_in_an_address_is_in_no_text(scheme: str, core: str, coded: Callable[[str], str], text: str) -> None:
    password = coded(secret(core))
    shown = without_passwords(text.format(f"{scheme}://bob:{password}@db.example:5432/trials?sslmode=require"))
    assert password not in shown
    assert "Zq" not in shown
    assert f"{scheme}://bob:***@db.example:5432/trials?sslmode=require" in shown


@settings(max_examples=1000, deadline=None)
@given(BLANKS, st.sampled_from(["password", "passwd", "sslpassword", "token", "pwd"]))
def test_a_password_in_a_query_is_in_no_text(core: str, name: str) -> None:
    address = f"postgresql://db.example/trials?user=bob&{name}={quote_plus(secret(core))}&sslmode=require"
    shown = without_passwords(f"it was {address}")
    assert shown == f"it was postgresql://db.example/trials?user=bob&{name}=***&sslmode=require"


@settings(max_examples=1000, deadline=None)
@given(BLANKS, st.sampled_from([str, quote_all]))
def test_a_known_password_is_hidden_where_it_stands_alone(core: str, coded: Callable[[str], str]) -> None:
    password = secret(core)
    address = f"mysql+pymysql://bob:{coded(password)}@db.example/trials"
    for text in (password, f"Access denied for 'bob' (using {password})", repr([password]), address):
        assert "Zq" not in without_passwords(text, of=address)


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///runs/a.db", "see https://example.com/a?b=c", "12:30 at a@b", "mail to: someone@example.com",
        "C:\\runs\\a", "ratio 3://4", "the token of a run",
    ],
)  # fmt: skip
def test_what_holds_no_password_is_left_alone(text: str) -> None:
    assert without_passwords(text) == text


def test_settings_in_a_list_are_hidden_too() -> None:
    shown = without_passwords("host=db password='my secret' user=bob dbname=x")
    assert shown == "host=db password=*** user=bob dbname=x"
