"""Which worker has which network: it stays where it was begun, for as long as that worker lives. And who is at work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, Literal, Protocol, TypeVar

from ffsearch.search.executors.protocol import Done, Work, WorkLost
from ffsearch.search.observer import Workers
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["Headcount", "Home", "Homes", "loss", "lost"]


class Home(Protocol):
    """A worker, as the driver sees it."""

    told: set[tuple[int, int]]
    """Networks, by recipe and number, whose work was said to be lost."""

    @property
    def is_lost(self) -> bool:
        """Whether it is gone."""
        ...

    @property
    def why(self) -> str:
        """Why it is gone."""
        ...


_Home = TypeVar("_Home", bound=Home)


class Homes(Generic[_Home]):
    """The workers of all networks in training."""

    def __init__(self) -> None:
        self._of: dict[tuple[int, int], _Home] = {}
        self._left: Counter[_Home] = Counter()  # networks that left a lost worker before anybody asked

    def submit(
        self, work: Work, do: Callable[[_Home], Future[Done]], *, choose: Callable[[Callable[[_Home], int]], _Home]
    ) -> Future[Done]:
        """Have a piece of work done by the network's own worker, or by one that is chosen now.

        Args:
            work: The work.
            do: Has a worker do it.
            choose: A worker for a network that has none, given how many networks a worker has.
        """
        network = work.recipe, work.network
        home = self._of.get(network)
        if home is not None and home.is_lost:
            del self._of[network]
            self._left[home] += 1
            if network not in home.told:
                return lost(home.why)
            home = None
        if home is None:
            homes = list(self._of.values())
            home = self._of[network] = choose(homes.count)
        future = do(home)
        if work.ends:
            future.add_done_callback(lambda done: self._given_away(network, done))
        return future

    def lost_with(self, home: _Home) -> int:
        """Networks that a worker had when it was lost; to be asked once."""
        return self._left.pop(home, 0) + list(self._of.values()).count(home)

    def forget(self, recipe: int) -> None:
        """Give up all networks of a recipe."""
        for network in [network for network in list(self._of) if network[0] == recipe]:
            self._of.pop(network, None)  # an answer that comes just now may have done so

    def _given_away(self, network: tuple[int, int], done: Future[Done]) -> None:
        """A network that was given away takes no place any more."""
        if not done.cancelled() and done.exception() is None:
            self._of.pop(network, None)


class Headcount:
    """Who is at work, and what was lost on the way.

    Args:
        kind: Processes of this machine, or nodes of a cluster.
        watch: Told, at the start and whenever it changes.
    """

    def __init__(self, kind: Literal["worker", "node"], watch: Callable[[Workers], object] | None) -> None:
        self._kind = kind
        self._watch = watch
        self._n_lost = 0
        self._n_again = 0

    def lost(self, n_networks: int) -> None:
        """One is gone, and so many networks with it."""
        self._n_lost += 1
        self._n_again += n_networks

    def tell(self, *, n: int, n_networks: int) -> None:
        """So many are at work now, on so many networks at the same time."""
        if self._watch is not None:
            workers = Workers(
                kind=self._kind, n=n, n_networks=n_networks, n_lost=self._n_lost, n_again=self._n_again
            )  # fmt: skip
            self._watch(workers)


def loss(why: str, n_networks: int) -> Finding:
    """What is told of a lost worker, and of its networks.

    Args:
        why: How it was lost.
        n_networks: So many of its networks start again.
    """
    return found(Code.WORKER_GONE, why=why, n=n_networks) if n_networks else found(Code.WORKER_GONE, "idle", why=why)


def lost(why: str) -> Future[Done]:
    """The future of work that nobody does any more."""
    future: Future[Done] = Future()
    future.set_exception(WorkLost(why))
    return future
