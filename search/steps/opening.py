"""How a search and a capacity study begin and how they are broken off: the folder opened, facts noted, all told.

Inputs -> run folder -> what is known before the first network, in its log and to the observer
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Final

from ffsearch.errors import RunError
from ffsearch.search.folder.log import LineKind
from ffsearch.search.folder.ranking import best_record
from ffsearch.search.folder.reader import CARD, REPORT, SPACE, SPLITS, StoredRun, read_text
from ffsearch.search.folder.summary import DataFacts, RunFacts, SearchFacts
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.observer import Began, Observer, Phase, Workload
from ffsearch.search.serving.card import write_card
from ffsearch.search.steps.inputs import Inputs, Request
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.spaces.earlier import as_it_began
from ffsearch.spaces.loader import as_search
from ffsearch.spaces.writer import space_to_yaml

__all__ = ["as_kept", "begin", "facts_of", "kept_when_interrupted", "leave", "open_folder"]

RUNS: Final = Path("runs")


def as_kept(request: Request, *, out: str | PathLike[str] | None, fresh: bool) -> Request:
    """What was asked for, with the defaults of the release that began the run which goes on.

    Args:
        request: What was asked for, a search.
        out: The run's folder; None: `runs/NAME`.
        fresh: Whether the run begins anew.
    """
    kept = _folder_of(request.name, out) / SPACE
    if fresh or not kept.is_file():
        return request
    space = as_it_began(as_search(request.space, name=request.origin), read_text(kept))
    return replace(request, space=space)


def _folder_of(name: str, out: str | PathLike[str] | None) -> Path:
    return RUNS / name if out is None else Path(out)


def open_folder(inputs: Inputs[Any], *, out: str | PathLike[str] | None, fresh: bool) -> RunFolder:
    """Create the run folder, or go on with the one that is there.

    Args:
        inputs: What was asked for.
        out: The folder; None: `runs/NAME`.
        fresh: Move a run that is there aside.

    Raises:
        RunError: If it belongs to another run, is in use, or cannot be written.
    """
    return RunFolder.open(
        _folder_of(inputs.name, out),
        space_yaml=space_to_yaml(inputs.space),
        identity=inputs.identity,
        fresh=fresh,
    )


def _describe(inputs: Inputs[Any], folder: RunFolder) -> None:
    """Keep how the table was understood, and which findings are silenced."""
    folder.write_data(**inputs.prepared.described(), ignore=inputs.space.ignore)
    inputs.prepared.splits.save(folder.path / SPLITS)


def leave(
    inputs: Inputs[Any],
    folder: RunFolder,
    observer: Observer,
    *,
    report: Callable[[Path], object] | None,
    lang: str = "en",
) -> None:
    """Leave a run alone that came to its end, but for what shows it.

    Its card and report are written where a kill came before they were, or where other findings are silenced now.

    Args:
        inputs: What was asked for.
        folder: The run folder, open.
        observer: Told that the run is finished.
        report: See `run`.
        lang: See `run`.
    """
    is_study = inputs.space.kind == "capacity"
    observer.noted(found(Code.RUN_FINISHED, "study" if is_study else "search", path=str(folder.path)))
    is_changed = _ignored_in(folder) != inputs.space.ignore
    if is_changed:
        _describe(inputs, folder)
    if not is_study and (is_changed or not (folder.path / CARD).is_file()):
        write_card(folder.path, lang=lang)
    if report is not None and (is_changed or not (folder.path / REPORT).is_file()):
        report(folder.path)


def _ignored_in(folder: RunFolder) -> tuple[str, ...] | None:
    """The codes that the folder says are silenced; None where what says it is damaged, which is then written anew."""
    try:
        return StoredRun(folder.path).ignored
    except RunError:
        return None


def begin(
    inputs: Inputs[Any],
    folder: RunFolder,
    observer: Observer,
    *,
    search: SearchFacts,
    n_trials: int | None,
    budget_s: float | None = None,
    n_cells: int | None = None,
    notices: Sequence[Finding] = (),
    work: Workload | None = None,
    score_of_loss: tuple[float, float] | None = None,
) -> RunFacts:
    """Note the start and how the table was understood in the folder, and tell the observer what is going to be trained.

    Args:
        inputs: What was asked for.
        folder: The run folder, open.
        observer: Told of the beginning.
        search: How points are proposed and trained.
        n_trials: See `Began`.
        budget_s: See `Began`.
        n_cells: See `Began`.
        notices: What is to be said beside what was seen in the table.
        work: See `Began`.
        score_of_loss: See `Began`.

    Returns:
        What is known of the run before its first trial.
    """
    facts, prepared = facts_of(inputs, search=search), inputs.prepared
    _describe(inputs, folder)
    folder.start(facts)
    observer.began(
        Began(
            path=folder.path,
            facts=facts,
            n_outputs=prepared.head.n_outputs,
            task_reason=prepared.task_reason,
            n_trials=n_trials,
            n_told=len(folder.records),
            best=best_record(folder.records, objective=inputs.objective),
            budget_s=budget_s,
            kinds=tuple(str(column.kind) for column in prepared.columns if column.used),
            notices=(*prepared.notices, *notices),
            ignored=inputs.space.ignore,
            n_cells=n_cells,
            n_features_of=prepared.n_features_of,
            work=work,
            score_of_loss=score_of_loss,
        )
    )
    observer.phase(Phase.SEARCH)
    return facts


def facts_of(inputs: Inputs[Any], *, search: SearchFacts) -> RunFacts:
    """What is known of a run before its first trial: of a search, an imported one, or a study."""
    prepared, table, head = inputs.prepared, inputs.prepared.table, inputs.prepared.head
    train, valid = prepared.splits.folds[0]
    return RunFacts(
        kind=inputs.space.kind,
        name=inputs.name,
        task=str(head.task),
        objective=inputs.objective,
        data=DataFacts(
            source=table.source,
            target=head.target_names,
            n_rows=table.n_rows,
            n_features=prepared.n_features,
            n_classes=len(head.labels) or None,
            sha256=table.sha256,
            n_train=len(train),
            n_valid=len(valid),
            n_test=len(prepared.splits.test),
        ),
        search=search,
    )


@contextmanager
def kept_when_interrupted(folder: RunFolder, ways_on: Callable[[], str]) -> Iterator[None]:
    """Ctrl-C is noted in the folder, and its tables are written, so that notebooks can read what is there.

    Args:
        folder: The run folder, open.
        ways_on: Says what is safe and how to go on.

    Raises:
        KeyboardInterrupt: After Ctrl-C, with that text.
    """
    try:
        yield
    except KeyboardInterrupt as interrupt:
        folder.note(LineKind.INTERRUPTED)
        folder.write_tables()
        raise KeyboardInterrupt(ways_on()) from interrupt
