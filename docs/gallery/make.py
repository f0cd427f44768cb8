"""Makes the gallery anew: reports of tables that come with ffsearch, in both languages, and the README's pictures.

    python docs/gallery/make.py                              all of it; some ten minutes on two cores
    python docs/gallery/make.py --runs FOLDER [NAME ...]     some pages, from runs that are kept in a folder

Runs go into a temporary folder and are thrown away, unless a folder is named: then one that has ended is not made
again, so that a change of the report alone takes seconds. The pictures need Chromium on the PATH.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent

PAGES: Final[dict[str, list[str]]] = {
    "network-wins": ["control:sin(3*x1)*x2 + noise(.1)?rows=2000&useless=3", "--trials", "12"],
    "linear-enough": ["sklearn:digits", "--trials", "12"],
    "trees-win": ["control:boxes", "--trials", "12"],
    "not-settled": ["sklearn:breast_cancer", "--trials", "15"],
    "nothing": ["control:noise", "--trials", "12"],
    "deeper": [
        "capacity", "--data", "control:tent", "--set", "preset=quick", "--set", "capacity.budgets=[300, 1000, 3000]",
    ],
    "deeper-or-wider": ["capacity", "--set", "preset=quick"],
    "convolutional": ["capacity-convolutional", "--data", "control:folds", "--set", "preset=quick"],
}  # fmt: skip
"""By page what stands after `ffsearch run`. All begin from data that is bundled or made up."""

BESIDE: Final = ["sklearn:breast_cancer", "--trials", "15", "--set", "space.depth=1"]
"""The run that stands beside the one of `not-settled` on the page of comparisons."""

COMPARISON: Final = "comparison"
PICTURES: Final = "pictures"
LANGUAGES: Final = {"en": "", "pt-BR": ".pt-BR"}

PICTURED: Final = "not-settled"
WIDTH, HEIGHT = 1360, 860
"""Pixels of a picture: a first screen with the contents beside it."""

COLOURS: Final = 64
"""Of a picture. choice: a page has few, and with a palette it weighs a third."""


def ffsearch(*words: str) -> None:
    """One command, as a user types it."""
    subprocess.run([sys.executable, "-m", "ffsearch", *words], check=True)


def run(name: str, words: list[str], runs: Path) -> Path:
    """The folder of a run, which is made unless it is there and has ended."""
    folder = runs / name
    if not (folder / "summary.json").exists():
        ffsearch("run", *words, "--out", str(folder), "--quiet")
    return folder


def write(name: str, runs: Path) -> None:
    """A page in every language."""
    for lang, ending in LANGUAGES.items():
        out = ["--lang", lang, "--out", str(HERE / f"{name}{ending}.html")]
        if name == COMPARISON:
            both = run("not-settled", PAGES["not-settled"], runs), run("one-layer", BESIDE, runs)
            ffsearch("compare", *map(str, both), *out)
        else:
            ffsearch("report", str(run(name, PAGES[name], runs)), *out)


def picture() -> None:
    """The first screen of a report, light and dark, for the README."""
    from PIL import Image  # matplotlib brings it along

    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        sys.exit("no picture: there is no Chromium on the PATH")
    for theme, scheme in (("light", 1), ("dark", 0)):
        target = HERE / f"first-screen-{theme}.png"
        subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--blink-settings=preferredColorScheme={scheme}", f"--window-size={WIDTH},{HEIGHT}",
                f"--screenshot={target}", (HERE / f"{PICTURED}.html").as_uri(),
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        with Image.open(target) as drawn:
            drawn.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


def main() -> None:
    """Make what is asked for."""
    legal = [*PAGES, COMPARISON, PICTURES]
    parser = argparse.ArgumentParser(description="Make the gallery's pages and pictures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of a page; all by default: {', '.join(legal)}")
    parser.add_argument("--runs", type=Path, help="a folder that keeps the runs")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in legal]:
        parser.error(f"no such page: {', '.join(unknown)}. There are: {', '.join(legal)}")
    with tempfile.TemporaryDirectory() as temporary:
        for name in asked.names or legal:
            if name == PICTURES:
                picture()
            else:
                write(name, asked.runs or Path(temporary))


if __name__ == "__main__":
    main()
