"""Print the lowest version that pyproject.toml takes of everything it names, as constraints for pip: NAME==VERSION."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

_BOUND = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?>=([\w.]+)")


def main() -> None:
    """Print one line for each requirement, the extras' included."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    for requirement in dict.fromkeys([*project["dependencies"], *(one for extra in extras for one in extra)]):
        if requirement.startswith(f"{project['name']}["):  # an extra that takes in others
            continue
        bound = _BOUND.fullmatch(requirement)
        if bound is None:
            raise SystemExit(f"{requirement!r} in pyproject.toml has no lower bound. Write it as NAME>=VERSION.")
        sys.stdout.write("==".join(bound.groups()) + "\n")


if __name__ == "__main__":
    main()
