"""Which names there are, for who gave one that there is not."""

from collections.abc import Iterable

NAMES_TOLD_MAX = 20
"""Names that an error lists: a screen of them."""


def there_is(names: Iterable[str], done: str) -> str:
    """Returns the end of a sentence about a name that is not there: which names are, or that none is `declared`."""
    known = list(names)
    if not known:
        return f"none is {done}"
    left = len(known) - NAMES_TOLD_MAX
    return f"there is {', '.join(known[:NAMES_TOLD_MAX])}" + (f" and {left} more" if left > 0 else "")
