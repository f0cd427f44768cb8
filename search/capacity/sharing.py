"""One share of a capacity study: trained on this machine, and put into a file to hand in.

space + table -> the study's own plan -> units of share 7 of 30 -> networks, kept as they end -> NAME-7-of-30.zip
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Final

from ffsearch.errors import SpaceError
from ffsearch.search.capacity.networks import NetworkStore
from ffsearch.search.capacity.pace import Pace
from ffsearch.search.capacity.plan import Training
from ffsearch.search.capacity.setup import Study, planned, study_of
from ffsearch.search.capacity.shards import Share, trainings_of, write_shard
from ffsearch.search.capacity.study import record_network
from ffsearch.search.folder.reader import SPACE, read_text
from ffsearch.search.folder.summary import SearchFacts
from ffsearch.search.folder.writer import RunFolder
from ffsearch.search.observer import Observer, Workload
from ffsearch.search.steps.inputs import Request
from ffsearch.search.steps.opening import RUNS, begin, kept_when_interrupted, open_folder

__all__ = ["share_study"]

ENDING: Final = ".zip"


def share_study(
    request: Request, share: Share, *, out: str | PathLike[str] | None, observer: Observer, fresh: bool = False
) -> Path:
    """Train a share of a study, and write what is handed in; the same command goes on where it was stopped.

    Nothing of it opens the test rows, and nothing needs the other shares.

    Args:
        request: The space and the table, the same for all shares.
        share: Which of how many.
        out: The file, or a folder that is there; by default `NAME-7-of-30.zip` here.
        observer: Told of every network.
        fresh: Train all of it anew; what was trained before is kept aside.

    Returns:
        The file.

    Raises:
        SpaceError: If the space is no study, or its networks cannot be pooled.
        DataError: If the table cannot be used.
        RunError: If there are fewer units than shares, or the file cannot be written.
    """
    refuse_what_is_not_shared(request)
    inputs, plan = planned(request)
    wanted = trainings_of(plan, share)
    name = f"{inputs.name}-{share.number}-of-{share.of}"
    place = Path(name + ENDING) if out is None else Path(out)
    place = place / (name + ENDING) if place.is_dir() else place
    with open_folder(inputs, out=RUNS / name, fresh=fresh) as folder:
        study, networks = study_of(inputs, plan), NetworkStore(folder.path)
        updates, batch_size = inputs.space.capacity.updates, study.stopping.batch_size
        assert updates is not None
        pace = Pace(plan, n_features=study.problem.n_features, batch_size=batch_size, n_updates=updates, only=wanted)
        with kept_when_interrupted(folder, lambda: _way_on(folder)):
            begin(
                inputs, folder, observer,
                search=SearchFacts(
                    engine="capacity", sampler=f"share {share}", pruner="none", trainer=study.rows[-1].trainer.name,
                    seed=plan.seed,
                ),
                n_trials=len(wanted), n_cells=len({training.cell for training in wanted}),
                work=Workload(n_train=inputs.n_train, batch_size=batch_size, study_s=pace.all_s),
            )  # fmt: skip
            _train(study, wanted, folder, networks, observer, pace=pace)
        numbers = {plan.number(training) for training in wanted}
        write_shard(
            place, share=share, name=inputs.name, identity=inputs.identity,
            space_text=read_text(folder.path / SPACE),
            records=sorted((one for one in folder.records if one.trial in numbers), key=lambda one: one.trial),
            weights=networks.weights,
        )  # fmt: skip
    return place


def refuse_what_is_not_shared(request: Request) -> None:
    """Only capacity studies are shared.

    Raises:
        SpaceError: If the space is of another kind.
    """
    if request.space.kind != "capacity":
        raise SpaceError(
            f"{request.origin} is of kind {request.space.kind}, and only a capacity study has parts that need no "
            "other: ffsearch share capacity 1/30 --data FILE."
        )


def _train(
    study: Study,
    wanted: list[Training],
    folder: RunFolder,
    networks: NetworkStore,
    observer: Observer,
    *,
    pace: Pace,
) -> None:
    """Train what is not in the folder yet; all networks are kept, for which rate is best only all together know."""
    plan, told = study.plan, study.all_losses(folder.records)
    pace.add(wanted, told=told)
    for size, rows in enumerate(study.rows):
        left = [one for one in wanted if plan.cells[one.cell].size == size and one not in told]
        for trained in rows.trainer.train(plan.job(one) for one in left):
            training = plan.training(trained.job.trial)
            record = record_network(study, trained)
            if record.value is not None and trained.weights is not None:
                networks.keep(record.trial, trained.weights)
            folder.add(record)
            pace.count(training)
            observer.progressed(pace.now(record))


def _way_on(folder: RunFolder) -> str:
    """What Ctrl-C leaves, and the way on."""
    return f"interrupted: {len(folder.records)} networks are safe in {folder.path}. The same command goes on with them."
