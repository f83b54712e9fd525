"""One moment of the live view kept: the picture as it is seen, as it came, and how the one became the other.

It is made in memory and handed out; nothing is written on this machine.
"""

from __future__ import annotations

import io
import json
import shlex
import zipfile
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_cam import __version__
from live_cam.explain.explainer import Explain, describe
from live_cam.frame import CLASSLESS_METHODS, EncodedFrame, Explanation
from live_cam.pipeline.painting import paint
from live_cam.sinks.png import encode_png
from live_cam.sinks.sidecar import question_words


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What was shown at one moment.

    Attributes:
        source: What people call the source.
        shown: The picture with all that it was made of.
        explainer: What explained it.
        taken: When the frame was captured, with the zone.
    """

    source: str
    shown: EncodedFrame
    explainer: Explain
    taken: datetime

    @property
    def name(self) -> str:
        """The name, without suffix, of the files: no two of one source are alike."""
        seq = self.shown.seq  # below 0 for a picture that was explained again, as one that stands still is
        number = f"{seq}" if seq >= 0 else f"again-{-seq}"
        return f"live_cam-{self.taken:%Y%m%d-%H%M%S}-{number}"

    def as_zip(self) -> bytes:
        """Gives a ZIP file that holds NAME.png, NAME-frame.png and NAME.json."""
        shown, data = self.shown, io.BytesIO()
        seen = paint(shown.frame, shown.explanation, shown.beside, shown.look)
        # PNGs are compressed already.
        with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(f"{self.name}.png", encode_png(seen))
            archive.writestr(f"{self.name}-frame.png", encode_png(shown.frame.rgb))
            archive.writestr(f"{self.name}.json", self.as_json(), zipfile.ZIP_DEFLATED)
        return data.getvalue()

    def as_json(self) -> str:
        """Gives all that is needed to repeat it, one word a line.

        The command `repeat` brings back the map and the labels; weights of one's own have to lie where it is run, and
        are known by `weights_sha256`. Painting `painted_map` with `scale`, `strength`,
        `style`, `opacity` and `colormap` brings back the overlay: the map and the scale of a live picture are smoothed
        over those before it. `beside` has the same for the right one of two.
        """
        explanation, beside = self.shown.explanation, self.shown.beside
        words: dict[str, Any] = {
            "live_cam": __version__,
            "time": self.taken.isoformat(timespec="milliseconds"),
            "source": self.source,
            "seq": self.shown.seq,
            "overlay": f"{self.name}.png",
            "frame": f"{self.name}-frame.png",
            "repeat": shlex.join(self._command(explanation)),
            "top": [asdict(score) for score in explanation.top],
            **_words(explanation),
            **describe(self.explainer),
            **asdict(explanation.lens),
            **asdict(self.shown.look),
            "beside": None if beside is None else {**_words(beside), "repeat": shlex.join(self._command(beside))},
        }
        lines = (f"  {json.dumps(word)}: {json.dumps(value, ensure_ascii=False)}" for word, value in words.items())
        return "{\n" + ",\n".join(lines) + "\n}\n"

    def _command(self, explanation: Explanation) -> list[str]:
        explainer, lens = self.explainer, explanation.lens
        words = ["live-cam", "explain", f"{self.name}-frame.png", "-o", f"{self.name}-again.png"]
        if lens.method not in CLASSLESS_METHODS:
            words += ["--target", explanation.target_label]
            if explanation.versus_label is not None:
                words += ["--versus", explanation.versus_label]
            if explanation.target.against:
                words.append("--against")
        if "+" not in lens.layer:  # a method that fuses layers has its own
            words += ["--layer", lens.layer]
        words += ["--method", lens.method, "--score", explainer.score]
        words += ["--runtime", explainer.runtime, "--precision", explainer.precision]
        if explainer.device != "auto":
            words += ["--device", explainer.device]
        if explainer.weights_file is not None:
            words += ["--weights", explainer.weights_file.name]  # where it lies here is no viewer's business
        return words


def take_snapshot(source: str, shown: EncodedFrame, explainer: Explain) -> Snapshot:
    """Keeps what is shown now; a source that has stopped may have given it long ago."""
    return Snapshot(source, shown, explainer, shown.captured_at)


def _words(explanation: Explanation) -> dict[str, Any]:
    saliency_map = explanation.saliency_map
    return {
        **question_words(explanation),
        "strength": explanation.strength,
        "scale": explanation.scale,
        "map": {"shape": list(saliency_map.shape), "values": _exact(saliency_map)},
        "painted_map": _exact(explanation.steady_map),
    }


def _exact(saliency_map: NDArray[np.float32]) -> list[list[float]]:
    """Gives the shortest decimals that are read back as the very same float32."""
    return [[float(str(value)) for value in row] for row in saliency_map]
