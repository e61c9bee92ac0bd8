"""What only Dask has: workers that are lost, clusters that are not ours, and none at all."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator

import executor_jobs as jobs
import pytest
from executor_watch import is_alive, needs_signals, wait_until

from pipeline.errors import PipelineError
from pipeline.executors import dask as dask_executor
from pipeline.executors import (
    open_executor,
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[dask_executor.DaskExecutor]:
    with dask_executor.DaskExecutor(workers=2, timeout=30) as executor:
        yield executor


@needs_signals
def test_a_dask_worker_killed_from_outside_costs_nothing(cluster, caplog):
    caplog.set_level(logging.CRITICAL, logger="distributed")
    results = cluster.starmap(jobs.square_after, [(0.05, n) for n in range(30)])
    received = [next(results)]
    os.kill(next(iter(cluster._client.run(os.getpid).values())), signal.SIGKILL)
    received += results
    assert received == [n * n for n in range(30)]


@needs_signals
def test_an_item_whose_dask_workers_are_all_lost_is_a_failure(cluster, caplog):
    caplog.set_level(logging.CRITICAL, logger="distributed")
    cluster._cluster.scheduler.allowed_failures = 0
    results = list(cluster.starmap(jobs.kill_dask_worker, [(n, n == 2) for n in range(6)]))
    cluster._cluster.scheduler.allowed_failures = 3
    failure = results.pop(2)
    assert (failure.kind, failure.where) == ("died", "executor_jobs.kill_dask_worker")
    assert "no result from Dask, KilledWorker" in failure.why
    assert results == [0, 1, 3, 4, 5]


def test_children_of_dask_workers_end_with_the_executor(cluster):
    with dask_executor.DaskExecutor(address=cluster._client.scheduler.address) as other:
        children = set(other.starmap(jobs.process_id, [(0.05,)] * 6))
        assert all(map(is_alive, children))
    assert wait_until(lambda: not any(map(is_alive, children)), 5)
    assert list(cluster.starmap(jobs.square, [(4,)])) == [16], "the cluster itself goes on"


def test_an_address_without_a_scheduler_is_told(monkeypatch):
    monkeypatch.setattr(dask_executor, "START_SECONDS", 1.0)
    with pytest.raises(PipelineError, match="no Dask scheduler answers at tcp"):
        open_executor("dask", address="tcp://127.0.0.1:9")


def test_a_cluster_without_workers_is_told(monkeypatch):
    import distributed

    monkeypatch.setattr(dask_executor, "START_SECONDS", 1.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as empty,
        pytest.raises(PipelineError, match="has had no worker for 1 s"),
    ):
        open_executor("dask", address=empty.scheduler_address)


def test_a_cluster_that_loses_all_its_workers_is_told(monkeypatch):
    import distributed

    monkeypatch.setattr(dask_executor, "START_SECONDS", 2.0)
    monkeypatch.setattr(dask_executor, "PATROL_SECONDS", 0.5)
    with (
        distributed.LocalCluster(n_workers=1, dashboard_address="127.0.0.1:0") as shrinking,
        open_executor("dask", address=shrinking.scheduler_address) as executor,
    ):
        results = executor.starmap(jobs.square_after, [(0.05, n) for n in range(100)])
        assert next(results) == 0
        shrinking.scale(0)
        with pytest.raises(PipelineError, match="has had no worker for 2 s"):
            list(results)
