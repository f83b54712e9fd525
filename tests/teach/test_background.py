"""Evidence that lies at the same place, or at the border, whatever is shown."""

import numpy as np
import pytest

from live_cam.models.linear_head import LinearHead
from live_cam.teach.background import class_evidence
from live_cam.teach.examples import Take
from tests.teach.takes import PLACES

HEAD = LinearHead(np.array([[1.0, -1.0], [-1.0, 1.0], [0.0, 0.0]], np.float32), np.zeros(2, np.float32))
"""Each of the first two features speaks for a class, the third for none."""


def blob(row, column, sigma=1.0):
    y, x = np.mgrid[: PLACES[0], : PLACES[1]]
    return np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2))


def take(class_index, evidence, rest=1.0):
    """Returns a take with evidence for its class (7, 7), and activation that says nothing everywhere."""
    activation = np.zeros((*PLACES, 3), np.float32)
    activation[..., class_index] = evidence
    activation[..., 2] = rest
    return Take(class_index, activation.mean(axis=(0, 1))[None], activation)


def judge(*of_first, labels=("mug", "hand")):
    second = [take(1, blob(*place)) for place in ((2, 3), (4, 3))]
    return class_evidence(HEAD, [*(take(0, each) for each in of_first), *second], labels)[0]


@pytest.mark.parametrize(
    ("evidence", "name"),
    [
        (blob(6, 0), "the lower left corner"),
        (blob(0, 6), "the upper right corner"),
        (blob(6, 0) + blob(0, 6) + blob(0, 0) + blob(6, 6), "the border"),
    ],
)
def test_evidence_at_one_place_in_every_take_is_suspected(evidence, name):
    found = judge(evidence, 2 * evidence, evidence)
    assert found.place.name == name
    assert found.share > found.usual
    assert found.warning("mug") == (
        f"mug may rest on the background: {name} holds {found.share:.0%} of its evidence, in each of 3 takes, where "
        f"{found.usual:.0%} would be usual; show it elsewhere, too"
    )


def test_evidence_everywhere_is_suspected_as_being_at_the_border_too():
    found = judge(np.ones(PLACES), np.ones(PLACES))
    assert found.place.name == "the border"
    assert found.share == pytest.approx(24 / 49)


@pytest.mark.parametrize(
    "maps",
    [
        [blob(3, 3), blob(3, 3), blob(3, 3)],
        [blob(1, 1), blob(5, 5), blob(3, 3)],
        [blob(6, 0), blob(0, 6), blob(3, 3)],
        [blob(6, 0), blob(6, 0), blob(3, 3)],
        [blob(6, 0)],
        [np.zeros(PLACES)] * 3,
    ],
    ids=["middle", "moving", "from corner to corner", "one take elsewhere", "one take", "no evidence"],
)
def test_what_moves_lies_in_the_middle_or_was_shown_once_is_not_suspected(maps):
    found = judge(*maps)
    assert found.place is None
    assert found.warning("mug") == ""


def test_nothing_may_lie_anywhere():
    corner = blob(6, 0)
    assert judge(corner, corner, labels=("nothing", "hand")).place is None
    assert judge(corner, corner, labels=("nothings", "hand")).place is not None


def test_the_mean_map_is_that_of_the_takes():
    found = judge(blob(1, 1), blob(5, 5))
    np.testing.assert_allclose(found.mean_map, (blob(1, 1) + blob(5, 5)) / 2 / 49, rtol=1e-5)
