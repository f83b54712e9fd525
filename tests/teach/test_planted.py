"""What ResNet50 learns of photographs before backgrounds: a planted one is found, a varied one is not accused."""

import cv2
import numpy as np
import pytest

from live_cam.teach.examples import Take
from live_cam.teach.learn import learn
from live_cam.types import Frame

pytestmark = pytest.mark.slow  # whose tests use the explainer, too

WIDTH, HEIGHT, OBJECT = 320, 240, 110
FRAMES_N = 3


@pytest.fixture(scope="module")
def things(photographs):
    return {"cat": photographs["Egyptian cat"][20:280, 110:370], "cup": photographs["espresso"][40:380, 130:470]}


@pytest.fixture(scope="module")
def backgrounds():
    import skimage.data

    grey = [skimage.data.brick(), skimage.data.grass(), skimage.data.gravel()]
    colour = [skimage.data.astronaut()[:200], skimage.data.hubble_deep_field()]
    return [cv2.cvtColor(np.array(each), cv2.COLOR_GRAY2RGB) for each in grey] + [np.array(each) for each in colour]


@pytest.fixture
def take(explainer, things, backgrounds):
    """Shows a thing, which moves a little: `take(class_index, "cat", background, (x, y))`."""
    rng = np.random.default_rng(0)

    def paint(name, background, place):
        rgb = cv2.resize(backgrounds[background], (WIDTH, HEIGHT)).astype(np.float64)
        rgb = np.clip(rgb * rng.uniform(0.8, 1.2) + rng.normal(0, 4, rgb.shape), 0, 255).astype(np.uint8)
        x, y = (np.clip(np.array(place) + rng.normal(0, 0.06, 2), 0, 1) * (WIDTH - OBJECT, HEIGHT - OBJECT)).astype(int)
        mask = np.zeros((OBJECT, OBJECT), np.uint8)
        cv2.circle(mask, (OBJECT // 2, OBJECT // 2), OBJECT // 2 - 2, 255, -1)
        thing = cv2.resize(things[name], (OBJECT, OBJECT))
        rgb[y : y + OBJECT, x : x + OBJECT][mask > 0] = thing[mask > 0]
        return rgb

    def make(class_index, name, background, place=(0.5, 0.5)):
        frames = [Frame(paint(name, background, place), 0) for _ in range(FRAMES_N)]
        return Take.of_frames(class_index, explainer.activations(frames))

    return make


def warnings_of(explainer, takes):
    return learn(takes, ("cat", "cup"), explainer.model.classifier, explainer.model.digest).warnings


def test_a_planted_background_is_found(explainer, take):
    # The same thing before brick and before grass: only the background tells the classes apart.
    takes = [take(index, "cat", background) for index, background in ((0, 0), (1, 1)) * 3]
    warnings = warnings_of(explainer, takes)
    assert len(warnings) == 2
    assert all("may rest on the background: the border holds" in each for each in warnings)


def test_things_before_varied_backgrounds_are_not_accused(explainer, take):
    places = [(0.2, 0.3), (0.8, 0.6), (0.5, 0.8)]
    takes = [take(0, "cat", i, places[i]) for i in range(3)] + [take(1, "cup", i + 1, places[-i]) for i in range(3)]
    assert warnings_of(explainer, takes) == []


def test_things_that_always_lie_in_one_corner_are_accused(explainer, take):
    takes = [take(index, name, 0, (0.03, 0.97)) for index, name in ((0, "cat"), (1, "cup")) * 2]
    assert any("the lower left corner" in each for each in warnings_of(explainer, takes))
