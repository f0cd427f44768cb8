"""`ffsearch init`: a space file for one table, with what was seen in it as comments, that runs as it is.

    table -> prepared as a run would -> findings -> the shipped space, its values set, its keys commented

The shipped space is the template, so that a new key of it is in new files too. Names and cells of the table reach the
file as quoted YAML or as comments without signs that could end them.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ffsearch.errors import DataError, SpaceError
from ffsearch.search.base.environment import shell_quoted
from ffsearch.search.base.files import disk_error, write_atomically
from ffsearch.search.network.defaults import batch_size_for
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.search.wording.language import ENGLISH, PLAIN, Language, language
from ffsearch.spaces.loader import parse_space
from ffsearch.spaces.schema import DataSpec
from ffsearch.spaces.writer import value_to_yaml

if TYPE_CHECKING:
    from ffsearch.search.data.findings import Findings
    from ffsearch.search.data.kinds import Column
    from ffsearch.search.data.prepare import Prepared

__all__ = ["Draft", "draft", "init"]

TEMPLATE: Final = "tabular"
"""The shipped space that is filled in."""

SIZES: Final = ((1_000, 4, 256), (20_000, 6, 512))
"""Triples of (training rows below which it applies, most hidden layers, most units); from the last on `_LARGEST`.

Source: tuned plain networks have 1 to 6 layers and mostly 144 to 912 units (TabM's published configurations, arXiv
2410.24210), on tables of thousands of rows and more.
choice: less for a few hundred rows, where larger networks fit noise first; never less than the default point, which is
tried in every search.
"""

_LARGEST: Final = (6, 1024)

N_COLUMNS: Final = 100
"""Columns described; wider tables have their first ones described. choice: a file one still reads."""

N_NAMED: Final = 20
"""Things of one sort that are named one by one. choice: more bury the others."""

N_SIGNS: Final = 80
"""Signs of a name or a cell that are shown. choice: a line."""

_LINE: Final = 110
_ENDINGS: Final = (".yaml", ".yml")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A space file that is not written yet.

    Args:
        text: The file.
        notes: What is worth a look before it runs, a sentence each.
        target: What is predicted, and how that is known.
    """

    text: str
    notes: tuple[str, ...]
    target: str


def init(
    source: str,
    *,
    target: str | Sequence[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    force: bool = False,
    lang: str = "en",
) -> tuple[Path, Draft]:
    """Write a space file for a table.

    Args:
        source: The table, as `data.source` names it.
        target: The column to predict, or several; None guesses where it is obvious.
        out: The file; by default the table's name with `.yaml`, in the current folder.
        force: Write over a file that is there.
        lang: The language of its comments.

    Returns:
        The file, and what is in it.

    Raises:
        SpaceError: If the file is there already, or is not called as a space.
        DataError: If the table cannot be used, or its target is not obvious.
        RunError: If the file cannot be written.
    """
    path = Path(_file_name(source) if out is None else out)
    _refuse(path, force=force)
    written = draft(source, target=target, folder=path.parent, t=language(lang).plain)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, path) from error
    write_atomically(path, written.text.encode())
    return path, written


def _is_text(name: str) -> bool:
    """Whether a name can stand in a file; POSIX allows others."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def draft(
    source: str, *, target: str | Sequence[str] | None = None, folder: Path = Path(), t: Language = PLAIN
) -> Draft:
    """The text of a space file for a table.

    Args:
        source: The table, as `data.source` names it.
        target: The column to predict, or several; None guesses where it is obvious.
        folder: Where the file will lie: a table beside it is found there from anywhere.
        t: The language of its comments.

    Raises:
        DataError: If the table cannot be used, or its target is not obvious.
        SpaceError: If no space file can say what this table needs.
    """
    from ffsearch.search.data.findings import find
    from ffsearch.search.data.prepare import prepare

    if not _is_text(source):
        raise DataError(f"{source!r} has a name that is not UTF-8, and a space file names its table. Rename the table.")
    known, how = _target(source, target)
    seed = parse_space(_template(PLAIN)).search.seed
    prepared = prepare(DataSpec(source=source, target=known), seed=seed)
    findings = find(prepared, seed=seed)
    notes = _notes(prepared, findings, t)
    told = t.listed(map(_shown, prepared.head.target_names)) + (f" ({t.says(how)})" if how else "")
    text = _filled(prepared, findings, notes=notes, how=how, source=_seen_from(source, folder), t=t)
    parse_space(text, name=source, folder=folder)  # a draft that does not load must never be written
    return Draft(text=text, notes=tuple(notes), target=told)


def _target(source: str, target: str | Sequence[str] | None) -> tuple[str | tuple[str, ...] | None, Finding | None]:
    """The target as a space says it, None where the table names its own; and how it is known, where nobody said it."""
    from ffsearch.search.data.files.sources import read_source
    from ffsearch.search.data.files.text import TextSettings
    from ffsearch.search.data.findings import guess_target

    if target is not None:
        return target if isinstance(target, str) else tuple(target), None
    read = read_source(source, settings=TextSettings())
    return (None, found(Code.TARGET_KNOWN, "table")) if read.target else guess_target(read)


def _file_name(source: str) -> str:
    """A name for the space of a table: `data/train.csv.gz` is `train.yaml`, `sklearn:wine` is `wine.yaml`."""
    from ffsearch.search.data.files.controls import safe_name

    if source.startswith("control:"):
        return f"{safe_name(source.removeprefix('control:'))}.yaml"
    last = re.split(r"[:/\\]", source)[-1]
    stem = re.sub(r"[^\w-]+", "_", last.split(".")[0]).strip("_")
    return f"{stem or 'space'}.yaml"


def _refuse(path: Path, *, force: bool) -> None:
    if path.suffix.lower() not in _ENDINGS:
        named = shell_quoted(f"{path.stem}.yaml")
        raise SpaceError(f"{path} is not called as a space file. Let its name end with .yaml: --out {named}")
    if path.is_dir():
        named = shell_quoted(path / "space.yaml")
        raise SpaceError(f"{path} is a folder. Give the name of a file in it: --out {named}")
    if path.exists() and not force:
        raise SpaceError(
            f"{path} is there already, and nothing was changed. Give --force to write over it, or --out for another."
        )


def _seen_from(source: str, folder: Path) -> str:
    """The source as the space file names it: what lies beside the file, or below, is found from any folder."""
    path = Path(source)
    if path.is_absolute() or not path.exists() or folder.resolve() == Path.cwd():
        return source
    relative = os.path.relpath(path.resolve(), folder.resolve())
    # What the current folder holds comes first when a space is read: another file of that name must not win.
    return relative if not Path(relative).exists() else str(path.resolve())


# --- what is said --------------------------------------------------------------------------------------------------


def _notes(prepared: Prepared, findings: Findings, t: Language) -> list[str]:
    """What is worth a look, a sentence each, what matters most first."""
    notes = list(findings.leaks[:N_NAMED])
    if all(notice.code is not Code.COPIES for notice in prepared.notices):  # which tells what is done about many
        notes += findings.copies
    notes += [*findings.nearly_constant[:N_NAMED], *findings.same[:N_NAMED]]
    # What is not used is said beside each column.
    notes += [notice for notice in prepared.notices if notice.code is not Code.NOT_USED]
    return list(map(t.tagged, notes))


def _head(prepared: Prepared, notes: Sequence[str], t: Language) -> list[str]:
    """The comment the file begins with."""
    table, columns = prepared.table, prepared.columns
    n_sealed, n_rows = len(prepared.splits.test), len(prepared.development_rows)
    read = t(
        "init.read", source=_cut(table.source), rows=t.counted("rows", table.n_rows), columns=t.count(len(columns)),
        features=t.count(prepared.n_features),
    )  # fmt: skip
    lines = [
        read,
        "",
        f"  ffsearch run {t('init.file')}                           {t('init.as_it_is')}",
        f"  ffsearch run {t('init.file')} --set search.trials=100   {t('init.replaced')}",
        "",
        t("init.seen", rows=t.counted("rows", n_rows), sealed=t.count(n_sealed)),
        "",
        t("init.columns"),
        *(_column_line(column, n_rows=n_rows, t=t) for column in columns[:N_COLUMNS]),
    ]
    if len(columns) > N_COLUMNS:
        lines.append(f"  {t('init.more', n=t.count(len(columns) - N_COLUMNS))}")
    if notes:
        lines += ["", t("init.look"), *(f"  * {note}" for note in notes)]
    return lines


def _column_line(column: Column, *, n_rows: int, t: Language) -> str:
    share = t.share(column.n_missing / n_rows)
    missing = f"; {t.counted_as('init.missing', column.n_missing)} ({share})" if column.n_missing else ""
    kind, why = t.named("kind", column.kind), "; ".join(map(t.says, column.reasons))
    return f"  {' ' if column.used else '-'} {_cut(column.name):<24} {kind:<10} {why}{missing}"


def _about_target(prepared: Prepared, findings: Findings, *, how: Finding | None, t: Language) -> list[str]:
    said = [t.tagged(how)] if how else []
    if findings.classes:
        n_rows = len(prepared.development_rows)
        known = findings.classes[:N_NAMED]
        shown = [f"{_cut(label)}: {t.count(count)} ({t.share(count / n_rows)})" for label, count in known]
        said.append(t("init.classes", classes=", ".join(shown) + t.more(max(0, len(findings.classes) - N_NAMED))))
    return said


def _about_ids(ids: Sequence[Column], t: Language) -> list[str]:
    return [f"{_shown(column.name)}: {'; '.join(map(t.says, column.reasons))}" for column in ids[:N_NAMED]]


def _about_key(findings: Sequence[Finding], t: Language) -> list[str]:
    """What is said above a key of what it may be set to; names that are too long for a line are left out."""
    return [t.tagged(one) for one in findings[:N_NAMED] if len(str(one.values["column"])) <= N_SIGNS]


# --- the file ------------------------------------------------------------------------------------------------------


def _filled(
    prepared: Prepared, findings: Findings, *, notes: Sequence[str], how: Finding | None, source: str, t: Language
) -> str:
    """The template with its values set and the findings above the keys they are about."""
    n_train = len(prepared.splits.folds[0][0])
    depth, width = next(((layers, units) for bound, layers, units in SIZES if n_train < bound), _LARGEST)
    names = prepared.head.target_names
    ids = [column for column in findings.ids if 0 < len(column.name) <= N_SIGNS][:N_NAMED]
    text = _template(t)
    text = _commented(_head(prepared, notes, t)) + "\n" + text[text.index("kind:") :]
    text = _put(text, "source", value_to_yaml(source))
    text = _put(
        text, "target", value_to_yaml(names[0] if len(names) == 1 else list(names)),
        about=_about_target(prepared, findings, how=how, t=t),
    )  # fmt: skip
    text = _put(text, "task", str(prepared.head.task), about=[t.tagged(prepared.task_reason)])
    text = _put(text, "drop", value_to_yaml([column.name for column in ids]), about=_about_ids(ids, t))
    text = _put(text, "groups", "null", about=_about_key(findings.groups, t))
    text = _put(text, "time", "null", about=_about_key(findings.times, t))
    text = _put(text, "depth", f"{{type: int, low: 1, high: {depth}}}")
    text = _put(text, "width", f"{{type: int, low: 16, high: {width}, log: true}}")
    about = [t("init.batch_size", n=t.count(n_train))]
    return _put(text, "batch_size", str(batch_size_for(n_train)), about=about)


def _template(t: Language) -> str:
    """The shipped space; with comments of another language it lies beside this module, with the same values."""
    is_own = t.code == ENGLISH.code
    lies = files("ffsearch.spaces" if is_own else "ffsearch.search.api")
    return lies.joinpath(f"{TEMPLATE}.yaml" if is_own else f"{TEMPLATE}.{t.code}.yaml").read_text(encoding="utf-8")


def _put(text: str, key: str, value: str, *, about: Sequence[str] = ()) -> str:
    """The text with another value under a key, and comments above it; what the template says of the key stays."""
    found = re.search(rf"^(  {key}: +)(.*?)( +# .*)?$", text, flags=re.MULTILINE)
    if found is None:
        raise LookupError(f"the shipped space {TEMPLATE} has no line for {key}")
    line, says = f"{found[1]}{value}", (found[3] or "").lstrip()
    if says:
        line = f"{line:<{len(found[0]) - len(says) - 1}} {says}"
    above = _commented(about, indent="  ")
    return f"{text[: found.start()]}{above}{line}{text[found.end() :]}"


def _commented(lines: Sequence[str], *, indent: str = "") -> str:
    """Lines as comments, long ones broken, whatever signs are in them."""
    written = []
    for line in lines:
        plain = _plain(line)
        hang = " " * (len(plain) - len(plain.lstrip()) + 2)
        broken = textwrap.wrap(plain, _LINE, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)
        written += [f"{indent}# {part}".rstrip() for part in broken or [""]]
    return "".join(f"{line}\n" for line in written)


def _plain(text: str) -> str:
    """The text with every sign that could end a comment, or is not to be seen, as an escape."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def _cut(text: str) -> str:
    return text if len(text) <= N_SIGNS else f"{text[: N_SIGNS - 3]}..."


def _shown(name: str) -> str:
    return repr(_cut(name))
