"""The one error by which a call is told to come again."""


class Unavailable(Exception):
    """A call can't be served now. `reason` is a word for a counter's label; the text is for the caller."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
