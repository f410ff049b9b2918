"""What every dialect's errors have in common: code, call, what decided, what would make it pass, where to appeal.

`code` is stable and kebab-case; `call` names the record that both sides can speak of.
"""

from safeconduct.gateway.errors import DialectError
from safeconduct.gateway.remedies import remedy_of
from safeconduct.kernel.errors import SafeconductError


def explained(error: SafeconductError, call: str) -> dict[str, str | None]:
    """Returns the members. `call` is empty where no entry stands for it: then there is nothing to appeal either."""
    remedy = remedy_of(error)
    return {
        "message": f"{error.message}. {remedy}".rstrip(". ") + ".",
        "param": (error.param or None) if isinstance(error, DialectError) else None,
        "code": error.code,
        "call": call or None,
        "clause": error.clause or None,
        "remedy": remedy,
        "appeal": f"/calls/{call}/appeal" if call else None,
    }
