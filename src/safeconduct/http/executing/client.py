"""An executor's way to the gateway: asks for decisions, uses them, tells how runs ended, with a caller's token."""

from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import SplitResult

import msgspec

from safeconduct.adapters.outbound import exchange, require_private, server_address
from safeconduct.boundary.decision_events import RunEnd
from safeconduct.boundary.decisions import Attempt
from safeconduct.http.problems import error_of
from safeconduct.kernel.errors import UnavailableError

ANSWER_S = 15.0
"""Seconds that the gateway gets to answer: its commit takes milliseconds. Then nothing is run."""

ANSWER_BYTES_MAX = 16 * 1024
"""Bytes of an answer: a token, or an error."""

_PLACE = "/api/v1/tool-decisions"
_OK = 200


class Decisions(Protocol):
    """Where an executor gets decisions. All of it may be called from any thread, and blocks."""

    def find(self, attempt: Attempt) -> str:
        """Returns the signed token of the decision on an attempt.

        Raises:
            SafeconductError: there is none, it is a no, or nobody could say.
        """
        ...

    def use(self, decision: str) -> None:
        """Uses a decision up, on record. Only when this returns may the tool run.

        Raises:
            SafeconductError: it was used, or can't be now.
        """
        ...

    def end(self, decision: str, how: RunEnd, result_sha256: str) -> None:
        """Tells how a run ended.

        Raises:
            SafeconductError: it is not on record: for the gateway the end is then unknown.
        """
        ...


@dataclass(frozen=True, slots=True)
class GatewayDecisions:
    """`Decisions` of a gateway at `url`, as the principal of `token`."""

    where: SplitResult
    token: str = field(repr=False)

    @classmethod
    def at(cls, url: str, token: str) -> "GatewayDecisions":
        """Returns the decisions of the gateway at an address.

        Raises:
            InvalidInputError: it is none, or the token would go there in the clear.
        """
        where = server_address(url, "the gateway's address as https://host:port")
        require_private(where)
        return cls(where, token)

    def principal(self) -> str:
        """Returns whose token it is.

        Raises:
            SafeconductError: nobody's, or the gateway does not answer.
        """
        return str(self._ask("GET", "/api/v1/me?denials=0", None)["principal"])

    def find(self, attempt: Attempt) -> str:
        sought = {"tool": attempt.tool, "arguments_sha256": attempt.arguments_sha256, "session": attempt.session}
        return str(self._ask("POST", f"{_PLACE}/find", sought)["token"])

    def use(self, decision: str) -> None:
        self._ask("POST", f"{_PLACE}/use", {"decision": decision})

    def end(self, decision: str, how: RunEnd, result_sha256: str) -> None:
        self._ask("POST", f"{_PLACE}/end", {"decision": decision, "end": how, "result_sha256": result_sha256})

    def _ask(self, method: str, path: str, said: object) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        body = None if said is None else msgspec.json.encode(said)
        try:
            found = exchange(
                self.where,
                method,
                path,
                body=body,
                headers=headers,
                timeout_s=ANSWER_S,
                answer_bytes_max=ANSWER_BYTES_MAX,
            )
            document = msgspec.json.decode(found.body, type=dict[str, Any])
        except (OSError, msgspec.MsgspecError) as error:
            raise UnavailableError(
                f"the gateway did not answer: {error}", code="gateway-away", remedy="nothing was run; retry"
            ) from error
        if found.status != _OK:
            raise error_of(document)
        return document
