"""The head of a network for each place of its activation alone, in as few batches as memory allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from live_cam.explain.saliency.recipro_cam import place_masks

_MAX_BATCH_BYTES: Final = 64_000_000


class MaskedScores:
    """A head compiled for all places of its activation."""

    def __init__(self, core: ov.Core, head_model: ov.Model, device: str, options: Mapping[str, str]) -> None:
        """Compiles the head.

        Args:
            core: What to compile with.
            head_model: See `OpenVinoNetwork.head_model`.
            device: What to compile for.
            options: How.
        """
        _, height, width, channels = head_model.inputs[0].shape
        masks = place_masks(height, width)
        self._places_n = len(masks)
        batch = 1
        if head_model.inputs[1].get_partial_shape()[0].is_dynamic:
            at_once = max(1, _MAX_BATCH_BYTES // (4 * height * width * channels))
            batch = -(-self._places_n // -(-self._places_n // at_once))  # of equal batches, as few as possible
        model = head_model.clone()
        model.reshape({model.inputs[1]: [batch, height, width, 1]})
        self._request = core.compile_model(model, device, dict(options)).create_infer_request()
        padded = np.pad(masks, ((0, -self._places_n % batch), (0, 0), (0, 0), (0, 0)))
        self._batches = padded.reshape(-1, batch, height, width, 1)

    def compute(self, activation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the logits float32 (h * w, classes) of each place of an activation (1, h, w, channels)."""
        logits = [self._request.infer([activation, masks], share_inputs=True)[0].copy() for masks in self._batches]
        return np.concatenate(logits)[: self._places_n]
