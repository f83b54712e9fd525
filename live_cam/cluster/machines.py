"""The machines of a cluster, each of which gets actors of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from live_cam.errors import LiveCamError

WATCH: Final = "watch"
"""The calls of an actor that are answered while it works."""

_ray: Any = ray  # its types know neither all its options nor the methods of actors


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that offers processors.

    Attributes:
        host: Its name.
        node_id: Ray's name for it.
    """

    host: str
    node_id: str

    def start(self, kind: type, *arguments: Any, cpus_n: int) -> Any:
        """Returns the handle of a new actor on this machine, which is started again there if it is killed.

        Args:
            kind: Its class.
            arguments: Those of its constructor.
            cpus_n: How many processors have to be free, and are taken.
        """
        actor = _ray.remote(max_restarts=-1, num_cpus=cpus_n, concurrency_groups={WATCH: 1})(kind)
        return actor.options(scheduling_strategy=NodeAffinitySchedulingStrategy(self.node_id, soft=False)).remote(
            *arguments
        )


def find_machines() -> list[Machine]:
    """Returns the machines of the cluster that this process is connected to.

    Raises:
        LiveCamError: There is none.
    """
    nodes = [node for node in _ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    if not nodes:
        raise LiveCamError("no machine of the Ray cluster offers a CPU; see `ray status`")
    return [Machine(node["NodeManagerHostname"], node["NodeID"]) for node in nodes]
