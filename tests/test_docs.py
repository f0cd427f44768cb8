"""The documents hang together: every page is in the contents, every link and every command leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ffsearch.search.cli import app

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))

pytestmark = pytest.mark.needs_checkout


def named(contents: object) -> set[str]:
    """The pages that a part of the contents names."""
    if isinstance(contents, str):
        return {contents}
    parts = contents.values() if isinstance(contents, dict) else contents if isinstance(contents, list) else []
    return {name for part in parts for name in named(part)}


def test_every_page_is_in_the_contents() -> None:
    contents = YAML(typ="safe").load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert named(contents) == {page.name for page in PAGES}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "page",
    [page for page in (*PAGES, ROOT / "llms.txt") if page.name != "decisions.md"],  # which tells of commands that were
    ids=lambda page: page.name,
)
def test_every_command_exists(page: Path) -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    text = page.read_text(encoding="utf-8")
    code = re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    given = {
        command for piece in code for command in re.findall(r"^ffsearch ([a-z][a-z-]+)", piece, flags=re.MULTILINE)
    }
    assert given <= commands
