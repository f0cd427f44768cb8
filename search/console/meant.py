"""Which command a person meant who typed another first word: a table, a run folder, another tool's word, a slip."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from ffsearch.errors import RunError
from ffsearch.search.base.environment import shell_quoted
from ffsearch.search.folder.reader import LOG
from ffsearch.search.wording.refusal import Said, refusal
from ffsearch.spaces.loader import TABLE_SUFFIXES

__all__ = ["DATA_SCHEMES", "EXAMPLES", "SPACE_SUFFIXES", "is_data", "meant", "said_by_set"]

SPACE_SUFFIXES: Final = ("", ".yaml", ".yml", ".json")
DATA_SCHEMES: Final = ("sklearn:", "openml:", "control:", "sqlite://", "duckdb://", "postgresql", "mysql", "http")

EXAMPLES: Final = {
    "run": "ffsearch run FILE.csv --target COLUMN",
    "init": "ffsearch init FILE.csv --target COLUMN",
    "predict": "ffsearch predict RUN ROWS.csv --out answers.csv",
    "export": "ffsearch export RUN --format onnx",
    "replay": "ffsearch replay RUN 0",
    "compare": "ffsearch compare RUN RUN",
    "import-kt": "ffsearch import-kt DIRECTORY/PROJECT",
}
"""How a command is commonly given, for who gave it without what it needs."""

_OTHER_WORDS: Final = {
    "ffsearch run SPACE": "train fit search start tune optimize optimise automl go resume continue restart",
    "ffsearch run capacity": "study depth deeper wider",
    "ffsearch init FILE.csv": "new create configure config analyze analyse inspect profile eda look",
    "ffsearch show": "info status summary summarize describe trials leaderboard results score evaluate eval best",
    "ffsearch list": "ls runs history",
    "ffsearch compare RUN RUN": "diff versus vs",
    "ffsearch report --open": "plot plots html view open dashboard figures",
    "ffsearch verdict": "answer conclusion decide",
    "ffsearch export --format onnx": "convert save deploy serve onnx tflite litert savedmodel",
    "ffsearch predict RUN ROWS.csv": "infer inference apply classify",
    "ffsearch explain": "codes findings why",
    "ffsearch --version": "version v about",
    "ffsearch --install-completion": "completion completions install-completion autocomplete",
    "ffsearch --help": "man usage commands",
}
"""The words other tools, and people, have for what a command does, by that command."""

_BY_WORD: Final = {word: command for command, words in _OTHER_WORDS.items() for word in words.split()}


def is_data(given: str) -> bool:
    """Whether a word names a table: by its ending or scheme, or a file that is not called as a space."""
    named = given.lower().endswith(TABLE_SUFFIXES) or given.startswith(DATA_SCHEMES)
    return named or (Path(given).is_file() and Path(given).suffix.lower() not in SPACE_SUFFIXES)


def said_by_set(option: str) -> str | None:
    """How to say what has no option of its own, such as `--depth` or `--max-epochs`; None where no key is called so."""
    from ffsearch.spaces.faults import dotted
    from ffsearch.spaces.schema import SearchSpace

    path = dotted(SearchSpace, option.lstrip("-").replace("-", "_"))
    return None if path is None else f"It is a key of a space: --set {path}=VALUE"


def meant(given: str, commands: Iterable[str]) -> RunError:
    """The error of a first word that is no command: what to type instead, or all there is.

    Args:
        given: The word.
        commands: The commands there are.
    """
    return refusal(RunError, "no_command", given=repr(given), way_on=_way_on(given, list(commands)))


def _way_on(given: str, commands: list[str]) -> Said:
    word, path, quoted = given.lower(), Path(given), shell_quoted(given)
    if word.endswith(".keras"):
        return Said("meant_model", {"model": quoted})
    if is_data(given):
        target = "" if given.startswith(DATA_SCHEMES) else " --target COLUMN"
        return Said("meant_table", {"table": f"{quoted}{target}"})
    if word.endswith((".yaml", ".yml")) or word in ("tabular", "capacity", "capacity-convolutional"):
        return Said("meant_space", {"space": quoted})
    if (path / LOG).is_file():
        return Said("meant_run", {"run": quoted})
    if word in _BY_WORD:
        return Said("may_mean", {"command": _BY_WORD[word]})
    close = get_close_matches(word, [*commands, *_BY_WORD], n=1)
    if close:
        return Said("did_you_mean", {"command": _BY_WORD.get(close[0], f"ffsearch {close[0]}")})
    return Said("all_commands", {"commands": ", ".join(commands)})
