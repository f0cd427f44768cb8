"""Ray as an executor: the contract on a cluster of this machine, and a node that is lost while it works."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.executors import LONG, ExecutorContract, MakeExecutor, assert_equal, opened
from contracts.trainers import POINT, STOPPING, job, problem_for, run
from ffsearch.errors import RunError
from ffsearch.search.executors import cluster
from ffsearch.search.executors.cluster import RayExecutor
from ffsearch.search.executors.population import PopulationTrainer
from ffsearch.search.observer import Workers
from ffsearch.search.training.protocol import Epoch, Trained
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding

HAS_RAY = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HAS_RAY, reason="Ray is not installed: pip install 'ffsearch[ray]'")

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:ray", "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[Any]:
    """A real cluster of two nodes on this machine, two cores each."""
    if not HAS_RAY:
        pytest.skip("Ray is not installed: pip install 'ffsearch[ray]'")
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": "300"}  # on a busy machine
    from ray.cluster_utils import Cluster

    # The head carries nothing, so that either of the two may go.
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        made.add_node(num_cpus=2)
    yield made
    made.shutdown()


@pytest.fixture
def cluster_of_two(two_nodes: Any) -> Any:
    """The same, whole again after a test that took a node away."""
    while len(two_nodes.worker_nodes) < 2:
        two_nodes.add_node(num_cpus=2)
    two_nodes.wait_for_nodes()
    return two_nodes


@pytest.mark.slow
class TestRay(ExecutorContract):
    n_files_kept = 4  # Ray keeps 2 or 3 of its own for every connection to a cluster; a run has one

    @pytest.fixture
    def make(self, cluster_of_two: Any) -> MakeExecutor:
        return lambda: RayExecutor(cluster_of_two.address, notify=lambda text: None)


@pytest.mark.slow
def test_a_node_that_goes_costs_its_networks_a_retry_and_nothing_else(cluster_of_two: Any) -> None:
    """Forty trials; in the middle of them one of two nodes is removed. All end, none twice, all as if undisturbed."""
    problem, stopping = problem_for(), replace(LONG, max_epochs=12)
    jobs = [job(trial, point=replace(POINT, depth=1 + trial % 2)) for trial in range(40)]
    expected = run(PopulationTrainer(problem, stopping), jobs)
    said: list[Finding] = []
    ended: list[Trained] = []
    seen: list[tuple[int, int]] = []
    at_work: list[Workers] = []

    def watch(epoch: Epoch) -> None:
        seen.append((epoch.job.trial, epoch.number))
        if len(seen) == 40 * 12 // 2:
            cluster_of_two.remove_node(cluster_of_two.worker_nodes and next(iter(cluster_of_two.worker_nodes)))

    with opened(lambda: RayExecutor(cluster_of_two.address, notify=said.append, watch=at_work.append)) as executor:
        trainer = PopulationTrainer(problem, stopping, executor=executor)
        ended.extend(trainer.train(iter(jobs), watch=watch))
    assert sorted(trained.job.trial for trained in ended) == list(range(40))
    assert len(set(seen)) == len(seen) == 40 * 12
    for one, two in zip(sorted(ended, key=lambda trained: trained.job.trial), expected, strict=True):
        assert_equal(one, two)
    n_again = sum(trained.notes.get("n_retries", 0) for trained in ended)
    assert 1 <= n_again <= 4
    assert [(each.n, each.n_networks, each.n_lost) for each in at_work] == [(2, 4, 0), (1, 2, 1)]
    assert at_work[-1].n_again == n_again
    assert [finding.code for finding in said] == [Code.NODE_JOINED, Code.NODE_JOINED, Code.WORKER_GONE]
    assert said[-1].values["n"] == n_again


@pytest.mark.slow
@needs_ray
def test_a_cluster_of_this_machine_ends_with_the_run_and_leaves_signals_as_they_were() -> None:
    import ray

    before = signal.getsignal(signal.SIGTERM)
    with opened(lambda: RayExecutor(cluster.LOCAL, notify=lambda text: None)) as executor:
        assert ray.is_initialized()
        assert signal.getsignal(signal.SIGTERM) is before
        found = run(PopulationTrainer(problem_for(), STOPPING, executor=executor), [job()])
    assert not ray.is_initialized()
    assert_equal(found[0], run(PopulationTrainer(problem_for(), STOPPING), [job()])[0])


@needs_ray
@pytest.mark.slow
def test_an_address_without_a_cluster_is_refused() -> None:
    with pytest.raises(
        RunError, match=r"--ray 127\.0\.0\.1:1: there is no such cluster.*ray start --head.*--ray local"
    ):
        RayExecutor("127.0.0.1:1", notify=lambda text: None)


def test_without_ray_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ffsearch.search.cli import invoke

    monkeypatch.setitem(sys.modules, "ray", None)
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else there(name))
    out = tmp_path / "run"
    assert invoke(["run", "tabular", "--ray", "local", "--out", str(out)]) == 2
    assert "pip install 'ffsearch[ray]'" in capsys.readouterr().err
    assert not out.exists()
