"""The same explainer of a network whose weights are random: what maps show that is not learnt stays the same."""

from __future__ import annotations

from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.explainer import Explainer
from live_cam.models.shuffle import shuffled_head, shuffled_model


def randomized_explainer(explainer: ExplainerProtocol, seed: int = 0) -> Explainer:
    """Creates an explainer with the same layer and method, and all weights of the network shuffled.

    The first time on a machine it takes as long as that explainer did. It computes in float32, since random weights
    make numbers that float16 does not hold.

    Args:
        explainer: The explainer, of the trained weights.
        seed: Chooses the random weights.

    Raises:
        LiveCamError: It can't be created, as without TensorFlow.
    """
    model = shuffled_model(explainer.model, seed)
    taught = explainer.taught_head
    has_own_layer = explainer.method == "layercam-fused" or taught is not None
    return Explainer(
        model,
        layer=None if has_own_layer else explainer.layer,
        method=explainer.method,
        score=explainer.score,
        runtime=explainer.runtime,
        precision="float32",
        device="CPU" if explainer.runtime == "openvino" else "auto",
        optimize=False,
        head=None if taught is None else shuffled_head(taught, model, seed),
    )
