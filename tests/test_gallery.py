"""The gallery is whole, small, and made by the commands that stand beside its pages."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
GALLERY = ROOT / "docs" / "gallery"

pytestmark = pytest.mark.needs_checkout


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """The script that makes it."""
    spec = importlib.util.spec_from_file_location("make_gallery", GALLERY / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_there_in_both_languages_and_small(make: ModuleType) -> None:
    names = {f"{name}{ending}.html" for name in (*make.PAGES, make.COMPARISON) for ending in make.LANGUAGES.values()}
    pages = {path.name: path for path in GALLERY.glob("*.html")}
    assert set(pages) == names
    assert max(path.stat().st_size for path in pages.values()) < 1_000_000
    assert sum(path.stat().st_size for path in GALLERY.iterdir() if path.is_file()) < 10_000_000
    for name, path in pages.items():
        text = path.read_text(encoding="utf-8")
        assert f'<html lang="{"pt-BR" if ".pt-BR." in name else "en"}"' in text
        assert "/tmp/" not in text  # nothing of the machine that made it


def test_the_command_beside_a_page_is_the_one_that_made_it(make: ModuleType) -> None:
    text = (GALLERY / "index.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[[^\]]+\]\(([\w-]+)\.html\) .*`([^`]+)` \|$", text, flags=re.MULTILINE)
    told = {name: shlex.split(command)[1:] for name, command in rows}
    assert set(told) == {*make.PAGES, make.COMPARISON}
    assert {name: told[name] for name in make.PAGES} == {name: ["run", *words] for name, words in make.PAGES.items()}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_readme_shows_its_first_screen(theme: str) -> None:
    name = f"docs/gallery/first-screen-{theme}.png"
    assert name in (ROOT / "README.md").read_text(encoding="utf-8")
    assert (ROOT / name).stat().st_size < 150_000
