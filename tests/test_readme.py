"""What README and documents show works: their Python runs, their commands are those of CI, their options exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from ruamel.yaml import YAML

from ffsearch.search.cli import invoke

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


SHOWN = README + "".join(
    (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("commands.md", "python.md", "model.md")
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", SHOWN, flags=re.DOTALL)


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for source in blocks("python"):  # a later one goes on where an earlier one ended
        exec(compile(source, "README.md", "exec"), names)
    assert (tmp_path / "runs" / "wine" / "summary.json").exists()


def test_every_option_of_the_readme_exists(capfd: pytest.CaptureFixture[str]) -> None:
    for command in ("run", "init", "show", "report", "export", "predict", "schema", "verdict", "replay"):
        invoke([command, "--help"])
    known = set(re.findall(r"--[a-z]+", capfd.readouterr().out)) | {"--version"}
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("ffsearch ")]
    assert commands
    assert {flag for line in commands for flag in re.findall(r"--[a-z]+", line.partition("#")[0])} <= known


@pytest.mark.parametrize("name", ["install-and-run", "install-and-test"])
def test_ci_finds_the_two_commands(name: str) -> None:
    assert len(re.findall(rf"<!-- {name} -->\n```sh\n[^`]+```", README)) == 1


@pytest.mark.needs_checkout
def test_they_run_on_every_system_and_python_that_is_promised() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    matrix = YAML(typ="safe").load(text)["jobs"]["fast"]["strategy"]["matrix"]
    promised = SpecifierSet(
        tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    )
    assert matrix["system"] == ["ubuntu", "macos", "windows"]
    assert matrix["python"] == ["3.11", "3.12", "3.13"]
    assert all(promised.contains(f"{python}.0") for python in matrix["python"])
    assert not promised.contains("3.10.99")
    for name in ("install-and-run", "install-and-test"):
        assert text.count(f"<!-- {name} -->") == 1
