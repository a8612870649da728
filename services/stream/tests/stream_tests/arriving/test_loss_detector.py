"""What the counts of writers say about messages that did not arrive."""

from logstream_stream.arriving.loss_detector import Count, LossDetector, Lost

W, X = b"w", b"x"


def test_the_first_of_a_writer_says_nothing() -> None:
    assert LossDetector().hear(Count(W, 700, 3), "e", [5]) is None


def test_what_comes_one_after_another_is_whole() -> None:
    loss_detector = LossDetector()
    loss_detector.hear(Count(W, 1, 0), "e", [5])
    assert loss_detector.hear(Count(W, 2, 1), "", [6, 7]) is None
    assert loss_detector.hear(Count(W, 2, 1), "", []) is None
    assert loss_detector.hear(Count(W, 3, 1), "e", [8]) is None


def test_what_is_missing_is_reported_once_with_and_without_positions() -> None:
    loss_detector = LossDetector()
    loss_detector.hear(Count(W, 1, 0), "e", [6, 5])
    assert loss_detector.hear(Count(W, 4, 1), "e", [9]) == Lost(numbered=1, unnumbered=1, from_ns=5, epoch="e")
    assert loss_detector.hear(Count(W, 4, 1), "", []) is None
    assert loss_detector.hear(Count(W, 6, 3), "", [20]) == Lost(numbered=0, unnumbered=1, from_ns=9, epoch="e")


def test_a_count_alone_tells_that_the_last_message_is_missing() -> None:
    loss_detector = LossDetector()
    loss_detector.hear(Count(W, 1, 0), "", [])
    assert loss_detector.hear(Count(W, 2, 1), "", []) == Lost(numbered=0, unnumbered=1, from_ns=None, epoch="")
    assert loss_detector.hear(Count(W, 3, 1), "", []) == Lost(numbered=1, unnumbered=0, from_ns=None, epoch="")


def test_writers_are_counted_apart() -> None:
    loss_detector = LossDetector()
    loss_detector.hear(Count(W, 1, 0), "e", [5])
    loss_detector.hear(Count(X, 9, 9), "", [5])
    assert loss_detector.hear(Count(W, 2, 0), "e", [6]) is None
    assert loss_detector.hear(Count(X, 11, 11), "", [7]) == Lost(numbered=0, unnumbered=1, from_ns=5, epoch="")


def test_a_message_that_comes_again_changes_nothing() -> None:
    loss_detector = LossDetector()
    loss_detector.hear(Count(W, 1, 0), "e", [5])
    loss_detector.hear(Count(W, 2, 0), "e", [6])
    assert loss_detector.hear(Count(W, 1, 0), "e", [5]) is None
    assert loss_detector.hear(Count(W, 3, 0), "e", [7]) is None


def test_writers_long_gone_are_forgotten() -> None:
    loss_detector = LossDetector()
    loss_detector.hear(Count(W, 1, 0), "e", [5])
    for number in range(1_024):
        loss_detector.hear(Count(b"%d" % number, 1, 0), "e", [5])
    assert loss_detector.hear(Count(W, 9, 9), "", [5]) is None
