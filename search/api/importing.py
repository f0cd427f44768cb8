"""Runs that KerasTuner made of `ffsearch.hypermodel`, as run folders that everything else here can read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Final

from ffsearch.errors import RunError
from ffsearch.search.folder.reader import STUDY, StoredRun, load
from ffsearch.search.folder.summary import RunFacts, build_summary
from ffsearch.search.folder.trial_record import TrialRecord
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.training.protocol import Ended
from ffsearch.spaces.loader import parse_space

__all__ = ["NOTES", "import_kt"]

NOTES: Final = "ffsearch.json"
"""In the project's folder: what is searched on which table. In a trial's: how its training went."""

_ORACLE: Final = "oracle.json"
_TRIAL: Final = "trial.json"


def import_kt(path: str | PathLike[str], *, out: str | PathLike[str] | None = None, fresh: bool = False) -> StoredRun:
    """Make a run folder of what one of KerasTuner's tuners found in `ffsearch.hypermodel`.

    Values are KerasTuner's scores. Nothing is refitted and the sealed test stays sealed: KerasTuner ends at the best
    trial.

    Args:
        path: The tuner's project folder, `directory/project_name`.
        out: The run folder; by default `runs/NAME`, after the project's folder.
        fresh: Import again; an old run folder is moved aside.

    Raises:
        RunError: If the folder is no such project, has no trial, or the run folder cannot be used.

    Example:
        >>> run = ffsearch.import_kt(folder / "tuned" / "wine", out=folder / "imported")
        >>> len(run.trials)
        1
    """
    from ffsearch.search.engines.optuna_copy import OptunaCopy

    project = Path(path)
    notes = _notes(project)
    facts = replace(RunFacts.from_dict(notes["facts"]), name=project.name)
    records = list(_records(project))
    space = parse_space(notes["space"], name=str(project / NOTES))
    folder = RunFolder.open(
        Path("runs") / project.name if out is None else out,
        space_yaml=notes["space"],
        identity={**notes["identity"], "keras-tuner": str(project.resolve())},
        fresh=fresh,
    )
    with folder:
        known = {record.trial for record in folder.records}
        folder.write_data(columns=notes["columns"], notices=notes["notices"], ignore=space.ignore)
        folder.start(facts)
        for record in records:
            if record.trial not in known:
                # A trial that goes on with another one is that one trained longer, and no other seed of its point.
                goes_on = record.notes.get("trial_id") is not None
                folder.add(record if goes_on else replace(record, repeat_of=folder.repeat_of(record.point)))
        with OptunaCopy(
            folder.path / STUDY,
            name=facts.name,
            objective=facts.objective,
            parameters=space.parameters,
            records=folder.records,
        ):
            folder.finish(build_summary(facts, folder.records, wall_s=sum(one.train_s for one in folder.records)))
    return load(folder.path)


def _notes(project: Path) -> dict[str, Any]:
    """What `hypermodel.py` left in the project's folder."""
    if not (project / _ORACLE).is_file():
        inside = sorted(found.parent.name for found in project.glob(f"*/{_ORACLE}"))
        hint = f" It holds the projects {', '.join(inside)}: give one of them." if inside else ""
        raise RunError(
            f"{project} is not a project of KerasTuner: it has no {_ORACLE}.{hint or ' Give directory/project_name.'}"
        )
    if not (project / NOTES).is_file():
        raise RunError(
            f"{project} was not searched with ffsearch.hypermodel(space): it has no {NOTES}, so nothing tells which "
            "topology its hyperparameters mean. Search a hypermodel with any tuner, then import that."
        )
    return _read(project / NOTES)


def _records(project: Path) -> Iterator[TrialRecord]:
    """The trials that have ended, numbered in the order KerasTuner began them."""
    order = _read(project / _ORACLE)["start_order"]
    for number, trial_id in enumerate(order):
        theirs = _read(project / f"trial_{trial_id}" / _TRIAL)
        ours = project / f"trial_{trial_id}" / NOTES
        if theirs["status"] in ("COMPLETED", "FAILED", "INVALID") and ours.is_file():
            yield _record(_read(ours), theirs, number=number)
    if not order:
        raise RunError(f"{project} has no trial yet. Let its tuner search, then import it.")


def _record(ours: dict[str, Any], theirs: dict[str, Any], *, number: int) -> TrialRecord:
    """Our notes of a trial with KerasTuner's score; one it could not use has none."""
    record = replace(TrialRecord.from_dict(ours), trial=number, error=theirs["message"])
    score = theirs["score"]
    if record.ended is Ended.DIVERGED:
        return record
    if theirs["status"] != "COMPLETED" or score is None or not math.isfinite(score):
        return replace(record, ended=Ended.FAILED)
    values: dict[str, Any] = theirs["hyperparameters"]["values"]
    rounds = {name.removeprefix("tuner/"): value for name, value in values.items() if name.startswith("tuner/")}
    return replace(record, value=score, notes=rounds)


def _read(path: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error}). Was it changed, or is its tuner still searching?") from error
    return values
