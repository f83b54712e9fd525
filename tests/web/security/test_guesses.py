"""Wrong tokens: how long their address waits, and what is kept and logged of them."""

from __future__ import annotations

import pytest

from live_cam.web.security.guesses import _MAX_ADDRESSES, WrongTokens
from tests.clocks import FakeClock

LAPTOP = "192.168.1.7"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def wrong_tokens(clock) -> WrongTokens:
    return WrongTokens(clock)


def guess(wrong_tokens: WrongTokens, clock: FakeClock, count: int, address: str = LAPTOP) -> list[float]:
    """Sends wrong tokens as fast as possible, and returns the times to wait after each."""
    waits_s = []
    for _ in range(count):
        clock.advance(wrong_tokens.wait_s(address))
        assert wrong_tokens.wait_s(address) == 0
        wrong_tokens.add(address)
        waits_s.append(wrong_tokens.wait_s(address))
    return waits_s


def test_after_a_few_guesses_each_wait_is_twice_as_long_up_to_a_minute(wrong_tokens, clock):
    assert guess(wrong_tokens, clock, 15) == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 64, 64, 64, 64]


def test_guessing_for_weeks_is_as_slow(wrong_tokens, clock):
    guess(wrong_tokens, clock, 2000)
    assert wrong_tokens.wait_s(LAPTOP) == 64


def test_others_do_not_wait(wrong_tokens, clock):
    guess(wrong_tokens, clock, 10)
    assert wrong_tokens.wait_s("192.168.1.8") == 0


def test_guesses_are_forgotten_after_a_while_without_any(wrong_tokens, clock):
    guess(wrong_tokens, clock, 10)
    clock.advance(601)
    assert guess(wrong_tokens, clock, 5) == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "unix:", True),
    ],
)
def test_an_address_is_what_one_client_has_to_itself(wrong_tokens, clock, first, second, same):
    guess(wrong_tokens, clock, 6, first)
    assert (wrong_tokens.wait_s(second) > 0) is same


def test_the_addresses_kept_are_bounded(wrong_tokens, clock):
    for number in range(3 * _MAX_ADDRESSES):
        wrong_tokens.add(f"10.0.{number // 256}.{number % 256}")
    assert len(wrong_tokens._guesses) == _MAX_ADDRESSES


def test_one_line_a_minute_is_logged_at_most(wrong_tokens, clock, caplog):
    guess(wrong_tokens, clock, 4)
    assert caplog.messages == []
    for number in range(100):
        for _ in range(10):
            wrong_tokens.add(f"10.0.0.{number}")
    assert caplog.messages == ["10.0.0.0 sent 5 wrong tokens, and now has to wait between them"]
    clock.advance(60)
    wrong_tokens.add("10.0.0.1")
    assert len(caplog.messages) == 2
