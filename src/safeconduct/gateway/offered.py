"""Which models a caller may use now: those that a call would pass steps 1 to 6 with, whatever it said.

docs/spec/paths.md section 5. A model that is not offered is not told of, for whatever reason it is not.
"""

from safeconduct.access.standing import Decide, Standing
from safeconduct.gateway.arriving import Arrival, admit, check_words, decision_request, sign_in_tier
from safeconduct.gateway.providers import Upstreams, askable
from safeconduct.kernel.errors import AbsentError, RefusedError, UnavailableError


def offered(
    standing: Standing, upstreams: Upstreams, arrival: Arrival, family: str, *, decide: Decide
) -> tuple[str, ...]:
    """Returns every name that a call like this may ask for, in the path's order. `family` is `openai` or `anthropic`.

    Raises:
        DialectError: a header that decides something is none.
        UnauthenticatedError, AbsentError, RefusedError: as `admit`.
    """
    admitted = admit(standing, arrival)
    check_words(arrival)
    path, principal = admitted.path, admitted.principal
    if not any(dialect.partition(".")[0] == family for dialect in path.dialects):
        return ()
    try:
        askable(path, upstreams)
    except (UnavailableError, RefusedError):
        return ()  # nothing could be asked: a call says why
    there = standing.compiled[path.id].there_for(standing.reach_on(principal, path.id))
    signed_in = sign_in_tier(standing, arrival)
    names = dict.fromkeys(
        name for model in there if signed_in is None or model.tier <= signed_in for name in model.names
    )
    token = standing.token_id(arrival.token)
    return tuple(
        name
        for name in names
        if standing.authorize(decision_request(arrival, principal, path, name, token=token), decide)[0].allowed
    )


def find_offered(names: tuple[str, ...], name: str) -> str:
    """Returns the name if it is offered.

    Raises:
        AbsentError: `model-unknown`, the same whether there is no such model or none for this caller now.
    """
    if name not in names:
        raise AbsentError(f"there is no model {name[:128]!r} for you here", code="model-unknown")
    return name
