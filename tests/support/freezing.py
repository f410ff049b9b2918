"""Orders to freeze, for tests whose programs are so small that most of them would cut everybody."""

from safeconduct.access.freezes import FreezeOrder
from safeconduct.access.selectors import parse_selection


def ordered(selector: str, reason: str = "a drill", **stated) -> FreezeOrder:
    """Returns an order to freeze, although nobody could go on."""
    return FreezeOrder(selector=parse_selection(selector), reason=reason, everybody=True, **stated)
