"""`python -m ffsearch`: the command line, where its own command is not on the path."""

from __future__ import annotations

from ffsearch.search.cli import main

if __name__ == "__main__":
    main()
