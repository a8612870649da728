"""The one error that ends a command of the stack with a message instead of a trace."""


class StackError(Exception):
    """Something the person at the terminal can act on; the text says what happened and what to change."""
