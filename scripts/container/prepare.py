"""Downloads ResNet50's weights and converts what the page offers, so that a start needs neither network nor TensorFlow.

    python -m scripts.container.prepare

It goes where live-cam looks for it, `live_cam` in the user's cache; a container is built with it.
"""

from __future__ import annotations

from live_cam.explain.explainer import Explainer
from live_cam.models.weights.find import cache_file
from live_cam.tensorflow_package import record_converters
from live_cam.types import CamConfig


def main() -> None:
    exact = Explainer(precision="float32")  # bfloat16 is computed from the same files
    layers = [CamConfig(layer, "gradcam") for layer in exact.classifier.layers]
    for cam_config in (*layers, CamConfig(exact.layer, "layercam-fused")):
        print(f"{cam_config.method} at {cam_config.layer}", flush=True)
        exact.prepare(cam_config)
    for explainer in (exact, Explainer(precision="int8")):
        explainer.prepare(explainer.cam_config, num_targets=2)  # two classes at once, as one beside the other
    record_converters(cache_file().parent)


if __name__ == "__main__":
    main()
