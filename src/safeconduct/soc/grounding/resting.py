"""Rules 9 and 10: a verdict rests on verified claims, and nothing of an event's text fills a field of ours."""

from safeconduct.kernel.decisions import Reason
from safeconduct.soc.claims import CITED_MAX, NAME, AuthorKind, Claim, ClaimKind, make_claim
from safeconduct.soc.grounding.clearing import clears
from safeconduct.soc.grounding.model import Context, broken
from safeconduct.soc.predicates import Judgment, Verdict


def rests_on_verified(claim: Claim, context: Context) -> Reason | None:
    """Rule 9: a verdict rests on verified claims, and one that clears an incident on more than that."""
    predicate = claim.predicate
    if not isinstance(predicate, Verdict):
        return None
    if not 0 < len(predicate.claims) <= CITED_MAX or len(set(predicate.claims)) != len(predicate.claims):
        return broken(9, "no-grounds", f"a verdict rests on 1 to {CITED_MAX} different claims")
    if any(id_ not in context.verified for id_ in predicate.claims):
        return broken(9, "grounds-unverified", "a claim that the verdict rests on is not verified")
    if predicate.judgment is not Judgment.TRUE_POSITIVE:
        return clears(claim, predicate, context)
    if not any(context.verified[id_].kind is ClaimKind.TECHNIQUE for id_ in predicate.claims):
        return broken(9, "no-technique", "a true positive rests on at least one verified technique")
    return None


def is_ours(claim: Claim, _context: Context) -> Reason | None:
    """Rule 10: text of events is data: it names no author, and nobody but a person adds free text."""
    author = claim.author
    if not NAME.fullmatch(author.name) or not NAME.fullmatch(author.version):
        return broken(10, "author-malformed", "the author's name or version is none")
    if author.call and not NAME.fullmatch(author.call):
        return broken(10, "author-malformed", "the author's call is no id")
    if make_claim(claim.incident, author, claim.predicate, serial=claim.serial).id != claim.id:
        return broken(10, "id-forged", "the claim's id is not the one its content gives")
    if claim.note and author.kind is not AuthorKind.PERSON:
        return broken(10, "free-text", "only a person may add a note")
    return None
