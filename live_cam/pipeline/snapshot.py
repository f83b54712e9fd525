"""A moment of the live view as a ZIP: the overlay, the frame, and everything that leads from one to the other.

It is made in memory and handed out; nothing is written on this machine.
"""

from __future__ import annotations

import io
import json
import shlex
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_cam import __version__
from live_cam.explain.base import ExplainerProtocol, describe
from live_cam.render.encode import encode_png
from live_cam.render.layout import draw_overlays
from live_cam.types import CLASSLESS_METHODS, EncodedFrame, Explanation


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What was shown at one moment.

    Attributes:
        source: Display name of the source.
        shown: The overlay with everything it was made of, explained without smoothing.
        explainers: What explained it: one model, or two.
        taken: Capture time of the frame, with the zone.
    """

    source: str
    shown: EncodedFrame
    explainers: Sequence[ExplainerProtocol]
    taken: datetime

    @property
    def name(self) -> str:
        """The name of the files, without suffix; unique for a source."""
        seq, revision = self.shown.key
        number = f"{seq}-{revision}" if revision else f"{seq}"
        return f"live_cam-{self.taken:%Y%m%d-%H%M%S}-{number}"

    def as_zip(self) -> bytes:
        """Returns a ZIP file that holds NAME.png, NAME-frame.png and NAME.json."""
        shown, data = self.shown, io.BytesIO()
        overlay_rgb = draw_overlays(shown.frame, shown.explanation, shown.second, shown.overlay_style)
        # PNGs are compressed already.
        with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(f"{self.name}.png", encode_png(overlay_rgb))
            archive.writestr(f"{self.name}-frame.png", encode_png(shown.frame.rgb))
            archive.writestr(f"{self.name}.json", self.as_json(), zipfile.ZIP_DEFLATED)
        return data.getvalue()

    def as_json(self) -> str:
        """Returns all that is needed to repeat it, one key per line.

        The command `repeat` reproduces the map and the classes; the files of a custom model have to be in the working
        directory, and its weights are identified by `weights_sha256`. Drawing `map` over `map_box` of the frame with
        `vmax`, `evidence`, `style`, `opacity` and `colormap` reproduces the overlay. `second` has the same for the
        right one of two overlays, with the model and the settings that explained it.
        """
        explanation, second = self.shown.explanation, self.shown.second
        explainer, second_explainer = self.explainers[0], self.explainers[-1]
        content: dict[str, Any] = {
            "live_cam": __version__,
            "time": self.taken.isoformat(timespec="milliseconds"),
            "source": self.source,
            "seq": self.shown.seq,
            "revision": self.shown.frame.revision,
            "overlay": f"{self.name}.png",
            "frame": f"{self.name}-frame.png",
            **describe(explainer),
            **self._describe(explanation, explainer),
            **asdict(self.shown.overlay_style),
            "second": None
            if second is None
            else {**describe(second_explainer), **self._describe(second, second_explainer)},
        }
        lines = (f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in content.items())
        return "{\n" + ",\n".join(lines) + "\n}\n"

    def _describe(self, explanation: Explanation, explainer: ExplainerProtocol) -> dict[str, Any]:
        return {
            **explanation.describe(),  # with the precision of this very map
            "repeat": shlex.join(self._command(explanation, explainer)),
            "evidence": explanation.evidence,
            "vmax": explanation.vmax,
            "map": {"shape": list(explanation.saliency_map.shape), "values": _exact(explanation.saliency_map)},
            "map_box": explanation.map_box,
        }

    def _command(self, explanation: Explanation, explainer: ExplainerProtocol) -> list[str]:
        cam_config = explanation.cam_config
        command = ["live-cam", "explain", f"{self.name}-frame.png", "-o", f"{self.name}-again.png"]
        if cam_config.method not in CLASSLESS_METHODS:
            command += ["--target", explanation.target_label]
            if explanation.contrast_label is not None:
                command += ["--contrast", explanation.contrast_label]
            if explanation.target.counterfactual:
                command.append("--counterfactual")
        if "+" not in cam_config.layer:  # a method that fuses layers prescribes them
            command += ["--layer", cam_config.layer]
        command += ["--method", cam_config.method, "--score", explainer.score]
        command += ["--runtime", explainer.runtime, "--precision", explanation.precision]
        if explainer.classifier.resize != "stretch":
            command += ["--resize", explainer.classifier.resize]
        if explainer.device != "auto":
            command += ["--device", explainer.device]
        return [*command, *explainer.model_options]


def take_snapshot(source: str, shown: EncodedFrame, explainers: Sequence[ExplainerProtocol]) -> Snapshot:
    """Returns a snapshot of what is shown now; a source that has stopped may have delivered it long ago."""
    return Snapshot(source, shown, explainers, shown.captured_at)


def _exact(saliency_map: NDArray[np.float32]) -> list[list[float]]:
    """Returns the shortest decimals that are read back as the same float32."""
    return [[float(str(value)) for value in row] for row in saliency_map]
