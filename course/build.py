"""The course's notebooks, each made of one program and one text a language.

    python course/build.py            write all notebooks anew
    python course/build.py --check    say which are not what their sources make, and end with 1 if any

An exercise is three files in `course/source`:

    1_first_run.py          its code, a cell after every `# %% NAME`
    1_first_run.en.md       its text; a line `[[NAME]]` is where that cell stands
    1_first_run.pt-BR.md    the same text in Portuguese

and becomes four notebooks, for students and with solutions, in both languages. What stands between `# BEGIN SOLUTION`
and `# END SOLUTION` in a cell, or between `::: solution` and `:::` in a text, is in the solution alone; students find
`...` in its place. A text ends with the words that its code shows, `word: text` below a line `[[words]]`; in the code
they stand between angle quotes. `course.toml` says where notebooks are installed and opened from; the cells `badge` and
`install` of the notebooks in `notebooks/` follow it too.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

COURSE: Final = Path(__file__).resolve().parent
SOURCE: Final = COURSE / "source"
NOTEBOOKS: Final = COURSE.parent / "notebooks"
LANGUAGES: Final = ("en", "pt-BR")

SETTINGS: Final = "settings"
"""The cell whose values may be replaced: it has the tag that papermill looks for."""

INSTALL: Final = "install"
"""The cell that installs ffsearch where it is not there, the same in every notebook."""

COMMON: Final[dict[str, dict[str, str]]] = {
    "en": {"lang": "en", "yours": "your turn", "solution": "with solutions", "badge": "Open in Colab"},
    "pt-BR": {"lang": "pt-BR", "yours": "agora é com você", "solution": "com soluções", "badge": "Abrir no Colab"},
}
"""Words of every exercise, by language."""

_CELL = re.compile(r"^# %% (\w+)\n", flags=re.MULTILINE)
_PLACE = re.compile(r"^\[\[(\w+)\]\]\n", flags=re.MULTILINE)
_HIDDEN_TEXT = re.compile(r"^::: solution\n(.*?)^:::\n", flags=re.MULTILINE | re.DOTALL)
_HIDDEN_CODE = re.compile(r"^( *)# BEGIN SOLUTION\n(.*?)^ *# END SOLUTION\n?", flags=re.MULTILINE | re.DOTALL)
_WORD = re.compile("«([a-z_]+)»")


def names() -> list[str]:
    """The exercises in their order."""
    return sorted(path.stem for path in SOURCE.glob("*.py"))


def install_cell() -> str:
    """The first cell of every notebook."""
    return (
        "try:\n    import ffsearch\nexcept ImportError:\n"
        f'    %pip install -q "ffsearch @ git+{_settings()["repository"]}"\n    import ffsearch'
    )


def code_of(name: str, lang: str = "en", *, is_solution: bool = False, **replaced: object) -> str:
    """The whole code of an exercise, as one program that has imported ffsearch.

    Args:
        name: The exercise, as `names()` has it.
        lang: Language of what it shows.
        is_solution: Whether with its solution; else as students find it.
        replaced: Other values of names that its settings give.

    Raises:
        KeyError: If the settings give no such name.
    """
    cells = _cells(name)
    unknown = [key for key in replaced if not re.search(rf"^{key} = ", cells[SETTINGS], flags=re.MULTILINE)]
    if unknown:
        raise KeyError(f"{name} sets no {', '.join(unknown)}")
    cells[SETTINGS] += "".join(f"\n{key} = {value!r}" for key, value in replaced.items())
    return "\n\n".join(
        _spoken(_shown(code, is_solution=is_solution, lang=lang), _text(name, lang)[1]) for code in cells.values()
    )


def notebook(name: str, lang: str, *, is_solution: bool) -> dict[str, Any]:
    """One notebook, as a dict for JSON."""
    text, words = _text(name, lang)
    text = _HIDDEN_TEXT.sub(r"\1" if is_solution else "", text)
    codes = {INSTALL: install_cell()} | _cells(name)
    pieces = _PLACE.split(text)
    texts, places = pieces[0::2], pieces[1::2]
    missing = set(codes) ^ set(places)
    if missing or len(set(places)) < len(places):
        raise ValueError(f"{name}.{lang}.md does not place every cell of {name}.py once: {sorted(missing) or places}")
    title, _, rest = texts[0].lstrip().partition("\n")
    mark = f" ({COMMON[lang]['solution']})" if is_solution else ""
    texts[0] = f"{title}{mark}\n\n{_badge(_place(name, lang, is_solution=is_solution), lang)}\n{rest}"
    cells = []
    for number, (before, place) in enumerate(zip(texts, [*places, None], strict=True)):
        if before.strip():
            cells.append(_cell("markdown", f"text-{number}", before.strip()))
        if place is not None:
            code = _spoken(_shown(codes[place], is_solution=is_solution, lang=lang), words)
            cells.append(_cell("code", place.replace("_", "-"), code, tags=["parameters"] if place == SETTINGS else []))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def all_notebooks() -> Iterator[tuple[Path, str]]:
    """Every notebook's file and what stands in it."""
    for name in names():
        for lang in LANGUAGES:
            for is_solution in (False, True):
                made = notebook(name, lang, is_solution=is_solution)
                yield COURSE.parent / _place(name, lang, is_solution=is_solution), _as_json(made)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        made = json.loads(path.read_text(encoding="utf-8"))
        ours = {"badge": _badge(f"notebooks/{path.name}", "en").strip(), INSTALL: install_cell()}
        for cell in made["cells"]:
            if cell["id"] in ours:
                cell["source"] = ours[cell["id"]].splitlines(keepends=True)
        yield path, _as_json(made)


def main() -> int:
    """Write the notebooks, or say which are not current."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; say which notebooks are not current")
    is_check = parser.parse_args().check
    old = [(path, text) for path, text in all_notebooks() if not path.exists() or path.read_text("utf-8") != text]
    for path, text in old:
        print(path.relative_to(COURSE.parent))
        if not is_check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return int(is_check and bool(old))


def _settings() -> dict[str, str]:
    return tomllib.loads((COURSE / "course.toml").read_text(encoding="utf-8"))


def _cells(name: str) -> dict[str, str]:
    """The cells of an exercise's program, by name; what stands before the first is for readers of the program."""
    pieces = _CELL.split((SOURCE / f"{name}.py").read_text(encoding="utf-8"))[1:]
    return {cell: code.strip() for cell, code in zip(pieces[0::2], pieces[1::2], strict=True)}


def _text(name: str, lang: str) -> tuple[str, dict[str, str]]:
    """The text of an exercise, and the words that its code shows."""
    text = (SOURCE / f"{name}.{lang}.md").read_text(encoding="utf-8")
    text, _, words = text.partition("\n[[words]]\n")
    pairs = [line.partition(": ") for line in words.splitlines() if line.strip()]
    return f"{text.rstrip()}\n", COMMON[lang] | {word: said for word, _, said in pairs}


def _shown(code: str, *, is_solution: bool, lang: str) -> str:
    """A cell as students or solutions have it."""
    return _HIDDEN_CODE.sub(r"\2" if is_solution else rf"\1...  # {COMMON[lang]['yours']}\n", code + "\n").strip()


def _spoken(code: str, words: dict[str, str]) -> str:
    """Code with its words in a language."""
    return _WORD.sub(lambda found: words[found[1]], code)


def _place(name: str, lang: str, *, is_solution: bool) -> str:
    """Where a notebook lies, from the top of the repository."""
    return f"course/{lang}/{'solutions/' if is_solution else ''}{name}.ipynb"


def _badge(place: str, lang: str) -> str:
    """A link that opens a notebook where it runs."""
    settings = _settings()
    where = settings["repository"].removeprefix("https://github.com/")
    link = f"https://colab.research.google.com/github/{where}/blob/{settings['branch']}/{place}"
    return f"[![{COMMON[lang]['badge']}](https://colab.research.google.com/assets/colab-badge.svg)]({link})\n"


def _cell(kind: str, name: str, source: str, *, tags: list[str] | None = None) -> dict[str, Any]:
    """A cell, without anything that it showed."""
    cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": {"tags": tags} if tags else {}}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell | {"source": source.splitlines(keepends=True)}


def _as_json(made: dict[str, Any]) -> str:
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
