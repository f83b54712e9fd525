"""The whole taught model over HTTP, for plain Keras."""

from __future__ import annotations

import numpy as np
import pytest

from live_cam.explain.explainer import Explainer
from live_cam.explain.saliency.targets import probabilities
from tests.clocks import FakeClock
from tests.models.keras_files.saving import writers_may_warn
from tests.teach.colours import PURPLE, TEAL, paint

pytestmark = pytest.mark.slow


def test_it_predicts_in_plain_keras_what_the_live_view_answers(
    serve_session, fake_source, tiny_network, make_frame, eventually, tmp_path
):
    import keras

    explainer = Explainer(tiny_network, preprocess="torch", precision="float32", runtime="tensorflow", smooth=True)
    site = serve_session(fake_source(rate_fps=1.0), explainer, loads_page=False)
    teaching, rng, clock = site.session.teaching, np.random.default_rng(0), FakeClock()
    for label, colour in (("purple", PURPLE), ("teal", TEAL)):
        teaching.start(teaching.add_class(label))
        for _ in range(3):
            clock.advance(0.2)
            teaching.collect(make_frame(paint(rng, colour), pts_ns=clock.now_ns()))
        teaching.stop()
    eventually(lambda: site.http.get("teach").json()["in_use"])
    with writers_may_warn():
        response = site.http.get("teach/mine.keras", timeout=120)
    assert response.headers["Content-Disposition"] == 'attachment; filename="mine.keras"'
    (tmp_path / "mine.keras").write_bytes(response.content)
    model = keras.saving.load_model(tmp_path / "mine.keras")
    frames = rng.integers(0, 256, (2, 224, 224, 3), np.uint8)
    found = probabilities(teaching.model.explainer.logits(list(frames)), "softmax")
    np.testing.assert_allclose(model.predict(frames.astype(np.float32), verbose=0), found, atol=1e-5)
    assert found.shape == (2, 2)
