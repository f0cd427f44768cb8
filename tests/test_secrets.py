"""No password of any spelling is shown, whatever text its address stands in."""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ffsearch.search.base.secrets import without_passwords
from ffsearch.search.cli import invoke
from ffsearch.search.console.process import EXIT_OURS, ended

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
        "C:\\runs\\a", "ratio 3://4", "the token of a run", "http://localhost:5000", "see http://[::1]:5000/a, or",
        "it is at 'http://127.0.0.1:5000'.", "sqlite:///C:/runs/a.db", "tcp://10.0.0.1:6379",
    ],
)  # fmt: skip
def test_what_holds_no_password_is_left_alone(text: str) -> None:
    assert without_passwords(text) == text


@pytest.mark.parametrize("cut", [1, 4, 7])
def test_an_address_that_was_cut_within_its_password_shows_none_of_it(cut: int) -> None:
    address = "postgresql://bob:Zqa&x=b/c@db/trials"
    shown = without_passwords(f"--{address[: address.index('Zq') + cut]}: unknown")
    assert shown == "--postgresql://bob:*** unknown"


@pytest.mark.parametrize("text", ["x" * 1_000_000, "ab:/c/" * 200_000, "ab:///" * 200_000, "ab:/c/" * 200_000 + "@x"])
def test_a_text_without_end_is_looked_through_once(text: str) -> None:
    """A name of a million letters may stand in an error; what looks from each of them to the end never comes back."""
    assert without_passwords(text) == text


def test_settings_in_a_list_are_hidden_too() -> None:
    shown = without_passwords("host=db password='my secret' user=bob dbname=x")
    assert shown == "host=db password=*** user=bob dbname=x"


# --- what commands say -----------------------------------------------------------------------------------------------

COMMANDS = (
    ["run", "{}"], ["run", "tabular", "--data", "{}"], ["run", "tabular", "--data", "{}?table=t", "--target", "y"],
    ["run", "tabular", "--set", "data.source={}"], ["init", "{}"], ["show", "{}"], ["report", "{}"], ["list", "{}"],
    ["predict", "{}", "rows.csv"], ["export", "{}", "--format", "keras"], ["compare", "{}", "{}"], ["verdict", "{}"],
    ["report", "run", "--mlflow", "{}"], ["run", "{}", "--trials", "{}"], ["{}"], ["run", "tabular", "--{}"],
    ["run", "tabular", "--set", "{}"], ["replay", "{}", "0"], ["import-kt", "{}"],
    ["run", "tabular", "--storage", "{}", "--set", "search.sampler={}"], ["predict", "model.keras", "{}"],
    ["run", "tabular", "--budget", "{}"], ["explain", "{}"], ["report", "run", "--lang", "{}"],
)  # fmt: skip
"""Everywhere an address may be typed, where it belongs and where it does not. None of them reaches a server."""

ADDRESSES = st.builds(
    lambda scheme, core, coded, host: f"{scheme}://bob:{coded(secret(core))}@{host}/trials",
    SCHEMES, PRINTED, st.sampled_from([str, quote, quote_plus, quote_all]), st.sampled_from(["127.0.0.1:1", "[::1]:1"]),
)  # fmt: skip


def said_of(command: list[str], address: str, folder: Path) -> str:
    """All that a command leaves: what it says, the file of a traceback, names and contents of files."""
    out = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        invoke([word.replace("{}", address) for word in command])
    said = out.getvalue()
    for path in folder.rglob("*"):
        said += f"\n{path.name}\n" + (path.read_text("utf-8", "replace") if path.is_file() else "")
    traceback = re.search(r"The traceback is in (\S+);", said)
    return said + (Path(traceback[1]).read_text("utf-8") if traceback else "")


def holds(n: int) -> None:
    @settings(max_examples=n, deadline=None)
    @given(st.sampled_from(COMMANDS), ADDRESSES)
    def no_output_holds_it(command: list[str], address: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            said = said_of(command, address, Path(folder))
        assert "Zq" not in said
        assert "7Xw" not in said
        assert "the fault is its own" not in said

    no_output_holds_it()


def test_no_command_shows_a_password() -> None:
    holds(100)


@pytest.mark.slow
def test_no_command_shows_a_password_of_five_thousand() -> None:
    holds(5000)


def test_a_fault_of_ours_shows_none() -> None:
    address = "postgresql://bob:Zqa/b@c7Xw@db.example/trials"

    def command() -> None:
        raise RuntimeError(f"connection to {address} failed")

    out = io.StringIO()
    with contextlib.redirect_stderr(out):
        assert ended(command, ["run", "--storage", address]) == EXIT_OURS
    kept = Path(re.search(r"The traceback is in (\S+);", out.getvalue())[1])  # type: ignore[index]
    assert "Zq" not in out.getvalue() + kept.read_text("utf-8")
    kept.unlink()
