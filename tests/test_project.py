"""What the project says of itself agrees: version, release, citation, Pythons, forms."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from ruamel.yaml import YAML

import ffsearch

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.needs_checkout


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def releases() -> list[tuple[Version, date]]:
    """Versions of the changelog with their dates, the newest first."""
    found = re.findall(r"^## \[(\d[^\]]*)\] - (\S+)$", read("CHANGELOG.md"), flags=re.MULTILINE)
    return [(Version(version), date.fromisoformat(day)) for version, day in found]


def test_changelog_citation_and_package_name_one_version() -> None:
    newest, day = releases()[0]
    citation = YAML(typ="safe").load(read("CITATION.cff"))
    assert str(newest) == citation["version"] == ffsearch.__version__
    assert citation["date-released"] == day
    assert releases() == sorted(releases(), reverse=True)


def test_changes_stand_under_a_version_or_are_unreleased() -> None:
    heads = re.findall(r"^## (.*)$", read("CHANGELOG.md"), flags=re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    assert len(heads) == len(releases()) + 1


def test_classifiers_name_the_pythons_that_are_promised() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    promised = SpecifierSet(project["requires-python"])
    named = {match[1] for one in project["classifiers"] if (match := re.search(r"Python :: (3\.\d+)$", one))}
    assert named == {f"3.{minor}" for minor in range(30) if promised.contains(f"3.{minor}.0")}


FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_every_form_asks_something_and_says_what_for(path: Path) -> None:
    form = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(form)
    asked = [part for part in form["body"] if part["type"] != "markdown"]
    assert asked
    assert len({part["id"] for part in asked}) == len(asked)
    assert all(part["attributes"]["label"] for part in asked)


def test_the_guide_for_programs_leads_to_files_that_are_there() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", read("llms.txt"))
    assert len(links) >= 10
    assert [link for link in links if not (ROOT / link).exists()] == []
