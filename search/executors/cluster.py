"""Ray as an executor: an actor on every node of a cluster trains networks, a thread a core of that node.

    driver ── object store: matrices, once ──> node 1: [ lane ] [ lane ]
           ── a call an epoch ───────────────> node 2: [ lane ] [ lane ]

A network stays with its node. When a node goes, Ray says so of every call to its actor; a node that joins gets an actor
before the next network is begun.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ffsearch.errors import RunError
from ffsearch.search.base.environment import signals
from ffsearch.search.executors.homes import Headcount, Homes, loss
from ffsearch.search.executors.protocol import Done, Recipe, Work, WorkLost
from ffsearch.search.observer import Workers
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding

if TYPE_CHECKING:
    from ffsearch.search.executors.desk import Desk

__all__ = ["LOCAL", "RayExecutor", "check_ray"]

LOCAL: Final = "local"
"""The address of a cluster that is started here, on all cores, and ended with the run."""

LOOK_EVERY_S: Final = 1.0
"""Seconds between two looks at which nodes there are. choice: a look takes some milliseconds; nodes take minutes."""

REACH_S: Final = 10.0
"""Seconds a cluster's head has to answer. choice: a network that takes longer carries no epochs."""

RETURN_AFTER_S: Final = 30.0
"""Seconds before a node that lost its actor gets another. choice: Ray takes some to notice that a node is gone, and
calls it alive until then; one that is alive after that has only lost the process."""

WAIT_FOR_NODES_S: Final = 60.0
"""Seconds without any node before the run ends. choice: a machine that restarts may take as long; all told is safe."""


def check_ray() -> None:
    """Refuse when Ray is not installed.

    Raises:
        RunError: With what to install.
    """
    if importlib.util.find_spec("ray") is None:
        raise RunError(
            "--ray needs Ray, which is not installed. Install it with pip install 'ffsearch[ray]' on every node, or "
            "use --workers N, which needs nothing."
        )


class RayExecutor:
    """Trains networks on the nodes of a Ray cluster.

    Args:
        address: `local`, or where the cluster's head is: HOST:PORT, `auto`, ray://HOST:PORT.
        notify: Told of nodes that come and go.
        watch: Told who is at work, at the start and whenever that changes.

    Raises:
        RunError: If there is no such cluster.
    """

    name = "ray"

    def __init__(
        self,
        address: str,
        *,
        notify: Callable[[Finding], object],
        watch: Callable[[Workers], object] | None = None,
    ) -> None:
        check_ray()
        self._notify = notify
        self._headcount = Headcount("node", watch)
        self._keys = count()
        self._recipes: dict[int, Any] = {}
        self._nodes: dict[str, _Node] = {}
        self._lost_at: dict[str, float] = {}
        self._homes: Homes[_Node] = Homes()
        self._looked_at = -LOOK_EVERY_S
        self._is_ours = _connected(address)
        try:
            self._look()
        except BaseException:
            self.close()
            raise

    def settle(self, folder: Path) -> None:
        """See `Executor`: matrices lie in the object store."""

    def hand_over(self, recipe: Recipe) -> int:
        """See `Executor`."""
        import ray

        key = next(self._keys)
        self._recipes[key] = ray.put((recipe.problem, recipe.settings))
        return key

    def take_back(self, recipe: int) -> None:
        """See `Executor`."""
        self._recipes.pop(recipe, None)
        self._homes.forget(recipe)
        for node in self._nodes.values():
            node.forget(recipe)

    def submit(self, work: Work) -> Future[Done]:
        """See `Executor`."""
        self._look()
        return self._homes.submit(
            work,
            lambda node: node.do(work, self._recipes[work.recipe]),
            choose=lambda n_networks: min(self._living(), key=lambda node: n_networks(node) / node.n_threads),
        )

    def close(self) -> None:
        """See `Executor`. A cluster that was there before goes on without our actors."""
        import ray

        nodes, self._nodes = self._nodes, {}
        if not ray.is_initialized():
            return
        for node in nodes.values():
            node.end()
        self._recipes.clear()
        if self._is_ours:
            self._is_ours = False
            ray.shutdown()

    def _living(self) -> list[_Node]:
        """The nodes there are, at least one.

        Raises:
            RunError: If none came for a while.
        """
        deadline = time.monotonic() + WAIT_FOR_NODES_S
        while not (living := [node for node in self._nodes.values() if not node.is_lost]):
            if time.monotonic() > deadline:
                raise RunError(
                    f"The Ray cluster has had no node with a core for {WAIT_FOR_NODES_S:.0f} s. What was told is safe; "
                    "the same command goes on when there is one, and so does one with --workers N."
                )
            time.sleep(LOOK_EVERY_S)
            self._look()
        return living

    def _look(self) -> None:
        """Take leave of nodes that went, and begin with those that came."""
        is_whole = not any(node.is_lost for node in self._nodes.values())
        if is_whole and time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        import ray

        self._looked_at = time.monotonic()
        before = list(self._nodes.values())
        for key, node in list(self._nodes.items()):
            if node.is_lost:
                self._part_with(key, node)
        for found in ray.nodes():
            n_threads = int(found["Resources"].get("CPU", 0))
            is_back = time.monotonic() - self._lost_at.get(found["NodeID"], -RETURN_AFTER_S) >= RETURN_AFTER_S
            if found["Alive"] and n_threads and is_back and found["NodeID"] not in self._nodes:
                node = self._nodes[found["NodeID"]] = _Node(
                    found["NodeID"], address=found["NodeManagerAddress"], n_threads=n_threads
                )
                self._notify(Finding(Code.NODE_JOINED, {"node": node.name}))
        if list(self._nodes.values()) != before:
            n_networks = sum(node.n_threads for node in self._nodes.values())
            self._headcount.tell(n=len(self._nodes), n_networks=n_networks)

    def _part_with(self, key: str, node: _Node) -> None:
        """Take leave of one that is lost."""
        del self._nodes[key]
        self._lost_at[key] = time.monotonic()
        n_networks = self._homes.lost_with(node)
        self._headcount.lost(n_networks)
        self._notify(loss(f"Ray: {node.why}", n_networks))


@dataclass(eq=False)
class _Node:
    """The driver's end of one node.

    Args:
        key: What Ray calls it.
        address: Where it is.
        n_threads: Networks that it trains at the same time.
    """

    key: str
    address: str
    n_threads: int
    is_lost: bool = False
    told: set[tuple[int, int]] = field(default_factory=set)  # networks whose work was said to be lost

    def __post_init__(self) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._actor = ray.remote(_Bench).options(
            num_cpus=self.n_threads,
            max_concurrency=self.n_threads,
            max_restarts=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(self.key, soft=False),
        ).remote()  # fmt: skip

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.address} ({self.key[:6]})"

    @property
    def why(self) -> str:
        """Why it is gone."""
        return f"node {self.name} was lost"

    def forget(self, key: int) -> None:
        """Let it forget a recipe."""
        if not self.is_lost:
            self._actor.forget.remote(key)

    def do(self, work: Work, content: Any) -> Future[Done]:
        """Have a piece of work done, its recipe being in the object store."""
        done: Future[Done] = Future()
        self._actor.do.remote(work, [content]).future().add_done_callback(partial(self._answer, work, done))
        return done

    def end(self) -> None:
        """End its actor."""
        import ray

        with suppress(ray.exceptions.RayError, ValueError):
            ray.kill(self._actor)

    def _answer(self, work: Work, done: Future[Done], answer: Future[Done]) -> None:
        """An actor does not come back: what Ray says of one call holds for all."""
        from ray.exceptions import ActorUnschedulableError, ObjectLostError, RayActorError, RayTaskError

        error = answer.exception()
        if error is None:
            done.set_result(answer.result())
        elif isinstance(error, RayActorError | ActorUnschedulableError | ObjectLostError):
            self.told.add((work.recipe, work.network))
            self.is_lost = True
            done.set_exception(WorkLost(self.why))
        else:
            text = str(error) if isinstance(error, RayTaskError) else repr(error)
            done.set_exception(RuntimeError(f"node {self.name} failed, and the fault is ours:\n{text}"))


class _Bench:
    """The actor: a desk on some node. Its calls come in several threads."""

    def __init__(self) -> None:
        from threadpoolctl import threadpool_limits

        from ffsearch.search.executors.desk import Desk

        threadpool_limits(limits=1, user_api="blas")
        self._desk: Desk = Desk()
        self._fetching = threading.Lock()
        self._known: set[int] = set()

    def forget(self, key: int) -> None:
        """Give up a recipe."""
        self._known.discard(key)
        self._desk.forget(key)

    def do(self, work: Work, content: list[Any]) -> Done:
        """Do a piece of work.

        Args:
            work: The work.
            content: Its recipe in the object store, in a list, for Ray would fetch it at every call. It comes with
                every piece of work because calls in several threads may overtake each other.
        """
        import ray

        with self._fetching:
            if work.recipe not in self._known:
                problem, settings = ray.get(content[0])
                self._desk.take(work.recipe, Recipe(problem=problem, settings=settings))
                self._known.add(work.recipe)
        return self._desk.do(work)


def _connected(address: str) -> bool:
    """Connect to a cluster, or start one. Returns whether the connection is ours to end.

    Raises:
        RunError: If there is no such cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the user's machines
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    if ray.is_initialized():
        return False
    # "local" starts one; without an address Ray would join any that runs on this machine.
    where = {"address": "local", "num_cpus": os.cpu_count() or 1} if address == LOCAL else {"address": address}
    with _signals_kept():
        try:
            _reach(address)
            ray.init(
                **where, include_dashboard=False, log_to_driver=False, configure_logging=False, namespace="ffsearch"
            )
        except (OSError, ValueError, RuntimeError) as error:
            cause = str(error).strip().partition("\n")[0]
            raise RunError(
                f"--ray {address}: there is no such cluster ({cause}). Start one with `ray start --head` and give its "
                "address HOST:PORT, or --ray local for one on this machine."
            ) from error
    return True


def _reach(address: str) -> None:
    """Knock at HOST:PORT: Ray itself waits for minutes where nobody answers."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "/" not in host:
        with socket.create_connection((host, int(port)), timeout=REACH_S):
            pass


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep our handlers: a polite kill saves what was told, and Ray would end the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in signals("SIGINT", "SIGTERM", "SIGBREAK")}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
