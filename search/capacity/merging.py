"""Shards of many machines, pooled into one study: checked, told to a run folder, and ended as any study is.

    shards -> one space, one table, each share once -> scores again from the weights -> some networks trained again
        -> log and weights of a run folder -> what no shard could know (further rates, longer training) -> conclusion

Which learning rate a cell is tuned to follows from all its seeds, and those lie in several shards; so rates beyond the
grid are trained here, and the study then is that of one machine, record for record.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ffsearch.errors import RunError
from ffsearch.search.capacity.checking import Checked, Checker
from ffsearch.search.capacity.networks import NetworkStore
from ffsearch.search.capacity.plan import Plan
from ffsearch.search.capacity.setup import Study, planned, study_of
from ffsearch.search.capacity.shards import Shard, Share, read_shard, trainings_of
from ffsearch.search.capacity.sharing import refuse_what_is_not_shared
from ffsearch.search.capacity.study import compare_cells, forget_beaten
from ffsearch.search.folder.reader import StoredRun, load
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.observer import Observer
from ffsearch.search.steps.budget import Deadline
from ffsearch.search.steps.inputs import FRAME, Request
from ffsearch.search.steps.opening import RUNS, leave, open_folder
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found
from ffsearch.spaces.loader import parse

if TYPE_CHECKING:
    from ffsearch.search.steps.inputs import Inputs
    from ffsearch.spaces.capacity import CapacitySpace

__all__ = ["N_AGAIN", "merge_shards"]

N_AGAIN: Final = 3
"""Networks of every shard that are trained again. choice: a few per cent of what a class has trained."""


def merge_shards(
    paths: Sequence[str | PathLike[str]],
    *,
    data: str | None = None,
    out: str | PathLike[str] | None = None,
    n_again: int = N_AGAIN,
    seed: int | None = None,
    fill: bool = False,
    observer: Observer | None = None,
    report: Callable[[Path], object] | None = None,
) -> tuple[StoredRun, list[Finding]]:
    """Pool shards of one study into a run folder, and end the study.

    Args:
        paths: The shards, in any order.
        data: Where the table lies here; by default where the shards say.
        out: The run folder; by default `runs/NAME-merged`.
        n_again: Networks of every shard that are trained again, drawn at random.
        seed: Draws them; by default nobody can know before which they are.
        fill: Whether shares that are missing are trained here.
        observer: Told of everything as it happens.
        report: Writes the report of a finished run folder.

    Returns:
        The finished study; what was pooled, checked and not checked.

    Raises:
        RunError: If a shard, which is named, is damaged, doubled, missing, of another space or table, or is not what
            training makes.
        SpaceError, DataError: If the space or the table cannot be used.
    """
    observer, deadline = observer or Observer(), Deadline(None, began=time.monotonic())
    shards = sorted(map(read_shard, map(Path, paths)), key=lambda shard: shard.share)
    _refuse_what_does_not_go_together(shards, fill=fill)
    inputs, plan = planned(_request(shards[0], data))
    _refuse_others(shards, inputs)
    place = RUNS / f"{inputs.name}-merged" if out is None else Path(out)
    for shard in shards:
        _refuse_what_is_not_whole(shard, plan)
    study = study_of(inputs, plan)
    checker = Checker(study, n_again=n_again, seed=seed)
    checks = [checker.check(shard) for shard in shards]
    told = _findings(checks, checker, n_networks=sum(len(shard.records) for shard in shards))
    prepared = replace(inputs.prepared, notices=(*inputs.prepared.notices, *told))
    study = replace(study, inputs=replace(inputs, prepared=prepared))
    with open_folder(study.inputs, out=place, fresh=False) as folder:
        if StoredRun(folder.path).is_finished:
            leave(study.inputs, folder, observer, report=report)
        else:
            _pool(study, shards, folder)
            compare_cells(study, folder, deadline=deadline, observer=observer, report=report)
    return load(place), told


def _request(first: Shard, data: str | None) -> Request:
    """The study of the shards, its table where it lies here.

    Raises:
        RunError: If it lies where a shard should not send anybody.
    """
    overrides = {} if data is None else {"data.source": data}
    folder = None if data is None else Path(data).parent
    loaded = parse(first.space_text, name=f"{first.path}: space.yaml", overrides=overrides, folder=folder)
    source, test = loaded.space.data.source, loaded.space.data.test
    for named in [test] if data is not None else [source, test]:
        if isinstance(named, str) and ("://" in named or named == FRAME):
            raise RunError(f"{first.path} says that its table is {named}. Say where it is here: --data FILE.")
    request = Request(space=loaded.space, origin=str(first.path), name=first.name)
    refuse_what_is_not_shared(request)
    return request


# --- what is refused before anything is trained ----------------------------------------------------------------------


def _refuse_what_does_not_go_together(shards: Sequence[Shard], *, fill: bool) -> None:
    """Shards of one deal, each once, and all of them.

    Raises:
        RunError: With the files.
    """
    if not shards:
        raise RunError("No shard is named. Give the files that `ffsearch share` wrote: ffsearch merge *.zip")
    for key, what in (("data", "table"), ("space", "space")):
        _refuse_odd(shards, lambda shard, key=key: shard.identity[key], f"is of another {what}")  # type: ignore[misc]
    _refuse_odd(shards, lambda shard: str(shard.share.of), "is one of another number of shares")
    by_share: dict[Share, list[Shard]] = defaultdict(list)
    for shard in shards:
        by_share[shard.share].append(shard)
    if doubled := [each for each in by_share.values() if len(each) > 1]:
        names = "; ".join(f"{each[0].share}: {', '.join(str(one.path) for one in each)}" for each in doubled)
        raise RunError(f"Shares came in more than once: {names}. Keep one file of each.")
    of = shards[0].share.of
    missing = [number for number in range(1, of + 1) if Share(number, of) not in by_share]
    if missing and not fill:
        named = ", ".join(map(str, missing[:10])) + (" and others" if len(missing) > 10 else "")
        raise RunError(
            f"{len(missing)} of {of} shares are missing: {named}. Wait for them, or give --fill, which trains them "
            "here."
        )


def _refuse_odd(shards: Sequence[Shard], key: Callable[[Shard], str], what: str) -> None:
    """All shards must agree; the fewer are named.

    Raises:
        RunError: If they do not.
    """
    by_key: dict[str, list[Shard]] = defaultdict(list)
    for shard in shards:
        by_key[key(shard)].append(shard)
    if len(by_key) > 1:
        most = max(by_key.values(), key=len)
        odd = ", ".join(str(shard.path) for each in by_key.values() if each is not most for shard in each)
        raise RunError(f"{odd} {what} than {most[0].path}. Leave it out, or ask for it anew.")


def _refuse_others(shards: Sequence[Shard], inputs: Inputs[CapacitySpace]) -> None:
    """The table and the space here are those of the shards.

    Raises:
        RunError: If they are not.
    """
    here, theirs = inputs.identity, shards[0].identity
    if here["data"] != theirs["data"]:
        raise RunError(
            f"{inputs.prepared.table.source} is not the table of these shards: its SHA-256 begins with "
            f"{here['data'][:12]}, theirs with {theirs['data'][:12]}. Say where theirs is with --data."
        )
    if here["space"] != theirs["space"]:
        raise RunError(f"{shards[0].path} holds another space than it says it was made from. Ask for it again.")


def _refuse_what_is_not_whole(shard: Shard, plan: Plan) -> None:
    """A shard holds the networks of its share and no others.

    Raises:
        RunError: If it does not.
    """
    wanted = {plan.number(training) for training in trainings_of(plan, shard.share)}
    lacking, strange = wanted - shard.records.keys(), shard.records.keys() - wanted
    if lacking or strange:
        raise RunError(
            f"{shard.path} is not share {shard.share} of this study: {len(lacking)} of its {len(wanted)} networks are "
            f"missing, and {len(strange)} are not of it. Ask for it again."
        )


# --- pooled ----------------------------------------------------------------------------------------------------------


def _pool(study: Study, shards: Sequence[Shard], folder: RunFolder) -> None:
    """Tell a run folder what the shards hold, in the order in which one machine begins its networks."""
    plan, networks = study.plan, NetworkStore(folder.path)
    holder: Mapping[int, Shard] = {number: shard for shard in shards for number in shard.records}
    known = {record.trial for record in folder.records}
    for training in plan.first_trainings():
        number = plan.number(training)
        if number not in holder or number in known:
            continue
        record = holder[number].records[number]
        weights = holder[number].weights(number)
        if weights is not None:
            networks.keep(number, weights)
        folder.add(replace(record, repeat_of=folder.repeat_of(record.point)))
        forget_beaten(study, training.cell, folder, networks)


def _findings(checks: Sequence[Checked], checker: Checker, *, n_networks: int) -> list[Finding]:
    """What was pooled, what was checked of it, and what was not."""
    n_again = sum(len(check.again) for check in checks)
    alike = [check for check in checks if check.largest > 0]
    values: dict[str, Any] = {"n": len(checks), "networks": n_networks, "again": n_again, "seed": str(checker.seed)}
    if alike:
        values |= {"other": len(alike), "share": max(check.largest for check in alike)}
    merged = found(Code.SHARDS_MERGED, "alike" if alike else "same", **values)
    return [merged, found(Code.SHARDS_NOT_CHECKED, n=n_networks - n_again)]
