import pytest

from live_cam.errors import OutputError, SourceError, UsageError
from live_cam.text import encodable, near_names, percent


@pytest.mark.parametrize("text", ["", "Löwe 獅子 🦁.mp4", "a\nb\x1b"])
def test_text_stays(text):
    assert encodable(text) == text


def test_bytes_that_are_no_text_become_escapes():
    assert encodable("caf\udce9.mp4") == r"caf\udce9.mp4"


@pytest.mark.parametrize("kind", [OutputError, SourceError, UsageError])
def test_the_message_of_an_error_can_be_sent(kind):
    assert str(kind("caf\udce9.mp4 does not exist")) == r"caf\udce9.mp4 does not exist"


def test_a_probability_that_is_not_zero_is_not_shown_as_zero():
    assert [percent(value) for value in (0.0, 1e-9, 0.0049, 0.0051, 0.5, 0.999)] == [
        *("0 %", "<1 %", "<1 %", "1 %", "50 %", "100 %")
    ]


@pytest.mark.parametrize(
    ("word", "near"), [("exlpain", ["explain"]), ("DEMO", ["demo"]), ("demo", ["demo"]), ("lion", []), ("", [])]
)
def test_names_that_a_word_may_mean(word, near):
    assert near_names(word, ["explain", "demo", "serve"]) == near
