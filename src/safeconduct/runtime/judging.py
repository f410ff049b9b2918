"""Asking the machine's classifier about a request. What it fails to say is a hint too: that nobody read it."""

from safeconduct.boundary.model import Hint
from safeconduct.gateway.classifying import judged, pieces_of
from safeconduct.gateway.ports import Classifier
from safeconduct.gateway.prepared import Prepared
from safeconduct.kernel.errors import UnavailableError


async def judgment(classifier: Classifier | None, prepared: Prepared) -> tuple[Hint, ...]:
    """Returns the hints of a classifier in a request that has not been judged; that it was not read, where none is."""
    rule, transcript = prepared.path.hint_classifier, prepared.transcript
    if rule is None or transcript is None:
        raise RuntimeError("only a call whose path asks for it is judged")
    pieces, left = pieces_of(transcript)
    try:
        said = await classifier.classify([one.text for one in pieces]) if classifier and pieces else None
    except UnavailableError:
        said = None
    return judged(rule, pieces, left, said)
