"""Makes the pages of the reference from the code: `python docs/reference/make.py` writes them beside this file.

They are kept in the repository, so that they can be read there; tests/test_reference.py says when they are stale.
The page of finding codes has a command of its own (`ffsearch explain --markdown`).
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

from telling import Schema, docstring, signature, table, told
from typer.models import ArgumentInfo, OptionInfo
from typer.utils import get_params_from_function

import ffsearch
from ffsearch.search.cli import app
from ffsearch.search.folder.summary import Summary
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.network.topology import Point
from ffsearch.spaces.writer import json_schema

HERE: Final = Path(__file__).parent

NOTE: Final = "<!-- Made by docs/reference/make.py from the code; change it there. -->"


def pages() -> dict[str, str]:
    """Every page by the name of its file."""
    made: dict[str, Callable[[], Iterator[str]]] = {
        "command-line.md": command_line,
        "space-file.md": space_file,
        "python.md": python,
        "summary.md": summary,
        "tables.md": tables,
    }
    return {name: "\n".join([NOTE, *make()]).rstrip("\n") + "\n" for name, make in made.items()}


# --- the command line ------------------------------------------------------------------------------------------------


def command_line() -> Iterator[str]:
    """All commands with their arguments and options, as the program declares them."""
    yield "# Command line"
    yield (
        "Every command and option. `ffsearch COMMAND --help` says the same in a terminal, and "
        "[Commands](../commands.md) shows them at work.\n\n"
        "Exit codes: 0; 2 for what you can mend (the text says how); 130 after Ctrl-C, with every trial that "
        "had ended kept; 1 for a fault of ffsearch's own. `-h` is short for `--help`; `ffsearch --version` "
        "prints the version, and `ffsearch --install-completion` has the shell complete commands and options."
    )
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.rstrip("_")
        params = get_params_from_function(command.callback).values()
        arguments = [param for param in params if isinstance(param.default, ArgumentInfo)]
        options = [param for param in params if isinstance(param.default, OptionInfo)]
        yield ""
        yield f"## ffsearch {name}"
        yield inspect.cleandoc(command.help or command.callback.__doc__ or "")
        usage = " ".join([*(_argument(param) for param in arguments), *(["[OPTIONS]"] if options else [])])
        yield ""
        yield f"```\nffsearch {name} {usage}".rstrip()
        yield "```"
        if arguments:
            yield from table(
                ["argument", "what it is"], [[f"`{_argument(one)}`", one.default.help or ""] for one in arguments]
            )
        if options:
            rows = [[_option(one), _value(one), one.default.help or ""] for one in options]
            yield from table(["option", "value", "what it does"], rows)


def _argument(param: Any) -> str:
    kind = param.default
    name = str(kind.metavar or param.name.rstrip("_").upper())
    if get_origin(_plain(param.annotation)) is list:
        name += " ..."
    is_asked_for = kind.default is ...  # as typer marks what has no default
    return name if is_asked_for else f"[{name}]"


def _option(param: Any) -> str:
    names = [str(name) for name in param.default.param_decls or ()]
    return ", ".join(f"`{name}`" for name in names or [f"--{param.name.replace('_', '-').rstrip('-')}"])


def _value(param: Any) -> str:
    """What stands behind an option, and what it is where it is left out."""
    kind = _plain(param.annotation)
    is_list = get_origin(kind) is list
    if is_list:
        (kind,) = get_args(kind)
    words = {bool: "", int: "a whole number", float: "a number", str: "a text", Path: "a path"}
    legal = ", ".join(f"`{one}`" for one in get_args(kind)) or words.get(kind) or ""
    shown = f"`{param.default.metavar}`" if param.default.metavar else legal
    default = param.default.default
    parts = [shown] + (["may be given again"] if is_list else [])
    if default not in (None, False, ...) and not is_list:
        parts.append(f"else `{default}`")
    return "; ".join(part for part in parts if part)


def _plain(annotation: Any) -> Any:
    """A type without the None beside it."""
    if get_origin(annotation) in (Union, UnionType):
        (kind, *_) = (one for one in get_args(annotation) if one is not NoneType)
        return kind
    return annotation


# --- space files -----------------------------------------------------------------------------------------------------


SPACE_PARTS: Final = {
    "DataSpec": "data",
    "ValidSpec": "data.valid",
    "AugmentSpec": "data.augment",
    "CostSpec": "data.costs",
    "ParameterSpec": "space",
    "TrainSpec": "train",
    "SearchSpec": "search",
    "EvidenceSpec": "evidence",
    "CapacitySpec": "capacity",
    "RateSpec": "capacity.learning_rates",
    "ConvolutionSpec": "capacity.convolutions",
}
"""By part of the schema where in a file it stands."""


def space_file() -> Iterator[str]:
    """Every key of a space file."""
    schema = Schema(json_schema(), SPACE_PARTS)
    yield "# Space file"
    yield (
        "Every key of a space file, what it may be, and what it is where it is left out. `ffsearch schema` "
        "prints the same as a JSON Schema, by which editors check and complete; `ffsearch init TABLE` writes "
        "a file for a table. On the command line any key is set by its path: `--set search.sampler=random`, "
        '`--set space.depth.high=3`; in Python by `overrides={"space.depth.high": 3}`.'
    )
    for name, title in {"SearchSpace": "A search", "CapacitySpace": "A capacity study", **SPACE_PARTS}.items():
        part = schema.parts[name]
        yield ""
        yield f"## {title}"
        yield from told(part.get("description", ""))
        yield from table(["key", "may be", "else", "what it means"], list(_keys(schema, part)))
    yield from _parameters(schema)


def _keys(schema: Schema, part: Mapping[str, Any]) -> Iterator[list[str]]:
    required = part.get("required", ())
    for key, value in part["properties"].items():
        default = "**to be given**" if key in required else _default(value.get("default"))
        yield [f"`{key}`", schema.legal(value), default, value.get("description", "")]


def _default(value: Any) -> str:
    if isinstance(value, dict):
        return ""  # of a part, whose keys have their own
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _parameters(schema: Schema) -> Iterator[str]:
    """How a range is written: the kinds that occur anywhere in the schema."""
    kinds: dict[str, dict[str, Any]] = {}

    def look(value: Any) -> None:
        if isinstance(value, dict):
            kind = value.get("properties", {}).get("type", {}) if isinstance(value.get("properties"), dict) else {}
            if "const" in kind:
                kinds.setdefault(kind["const"], value)
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(schema.parts)
    yield ""
    yield "## Parameters"
    yield (
        "What is searched is written as a range, what is fixed as its value: `depth: {type: int, low: 1, "
        "high: 6}`, `depth: 3`. Bounds that a single parameter has stand with it above."
    )
    for kind in sorted(kinds):
        yield ""
        yield f"### type: {kind}"
        yield " ".join(kinds[kind].get("description", "").split())
        rows = []
        for key, value in kinds[kind]["properties"].items():
            bare = {name: each for name, each in value.items() if "inimum" not in name and "aximum" not in name}
            legal = "values of the parameter" if key in ("values", "default") else schema.legal(bare)
            default = "**to be given**" if key in kinds[kind].get("required", ()) else _default(value.get("default"))
            rows.append([f"`{key}`", legal, default, value.get("description", "")])
        yield from table(["key", "may be", "else", "what it means"], rows)


# --- Python ----------------------------------------------------------------------------------------------------------


def python() -> Iterator[str]:
    """Every public name of the package, by its docstring."""
    yield "# Python names"
    yield (
        "All that `import ffsearch` promises; names that are not here may change. [From Python](../python.md) "
        'shows it at work. In the examples `folder` is a folder and `wines` a frame; `folder / "run"` is a '
        "run of `sklearn:wine`."
    )
    for name in ffsearch.__all__:
        thing = getattr(ffsearch, name)
        yield ""
        yield f"## ffsearch.{name}"
        if inspect.isclass(thing):
            yield from _class(name, thing)
        elif callable(thing):
            yield from _callable(f"ffsearch.{name}", thing)
        else:
            yield "The version, as a text."


def _class(name: str, cls: type[Any]) -> Iterator[str]:
    if issubclass(cls, Exception):
        yield f"An error, and a kind of {' and '.join(f'`{one.__name__}`' for one in cls.__bases__)}."
        yield ""
        yield from docstring(cls)
        return
    yield f"```python\nffsearch.{name}{signature(cls)}\n```"
    yield from docstring(cls)
    rows = []
    for key, value in sorted(_public(cls).items()):
        is_property = not callable(value)
        call = key if is_property else f"{key}{signature(value, is_method=True)}"
        doc = inspect.getdoc(value.func if hasattr(value, "func") else value) or ""
        rows.append([f"`{call}`", doc.split("\n\n")[0]])
    yield from table(["member", "what it is"], rows)


def _public(cls: type[Any]) -> dict[str, Any]:
    """What a class of ours has of methods and properties, with what it inherits from others of ours."""
    found: dict[str, Any] = {}
    for one in reversed(cls.__mro__):
        if one.__module__.startswith("ffsearch."):
            found |= {key: value for key, value in vars(one).items() if _is_member(key, value)}
    return found


def _is_member(key: str, value: Any) -> bool:
    is_lazy = hasattr(value, "func") and hasattr(value, "attrname")  # a cached property
    return not key.startswith("_") and (inspect.isfunction(value) or isinstance(value, property) or is_lazy)


def _callable(name: str, thing: Callable[..., Any]) -> Iterator[str]:
    yield f"```python\n{name}{signature(thing)}\n```"
    yield from docstring(thing)


# --- files of a run --------------------------------------------------------------------------------------------------


def summary() -> Iterator[str]:
    """Every key of summary.json."""
    found = Summary.json_schema()
    names = sorted(found["$defs"])
    schema = Schema(found, {name: name for name in names if "properties" in found["$defs"][name]})
    yield "# summary.json"
    yield (
        "What a run came to, for programs; [the schema](../summary.schema.json) says the same to them. Keys "
        "are only ever added within one `schema` number. What was not asked for, or is not known yet, leaves "
        "no key. In Python the file is `run.summary`."
    )
    yield from table(["key", "may be", "what it is"], _told_keys(schema, found))
    for name in names:
        part = found["$defs"][name]
        if "properties" in part:
            yield ""
            yield f"## {name}"
            yield from told(part.get("description", ""))
            yield from table(["key", "may be", "what it is"], _told_keys(schema, part))


def _told_keys(schema: Schema, part: Mapping[str, Any]) -> list[list[str]]:
    return [
        [f"`{key}`", schema.legal(value), value.get("description", "")] for key, value in part["properties"].items()
    ]


TRIAL: Final = "trial"
_OF_A_TRIAL: Final = (
    "value", "valid_loss", "ended", "why", "n_folds_judged", "best_epoch", "n_epochs", "n_updates", "n_params",
    "topology", "train_s", "compile_s", "seed", "error", "ended_at",
)  # fmt: skip

_DERIVED: Final = {
    "why": "Why it ended, in words: `stopped at 37, best 21`.",
    "n_folds_judged": "Folds after which a pruner ended it; 0 within its first fold, or where none did.",
    "seed": "The run's seed and the key of the trial's own child of it, as `0/1/7`.",
}
"""Columns that a table has and a record only reckons."""

TABLES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "trials.parquet": ("A row a trial, in the order of their numbers: `run.trials`.", {"repeat_of": ""}),
    "curves.parquet": (
        "A row an evaluation of every trial: `run.curves`.",
        {
            "trial": "Number of the trial.",
            "epoch": "Epochs trained until then.",
            "train_loss": "Mean loss of the training rows since the evaluation before, with dropout active.",
            "valid_loss": "Loss on the validation rows.",
            "penalty": "What L1 and L2 added to the training loss.",
        },
    ),
    "finalists.parquet": (
        "A row a finalist and repeat: `run.finalists`. Besides the columns of a trial:",
        {
            "repeat": "Number of the repeat, from 1.",
            "is_winner": "Whether this finalist was chosen.",
        },
    ),
    "partners.parquet": (
        "A row a repeat of the winner and of every network like it but for one thing: `run.partners`. Besides the "
        "columns of a trial:",
        {
            "factor": "What was changed; empty for the winner.",
            "change": "How.",
            "repeat": "Number of the repeat, from 1.",
        },
    ),
    "baselines.parquet": (
        "A row a model and part: `run.baselines`.",
        {
            "model": "`network`, `dummy`, `linear` or `boosting`.",
            "part": "`valid` of the repeats' validation rows, `test` of the sealed ones.",
            "repeat": "Number of the repeat; 0 for the sealed rows.",
            "value": "The objective.",
            "metric.NAME": "Every score by its name.",
        },
    ),
    "residuals.parquet": (
        "Some sealed rows of a regression: `run.residuals`.",
        {
            "target": "Which target column.",
            "predicted": "What the network answered, in the target's unit.",
            "residual": "The truth less that.",
        },
    ),
    "sealed.parquet": (
        "A row a sealed row, by which runs that sealed the same rows are compared: `run.sealed`.",
        {
            "row": "Its number in the table, from 0.",
            "unit": "What it is not independent of: its group, its stretch of time, its copies, or itself.",
            "truth.N": "Number of its class; of numbers, of every target the value.",
            "term.N": "What it added to the score: its log loss, whether it was right, its squared error, ...",
            "weight": "What it weighs, where rows do.",
        },
    ),
    "capacity.parquet": (
        "Of a capacity study a row a training: `run.capacity`.",
        {
            "trial": "Number of the training.",
            "depth": "Hidden layers, or convolutional ones.",
            "widened": "What grows with the budget: `layers`, `channels` or `units`.",
            "budget": "Parameters asked for.",
            "train_size": "Share of the training rows.",
            "n_params": "Parameters it has.",
            "widths": "Units of its layers: `64-64`.",
            "channels": "Channels of its convolutional layers; empty without.",
            "learning_rate": "The rate it was trained at.",
            "seed": "Number of the seed.",
            "is_longer": "Whether it is one of those trained longer.",
            "ended": "How it ended.",
            "best_epoch": "Epochs until the lowest validation loss.",
            "n_updates": "Updates until then.",
            "valid": "The objective on validation rows; NaN where it has none.",
            "is_chosen": "Whether its rate was its cell's best, so that it was tested.",
            "test": "The objective on the sealed rows; NaN of the others.",
            "train": "The objective on its training rows; NaN of the others.",
            "train_s": "Seconds it took.",
        },
    ),
}  # fmt: skip
"""What every table of a run folder is, and its columns; those of trials are told by the record of one."""


def tables() -> Iterator[str]:
    """Every column of the Parquet files."""
    yield "# Tables of a run folder"
    yield "Columns of the Parquet files, which any program reads; in Python they are frames of `ffsearch.load(FOLDER)`."
    of_record, of_point = _documented(TrialRecord), _documented(Point)
    for name, (about, columns) in TABLES.items():
        yield ""
        yield f"## {name}"
        yield about
        if "repeat_of" in columns:
            rows = [[f"`{key}`", of_record.get(key) or _DERIVED[key]] for key in (TRIAL, *_OF_A_TRIAL, "repeat_of")]
            rows += [[f"`point.{key}`", of_point[key]] for key in trial_parameters()]
            rows += [["`metric.NAME`", "Other scores on the validation rows, by their names."]]
        else:
            rows = [[f"`{key}`", text] for key, text in columns.items()]
        yield from table(["column", "what it is"], rows)


def trial_parameters() -> list[str]:
    """Parameters of a point that tables have columns of."""
    from ffsearch.search.folder.trial_record import trials_frame

    return [name.removeprefix("point.") for name in trials_frame([]).columns if name.startswith("point.")]


def _documented(cls: type[Any]) -> dict[str, str]:
    """What each field of a class is, by its docstring."""
    _, _, arguments = (inspect.getdoc(cls) or "").partition("Args:\n")
    found = re.findall(r"^    (\w+): (.*?)(?=\n    \w|\Z)", arguments, flags=re.DOTALL | re.MULTILINE)
    return {name: _DERIVED.get(name, " ".join(text.split())) for name, text in found}


if __name__ == "__main__":
    for file, text in pages().items():
        (HERE / file).write_text(text, encoding="utf-8")
