"""Folds what a graph computes of its own shapes."""

from __future__ import annotations

import openvino as ov
from openvino.passes import ConstantFolding, Manager


def fold_constants(model: ov.Model) -> None:
    """Replaces what depends on constants and static shapes by constants, except for quantised weights."""
    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)
