"""One request to a SIEM that is asked, and what its answer means."""

from collections.abc import Mapping
from typing import Any

from safeconduct.adapters.siem.web import Answer, Web, refuse_if_not_taken
from safeconduct.kernel.errors import AbsentError, UnavailableError
from safeconduct.ledger.shipping import DestinationBusyError

NOT_FOUND, FIRST_ERROR = 404, 400


def ask(
    web: Web, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", *, who: str
) -> Mapping[str, Any]:
    """Returns the JSON object that a SIEM answers.

    Raises:
        UnavailableError: `siem-busy`, `siem-refused`, `siem-garbled`.
        AbsentError: what the path names is not there (`siem-alert-unknown`).
    """
    try:
        answer = web.send(method, path, headers, body)
        if answer.status == NOT_FOUND:
            raise AbsentError(
                f"{who} knows no such alert", code="siem-alert-unknown", remedy="it may have been deleted"
            )
        refuse_if_not_taken(answer, who)
        if answer.status >= FIRST_ERROR:
            raise _refused(answer, who)
        return answer.document()
    except DestinationBusyError as error:
        code = "siem-garbled" if error.code == "destination-garbled" else "siem-busy"
        raise UnavailableError(str(error), code=code, remedy="ask again later") from error
    except UnavailableError as error:
        if error.code != "destination-refused":
            raise
        raise UnavailableError(
            str(error), code="siem-refused", remedy="check the address, the credential and its rights"
        ) from error


def garbled(who: str, what: str) -> UnavailableError:
    """Returns the error for an answer that its API does not describe."""
    return UnavailableError(f"{who} answered {what}", code="siem-garbled", remedy="ask again; report it if it stays")


def rows(found: Any, who: str) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    """Returns a list of JSON objects as it came.

    Raises:
        UnavailableError: it is none (`siem-garbled`).
    """
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise garbled(who, "no list of rows")
    return found


def _refused(answer: Answer, who: str) -> UnavailableError:
    return UnavailableError(
        f"{who} refuses this: {answer.told}", code="siem-refused", remedy="check the table's names for its fields"
    )
