"""A Ray cluster of two nodes, each with a process of its own, and the command line that uses it."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import free_port, live_cam
from tests.models.openvino_files.graphs import GraphWriter

__all__ = ["free_port", "live_cam"]

_STORE_BYTES = 100_000_000


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The address of the cluster."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    options: dict[str, Any] = {"num_cpus": 2, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
    # Ray starts a worker per processor for each program that connects, and for each node what scales and logs it.
    # Beside a busy process, workers of its usual low priority take minutes to start.
    config = {"prestart_worker_first_driver": False, "worker_niceness": 0}
    bare = {"_system_config": config, "include_log_monitor": False, "no_monitor": True}
    cluster = Cluster(initialize_head=True, head_node_args={**options, **bare})
    try:
        cluster.add_node(**options)
        yield cluster.address
    finally:
        cluster.shutdown()


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A small seeded classifier, whose step no TensorFlow converts."""
    folder = tmp_path_factory.mktemp("model")
    writer = GraphWriter(("N", 3, "H", "W")).features().pooled().dense().add("Softmax")
    return writer.write(folder / "small.onnx", metadata={"names": "{0: 'a', 1: 'b', 2: 'c', 3: 'd', 4: 'e'}"})


def worker_pids(name: str) -> list[int]:
    """Returns the processes of the actors of a class."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(f"ray::{name}".encode()):
                found.append(int(path.parent.name))
        except OSError:  # it has ended
            continue
    return found


@pytest.fixture
def kill_worker() -> Callable[[str], int]:
    """Kills one of the actors of a class as the system does, and returns its process."""

    def kill(name: str) -> int:
        pid = worker_pids(name)[0]
        os.kill(pid, signal.SIGKILL)
        return pid

    return kill
