"""Pictures of a wall are kept while somebody looks."""

from live_cam.cluster.shown import ShownPictures


def test_a_picture_is_kept_while_it_is_wanted_and_later_ones_have_higher_versions(clock):
    shown = ShownPictures(clock)
    assert not shown.wait(0)
    shown.put(1, b"nobody looks")
    shown.want([1, 2])
    assert shown.wait(0)
    assert shown.newer([1, 2], 0) == {}
    shown.put(1, b"first")
    shown.put(2, b"second")
    first, second = shown.newer([2, 1], 0).values()
    assert shown.newer([1, 2], min(first.version, second.version)).keys() == {2}
    clock.advance(2.0)
    shown.want([2])
    clock.advance(2.0)
    assert shown.wanted([1, 2, 3]) == [2]
    shown.put(1, b"late")
    assert shown.newer([1, 2], 0).keys() == {2}
    clock.advance(2.0)
    assert shown.wanted([2]) == []
    assert not shown.wait(0)
    assert shown.newer([1, 2], 0) == {}


def test_a_worker_forgets_nothing_of_the_cameras_of_others(clock):
    shown = ShownPictures(clock)
    shown.want([1, 2])
    clock.advance(4.0)
    assert shown.wanted([1]) == []
    assert shown.wait(0), "another worker has camera 2"
