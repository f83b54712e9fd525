"""Sessions: random, and bounded in number."""

from __future__ import annotations

from live_cam.web.security.sessions import _MAX_SESSIONS, Sessions


def test_a_session_is_known_by_its_id_alone():
    sessions = Sessions()
    first, second = sessions.start(), sessions.start()
    assert first != second
    assert sessions.use(first)
    assert not sessions.use(first[:-1])
    assert not sessions.use("")
    assert not Sessions().use(first), "another server, or this one started again"


def test_of_too_many_sessions_the_one_unused_for_longest_ends():
    sessions = Sessions()
    watching, left = sessions.start(), sessions.start()
    for _ in range(3 * _MAX_SESSIONS):
        assert sessions.use(watching)
        newest = sessions.start()
    assert sessions.use(newest)
    assert not sessions.use(left)
