"""Fixtures that the tests of several sources share."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture
def logged_warnings(caplog):
    """The warnings logged so far: `logged_warnings()`."""
    caplog.set_level(logging.WARNING, logger="live_cam")
    return lambda: [record.getMessage() for record in caplog.records]
