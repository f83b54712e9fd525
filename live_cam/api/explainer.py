"""The explainer that programs and notebooks use."""

from __future__ import annotations

from collections.abc import Iterator
from io import IOBase
from typing import TypeVar, overload

from live_cam.api.images import ImageLike
from live_cam.api.result import Result, explain_image
from live_cam.api.targets import ClassLike, resolve_target
from live_cam.explain import explainer
from live_cam.types import Target

_Image = TypeVar("_Image", bound=ImageLike)


class Explainer(explainer.Explainer):
    """Explains images of any kind; otherwise as `live_cam.explain.explainer.Explainer`, which explains frames.

    Example:
        >>> from live_cam import Explainer
        >>> result = Explainer().explain("lion.jpg")
        >>> result.top[0].label, result.map.shape
        ('lion', (7, 7))
    """

    @overload
    def explain(
        self, image: ImageLike, target: ClassLike | Target | None = None, *, contrast: ClassLike | None = None
    ) -> Result: ...
    @overload
    def explain(
        self,
        image: list[_Image] | tuple[_Image, ...],
        target: ClassLike | Target | None = None,
        *,
        contrast: ClassLike | None = None,
    ) -> list[Result]: ...
    @overload
    def explain(
        self, image: Iterator[ImageLike], target: ClassLike | Target | None = None, *, contrast: ClassLike | None = None
    ) -> Iterator[Result]: ...
    def explain(
        self,
        image: ImageLike | list[_Image] | tuple[_Image, ...] | Iterator[ImageLike],
        target: ClassLike | Target | None = None,
        *,
        contrast: ClassLike | None = None,
    ) -> Result | list[Result] | Iterator[Result]:
        """Explains an image, or several.

        Args:
            image: A path; an image of Pillow; an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), grey, RGB or RGBA,
                uint8 or floating-point from 0 to 1; a `Frame`, whose map's `vmax` follows the earlier ones of its
                source; or a list or an iterator of such.
            target: The class to explain, by number or label, or a `Target`; None for the top class of each image.
            contrast: The class, by number or label, to subtract: why the target rather than this one?

        Returns:
            The result; for a list a list, and for an iterator another, which reads and explains an image when its
            result is requested.

        Raises:
            SourceError: An image can't be read.
            UsageError: An image is something else, a class does not exist, or the contrast class is the target.
        """
        resolved = resolve_target(target, contrast, self.classifier.labels, self.method)
        if isinstance(image, list | tuple):
            return list(self._explain_several(iter(image), resolved))
        if isinstance(image, Iterator) and not isinstance(image, IOBase):
            return self._explain_several(image, resolved)
        return explain_image(self, image, resolved)

    def _explain_several(self, images: Iterator[ImageLike], target: Target) -> Iterator[Result]:
        for number, image in enumerate(images):
            yield explain_image(self, image, target, f"image {number}")
