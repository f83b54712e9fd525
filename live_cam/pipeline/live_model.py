"""The models of a session: which targets and layers they explain under the current settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from live_cam.clock import MONOTONIC, Clock
from live_cam.explain.base import ExplainerProtocol
from live_cam.explain.comparison import ModelPair
from live_cam.models.classifier import Classifier
from live_cam.pipeline.layer_loader import LayerLoader
from live_cam.pipeline.settings import Settings, targets
from live_cam.types import CamConfig, Comparison, EncodedFrame, Explanation, Frame, Target


class LiveModel:
    """A model that explains frames under changing settings; used by the worker alone.

    Attributes:
        explainer: Explains.
        layer_loader: Prepares the layers.
    """

    def __init__(self, explainer: ExplainerProtocol, layer_loader: LayerLoader) -> None:
        self.explainer = explainer
        self.layer_loader = layer_loader

    def can_follow(self, shown: Explanation) -> bool:
        """Whether an explanation that is shown is of these very classes, so that its top classes can be explained."""
        labels = self.explainer.classifier.labels
        return len(shown.logits) == len(labels) and all(labels[each.index] == each.label for each in shown.smoothed_top)

    def explain(
        self, frames: Sequence[Frame], settings: Settings, shown: Sequence[Explanation | None]
    ) -> list[list[Explanation]]:
        """Returns the explanations to show for each frame.

        Open targets are the top classes shown with the frame before; where this frame has changed them, as after a
        scene cut, it is explained again, since the map would be one of a class that is not there any more.

        Args:
            frames: One of each feed.
            settings: What viewers chose.
            shown: The explanation by this model that each feed shows now.
        """
        current = self.explainer.cam_config if shown[0] is None else shown[0].cam_config
        cam_config = self.layer_loader.request(settings.cam_config, current)
        tops = [() if each is None else each.smoothed_top for each in shown]
        requested = [targets(settings, top, cam_config.method) for top in tops]
        if len(requested[0]) > 1:
            self.layer_loader.ensure_targets(cam_config, len(requested[0]))
        if len({len(each) for each in requested}) == 1:
            explained = self.explainer.explain_each(frames, requested, cam_config)
        else:  # the second class of some feeds is not known yet
            explained = [
                self.explainer.explain_all([frame], each, cam_config)[0]
                for frame, each in zip(frames, requested, strict=True)
            ]
        return [self._explain_changed(*each, settings, cam_config) for each in zip(frames, explained, strict=True)]

    def explain_with_top(
        self, frame: Frame, settings: Settings, shown: Explanation | None
    ) -> tuple[list[Explanation], list[Explanation]]:
        """Explains one frame, and in the same call its top classes, whose maps follow from the same forward pass.

        Returns:
            What `explain` returns; and the explanations of the classes in `smoothed_top`, if that was possible: if one
            call takes as many targets, and the frame has not changed these classes.
        """
        cam_config = self.explainer.cam_config if shown is None else shown.cam_config
        requested = [] if shown is None else targets(settings, shown.smoothed_top, cam_config.method)
        top = [] if shown is None else [Target(score.index) for score in shown.smoothed_top]
        together = [*requested, *(target for target in top if target not in requested)]
        is_prepared = cam_config == settings.cam_config and self.explainer.is_ready(cam_config, len(together))
        if not top or len(together) > len(top) or not is_prepared:
            return self.explain([frame], settings, [shown])[0], []
        explained = self.explainer.explain_all([frame], together, cam_config)[0]
        by_target = {each.target: each for each in explained}
        to_show = self._explain_changed(frame, explained[: len(requested)], settings, cam_config)
        of_top = [by_target.get(Target(score.index)) for score in to_show[0].smoothed_top]
        return to_show, [each for each in of_top if each] if all(of_top) else []

    def _explain_changed(
        self, frame: Frame, explained: list[Explanation], settings: Settings, cam_config: CamConfig
    ) -> list[Explanation]:
        """Explains a frame again if its own classes are not those that were explained."""
        wanted = targets(settings, explained[0].smoothed_top, cam_config.method)
        if [each.target for each in explained] == wanted:
            return explained
        return self.explainer.explain_all([frame], wanted, cam_config)[0]


class SecondModel(LiveModel):
    """The model whose maps are shown beside those of the first, for classes of the same names."""

    def __init__(
        self,
        explainer: ExplainerProtocol,
        first: Classifier,
        on_ready: Callable[[], None],
        clock: Clock = MONOTONIC,
    ) -> None:
        """Prepares the model.

        Args:
            explainer: Explains.
            first: The first model.
            on_ready: See `LayerLoader`.
            clock: See `LayerLoader`.
        """
        super().__init__(explainer, LayerLoader(explainer, on_ready, clock))
        self._pair = ModelPair(first, explainer.classifier)
        # A method that fuses layers prescribes them.
        self._layer = explainer.classifier.default_layer if "+" in explainer.layer else explainer.layer

    def own_settings(self, settings: Settings) -> Settings:
        """Returns the settings for this model: its own layer and classes, and its top class where it lacks one."""
        target, other = self._pair.counterpart(settings.target), self._pair.counterpart(settings.other)
        mode = settings.mode
        if (settings.target is not None and target is None) or (settings.other is not None and other is None):
            mode = "class"
        return replace(settings, mode=mode, target=target, other=other, layer=self._layer)

    def message(self, settings: Settings) -> str:
        """Returns why its layer is not used yet; empty if it is."""
        return self.layer_loader.message(self.own_settings(settings).cam_config)

    def compare(self, shown: EncodedFrame, settings: Settings) -> Comparison | None:
        """Compares what both models say of a frame; None for one that was shown before by the first alone."""
        if shown.second is None:
            return None
        chosen = settings.target is not None or (settings.mode == "contrast" and settings.other is not None)
        return self._pair.compare(shown.explanation, shown.second, chosen=chosen)
