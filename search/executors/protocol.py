"""What an executor is asked for, what it gives back, and what it says when it lost something.

    driver                                     worker (a thread, a process, a node of a cluster)
    settle(folder)                             starts, while the driver reads the table
    hand_over(recipe)        ── once ────────> matrices and settings
    submit(Work: epoch 1)    ────────────────> builds the network, trains an epoch
            <──────────────────── Done: losses
                                               (a process) trains the next meanwhile
    submit(Work: epoch 2)    ────────────────>
            <──────────────────── Done: losses
    submit(Work: epoch 2, ends)  ────────────> gives the network away
            <──────────────────── Done: trained

The driver alone asks, tells, prunes and writes. A piece of work says how many epochs the network has when it is done,
not which one to train: a worker that does not know the network, because another one was lost with it, trains it from
its first epoch. As a network depends on its job alone, that gives the same losses again.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ffsearch.search.training.protocol import Job, Trained

if TYPE_CHECKING:  # workers are started before the driver takes the time to load what trains
    from ffsearch.search.data.features.problem import Problem
    from ffsearch.search.training.lanes import Settings, Tables

__all__ = ["Done", "Executor", "Losses", "Recipe", "Work", "WorkLost"]


class WorkLost(Exception):  # noqa: N818  (an event, not an error: the driver submits the work again)
    """Who did a piece of work is gone, and the network with it; the text says how. Submit the work again."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Recipe:
    """What all networks of a trainer share.

    Args:
        problem: Where they read.
        settings: How they are trained.
    """

    problem: Problem
    settings: Settings

    @cached_property
    def tables(self) -> Tables:
        """Its rows as lanes read them."""
        from ffsearch.search.training.lanes import Tables

        return Tables(self.problem)


@dataclass(frozen=True, kw_only=True)
class Work:
    """Bring a network to an epoch.

    Args:
        recipe: What `Executor.hand_over` called its recipe.
        network: Its number; one of its own among the networks of a recipe.
        job: What is trained.
        epoch: Epochs it has when the work is done, from 1.
        ends: Whether it goes no further: the worker gives away what it came to, and forgets it.
        may_go_ahead: Whether there is memory for a network that is still in an epoch nobody asked for when the next one
            has its place.
    """

    recipe: int
    network: int
    job: Job
    epoch: int
    ends: bool = False
    may_go_ahead: bool = True


@dataclass(frozen=True, kw_only=True)
class Losses:
    """What an epoch came to: see `Curve`; and seconds that all epochs took so far."""

    train_loss: float
    valid_loss: float
    penalty: float
    train_s: float


@dataclass(frozen=True, kw_only=True)
class Done:
    """A piece of work that is done: `losses` of the epoch, or what was `trained` where it ends or failed."""

    losses: Losses | None = None
    trained: Trained | None = None


class Executor(Protocol):
    """Trains networks somewhere, for one trainer after another.

    Contract (tests/contracts/executors.py): what a network comes to depends on its job and recipe alone; work of
    different networks may be done at the same time and end in any order; one network has one piece of work at a time;
    what is lost is said once for every piece of work, whose network may then be submitted again; after `close` no
    process and no file is left.
    """

    name: str

    def settle(self, folder: Path) -> None:
        """Before the first recipe, say where files may lie while the run goes on: a folder of the executor's own."""
        ...

    def hand_over(self, recipe: Recipe) -> int:
        """Give matrices and settings to the workers, once for all networks. Returns what `Work` calls them."""
        ...

    def take_back(self, recipe: int) -> None:
        """Forget a recipe and all its networks, those in training too."""
        ...

    def submit(self, work: Work) -> Future[Done]:
        """Begin a piece of work; its future raises `WorkLost` if whoever did it is gone.

        Raises:
            RunError: If there is nobody left who could do it.
        """
        ...

    def close(self) -> None:
        """End all workers; twice is no error."""
        ...
