"""Fail unless the wheel holds the package, its data files and nothing else at its top level."""

from __future__ import annotations

import sys
import zipfile

WANTED = (
    "ffsearch/py.typed",
    "ffsearch/spaces/tabular.yaml",
    "ffsearch/reports/page.html",
    "ffsearch/reports/playground.html",
    "ffsearch/reports/playground.css",
    "ffsearch/reports/playground.js",
    "ffsearch/reports/playground_drawing.js",
    "ffsearch/reports/trainer.js",
    "ffsearch/reports/training.js",
    "ffsearch/search/wording/words/pt-BR.toml",
    "ffsearch/search/run.py",
)


def main(path: str) -> int:
    """Check one wheel; the exit code says whether it is as it should be."""
    names = zipfile.ZipFile(path).namelist()
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    faults = [f"missing: {name}" for name in WANTED if name not in names]
    faults += [f"at the top level: {name}" for name in sorted(top - {"ffsearch"})]
    faults += [f"does not belong: {name}" for name in names if "/tests/" in name or name.endswith(".pyc")]
    sys.stdout.write("\n".join(faults or [f"{path}: {len(names)} files, as it should be"]) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
