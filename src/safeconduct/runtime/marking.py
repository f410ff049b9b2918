"""What this installation's secret makes of a call: marks for watch and labels, and the path's canary to look for."""

from collections.abc import Callable

from safeconduct.access.model.parties import Principal
from safeconduct.access.standing import Standing
from safeconduct.boundary.canaries import canary_of
from safeconduct.gateway.arriving import Arrival
from safeconduct.gateway.hinting import attacked, probed
from safeconduct.gateway.labelling import Conversation, caller_of, conversation
from safeconduct.gateway.output import OutputInspector
from safeconduct.gateway.ports import Inspector
from safeconduct.gateway.prepared import Prepared
from safeconduct.gateway.terms import CallTerms
from safeconduct.gateway.traits import Marker, Traits


class Marking:
    """Of one worker. Without a secret nothing is marked, and no answer holds a canary."""

    def __init__(self, secret: bytes, standing: Callable[[], Standing], inspector: Inspector) -> None:
        self._secret = secret
        self._marker = Marker(secret) if secret else None
        self._standing = standing
        self._inspector = inspector

    def terms(self, prepared: Prepared) -> CallTerms:
        """Returns what a call's machine must know. A path with rules for its output has an inspector of its own."""
        rules, path = prepared.path.output, prepared.path.id
        if rules is None:
            return prepared.terms(self._inspector)
        canary = canary_of(self._secret, path) if self._secret else ""
        originals = tuple(prepared.protected.used.values()) if prepared.protected else ()
        return prepared.terms(OutputInspector(path, rules, canary=canary, originals=originals))

    def traits(self, arrival: Arrival, principal: Principal, body: bytes) -> Traits | None:
        """Returns the marks that a call's entries bear for watch; None where this installation has no secret."""
        if self._marker is None:
            return None
        return self._marker.traits(
            organization=principal.organization,
            session=arrival.session,
            client=arrival.client,
            token=self._standing().issued_as(arrival.token),
            body=body,
        )

    def network(self, client: str) -> str:
        """Returns the mark of a client's network; empty where this installation has no secret."""
        return self._marker.network(client) if self._marker else ""

    def conversation(self, prepared: Prepared) -> Conversation | None:
        """Returns what a call says, marked, to be labelled; None where its path labels nothing."""
        if prepared.transcript is None or not prepared.path.labelled:
            return None
        hints, unread = prepared.hints, prepared.hidden.places if prepared.hidden else frozenset[str]()
        said, whose = prepared.transcript, caller_of(prepared)
        return conversation(whose, said, self._secret, attacked(hints), probed(hints), unread=unread)
