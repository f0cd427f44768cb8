"""Makes the gallery anew: finished reports of tables that come with ffsearch, in both languages, and the README's pictures.

    python docs/gallery/make.py [NAME ...]     all, or some of `PAGES`; some twenty minutes on two cores

Runs go into a temporary folder and are thrown away: what stays are pages. A picture needs Chromium on the PATH.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent

PAGES: Final[dict[str, list[str]]] = {
    "not-settled": ["sklearn:breast_cancer"],
    "network-wins": ["sklearn:digits", "--trials", "15"],
    "trees-win": ["tabular", "--data", "control:boxes", "--trials", "15"],
    "nothing": ["tabular", "--data", "control:noise", "--trials", "15"],
    "deeper": ["capacity", "--data", "control:tent", "--set", "capacity.budgets=[300, 1000, 3000]"],
    "deeper-or-wider": ["capacity", "--set", "preset=quick"],
}
"""By page what stands after `ffsearch run`. All begin from data that is bundled or made up."""

COMPARED: Final = ("not-settled", ["sklearn:breast_cancer", "--set", "space.depth=1"])
"""A page of comparisons: a run of above beside one with a single layer."""

LANGUAGES: Final = {"en": "", "pt-BR": ".pt-BR"}
PICTURED: Final = "network-wins"
WIDTH, HEIGHT = 1280, 800


def ffsearch(*words: str) -> None:
    """One command, as a user types it."""
    subprocess.run([sys.executable, "-m", "ffsearch", *words], check=True)


def made(name: str, words: list[str], runs: Path) -> Path:
    """Run it and write its pages."""
    run = runs / name
    ffsearch("run", *words, "--out", str(run), "--quiet")
    for lang, ending in LANGUAGES.items():
        ffsearch("report", str(run), "--lang", lang, "--out", str(HERE / f"{name}{ending}.html"))
    return run


def compared(runs: Path) -> None:
    """Two runs side by side."""
    name, words = COMPARED
    first = runs / name
    if not first.exists():
        made(name, PAGES[name], runs)
    ffsearch("run", *words, "--out", str(runs / "one-layer"), "--quiet")
    for lang, ending in LANGUAGES.items():
        page = HERE / f"comparison{ending}.html"
        ffsearch("compare", str(first), str(runs / "one-layer"), "--lang", lang, "--out", str(page))


def pictured() -> None:
    """The first screen of a report, light and dark, for the README."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        print("no picture: there is no Chromium on the PATH")
        return
    for theme, flags in (("light", []), ("dark", ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"])):
        target = HERE / f"first-screen-{theme}.png"
        subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *flags,
                f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={target}", (HERE / f"{PICTURED}.html").as_uri(),
            ],
            check=True, capture_output=True,
        )  # fmt: skip


def main() -> None:
    """Make what is asked for."""
    asked = sys.argv[1:] or [*PAGES, "comparison", "pictures"]
    unknown = [name for name in asked if name not in (*PAGES, "comparison", "pictures")]
    if unknown:
        sys.exit(f"no such page: {', '.join(unknown)}. There are: {', '.join((*PAGES, 'comparison', 'pictures'))}")
    with tempfile.TemporaryDirectory() as folder:
        for name in asked:
            if name in PAGES:
                made(name, PAGES[name], Path(folder))
        if "comparison" in asked:
            compared(Path(folder))
    if "pictures" in asked:
        pictured()


if __name__ == "__main__":
    main()
