"""The documents hang together: every page is in the contents, every link and every command leads somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from ffsearch.search.cli import app, invoke
from ffsearch.spaces.loader import load

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))

pytestmark = pytest.mark.needs_checkout


def named(contents: object) -> set[str]:
    """The pages that a part of the contents names."""
    if isinstance(contents, str):
        return {contents}
    parts = contents.values() if isinstance(contents, dict) else contents if isinstance(contents, list) else []
    return {name for part in parts for name in named(part)}


def test_every_page_is_in_the_contents() -> None:
    contents = YAML(typ="safe").load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert named(contents) == {page.relative_to(DOCS).as_posix() for page in PAGES}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "page",
    [page for page in (*PAGES, ROOT / "llms.txt") if page.name != "decisions.md"],  # which tells of commands that were
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_every_command_exists(page: Path) -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    text = page.read_text(encoding="utf-8")
    code = re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    given = {
        command for piece in code for command in re.findall(r"^ffsearch ([a-z][a-z-]+)", piece, flags=re.MULTILINE)
    }
    assert given <= commands


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def typed(page: Path) -> list[list[str]]:
    """The commands of a page that are to be typed, without their first word."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("ffsearch ")]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_setting_that_is_shown_is_legal(page: Path) -> None:
    for words in typed(page):
        settings = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
        own = {"capacity", "capacity-quick", "capacity-convolutional", "capacity-images"} & set(words)
        load(next(iter(own), "tabular"), [f"data.{key}=x" for key in ("source", "target")] + settings)


TUTORIALS = [(DOCS / "tutorial.md", "make_flats.py"), (DOCS / "pt-BR" / "tutorial.md", "faz_apartamentos.py")]
HOW_TOS = [DOCS / "how-to" / name for name in ("from-keras-tuner.md", "from-optuna.md")]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "program"), TUTORIALS, ids=["en", "pt-BR"])
def test_a_tutorial_does_what_it_says(
    page: Path, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (made,) = blocks(page, "python")
    exec(compile(made, program, "exec"), {})
    said = ""
    for words in typed(page):
        assert invoke(words) == 0
        said += capfd.readouterr().out
    assert all(f"[FFS{code}]" in said for code in (301, 109, 113, 601))  # the leak, the prices, the rest, the verdict
    assert len(pd.read_csv(next(tmp_path.glob("*s.csv")))) > 0
    assert any("low" in path.read_text(encoding="utf-8").partition("\n")[0] for path in tmp_path.glob("*s*.csv"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*(currentThread|getName).*:DeprecationWarning")  # KerasTuner's lock
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' weights to HDF5
@pytest.mark.parametrize("page", HOW_TOS, ids=lambda page: page.name)
def test_what_a_how_to_shows_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for source in blocks(page, "python"):
        exec(compile(source, page.name, "exec"), names)
    for words in typed(page):
        assert invoke(words) == 0
