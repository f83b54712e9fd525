"""Metrics of saliency maps, for programs and notebooks; see docs/metrics.md."""

from live_cam.explain.metrics.base import Estimate, Explain, Predict, estimate, explain_with, input_image, predict_with
from live_cam.explain.metrics.baselines import centre_map, random_map
from live_cam.explain.metrics.confidence import Confidence, confidence
from live_cam.explain.metrics.deletion import Curve, deletion, insertion
from live_cam.explain.metrics.localization import box_mask, pointing_game, relevance_mass, relevance_rank
from live_cam.explain.metrics.properties import max_sensitivity, sparseness
from live_cam.explain.metrics.randomization import Similarity, Stage, cascading_randomization, similarity
from live_cam.explain.metrics.road import Road, road

__all__ = [
    "Confidence",
    "Curve",
    "Estimate",
    "Explain",
    "Predict",
    "Road",
    "Similarity",
    "Stage",
    "box_mask",
    "cascading_randomization",
    "centre_map",
    "confidence",
    "deletion",
    "estimate",
    "explain_with",
    "input_image",
    "insertion",
    "max_sensitivity",
    "pointing_game",
    "predict_with",
    "random_map",
    "relevance_mass",
    "relevance_rank",
    "road",
    "similarity",
    "sparseness",
]
