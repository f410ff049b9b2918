"""The collections that access keeps in the control state."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from safeconduct.access.admissions import Admission, PathProof
from safeconduct.access.escalation import Ladder
from safeconduct.access.grant_model import GrantsPolicy
from safeconduct.access.identity import IdentityProvider
from safeconduct.access.inventory import Site
from safeconduct.access.lowering import Lowered
from safeconduct.access.model.agreements import Agreement
from safeconduct.access.model.changes import ModelUse, Part, Pending, UsedAct
from safeconduct.access.model.grants import Grant
from safeconduct.access.model.parties import Organization, Principal
from safeconduct.access.model.paths import Scope, SealedPath
from safeconduct.access.model.programs import Epoch, Policies, ProgramRecord, Touched
from safeconduct.access.model.rules import ApprovalRule, ResponseRule
from safeconduct.access.model.stops import Freeze, Restriction
from safeconduct.access.model.tokens import Honeytoken, IssuedCredential, Token
from safeconduct.access.model_assets import ModelAsset
from safeconduct.access.obligations import Obligation
from safeconduct.access.ownership import Authorization, Challenge
from safeconduct.access.passkey_model import Passkey, PasskeyOffer
from safeconduct.access.recertifications import Recertification
from safeconduct.access.unit_costs import UnitCosts
from safeconduct.access.vetting import VettingRules
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Collection, Records, State
from safeconduct.ledger.log_events import current_origin, lineage

ORGANIZATIONS = Collection("organizations", Organization)
AGREEMENTS = Collection("agreements", Agreement)
NEXT_AGREEMENTS = Collection("next-agreements", Agreement)  # in force once the one in AGREEMENTS ends
PRINCIPALS = Collection("principals", Principal)
SCOPES = Collection("scopes", Scope)
PATHS = Collection("paths", SealedPath)
PATH_VERSIONS = Collection("path-versions", SealedPath)  # every version ever published, at `id/version`
GRANTS = Collection("grants", Grant)  # the program's
ISSUED_GRANTS = Collection("issued-grants", Grant)  # in force beside the program's, which never touches them
POLICIES = Collection("policies", Policies)  # one, at `policies`
POLICY_VERSIONS = Collection("policy-versions", Policies)  # every text ever in force, at its digest
APPROVAL_RULES = Collection("approval-rules", ApprovalRule)
RESPONSE_RULES = Collection("response-rules", ResponseRule)
TOKENS = Collection("tokens", Token)  # at the token's id
HONEYTOKENS = Collection("honeytokens", Honeytoken)  # at the honeytoken's id
FREEZES = Collection("freezes", Freeze)
RESTRICTIONS = Collection("restrictions", Restriction)
LOWERED = Collection("lowered", Lowered)  # at `subject/obligation`
MODEL_APPROVALS = Collection("model-approvals", ModelUse)  # at `path/version`
IDENTITY_PROVIDERS = Collection("identity-providers", IdentityProvider)
CREDENTIALS = Collection("credentials", IssuedCredential)  # at `principal/token`
SIGN_INS = Collection("sign-ins", UsedAct)  # at `provider/hash of the nonce`
PASSKEYS = Collection("passkeys", Passkey)  # at the credential's id, for ever
PASSKEY_OFFERS = Collection("passkey-offers", PasskeyOffer)  # at the person's id
VETTING = Collection("vetting-rules", VettingRules)  # one, at `vetting`, where the program has the section
OBLIGATIONS = Collection("obligations", Obligation)  # what the program in force says is owed
RECERTIFICATIONS = Collection("recertifications", Recertification)  # what the program in force wants again and again
MODEL_ASSETS = Collection("model-assets", ModelAsset)  # the register of the program in force
INVENTORY = Collection("own-names", Site)  # each part at its name
ESCALATION = Collection("escalation", Ladder)  # what the program in force says follows a signal, at the signal
ADMISSIONS = Collection("admissions", Admission)  # at the subject's text, such as `principal:ana`
PATH_PROOFS = Collection("path-proofs", PathProof)  # at `principal/path`
AUTHORIZATIONS = Collection("scope-authorizations", Authorization)  # at `scope/kind/asset`, or the rules' digest
SCOPE_CHALLENGES = Collection("scope-challenges", Challenge)  # at `scope/kind/asset`
EPOCHS = Collection("epochs", Epoch)  # one, at `standing`
STANDING_CHANGES = Collection("standing-changes", Touched)  # at the epoch that each made, of the last `CHANGES_KEPT`
PROGRAMS = Collection("programs", ProgramRecord)  # one, at `program`
GRANTS_POLICY = Collection("grants-policy", GrantsPolicy)  # one, at `grants-policy`
UNIT_COSTS = Collection("unit-costs", UnitCosts)  # one, at `value`, where the program has the section
PENDING = Collection("pending", Pending)  # at the request's entry id
PARTS = Collection("change-parts", Part)  # at the part's entry id, until the request that names it
USED_ACTS = Collection("used-acts", UsedAct)  # at `actor/nonce`

STANDING = frozenset(
    collection.name
    for collection in (
        ORGANIZATIONS,
        AGREEMENTS,
        PRINCIPALS,
        SCOPES,
        PATHS,
        ISSUED_GRANTS,
        GRANTS,
        POLICIES,
        TOKENS,
        HONEYTOKENS,
        FREEZES,
        RESTRICTIONS,
        LOWERED,
        MODEL_APPROVALS,
        VETTING,
        INVENTORY,
        ADMISSIONS,
        PATH_PROOFS,
        AUTHORIZATIONS,
        PROGRAMS,
    )
)
"""What a call is judged by. Each of them has a row in `access/patching.py`, which patches the standing by it."""

CHANGES_KEPT = 256
"""Changes of standing of which it stays known what they touched. Who missed more compiles the standing anew."""

GRANTS_POLICY_KEY = "grants-policy"
POLICIES_KEY = "policies"
VETTING_KEY = "vetting"
UNIT_COSTS_KEY = "value"
EPOCH_KEY = "standing"
PROGRAM_KEY = "program"


def grants(records: Records) -> Iterator[Grant]:
    """Yields the grants in force, the program's and those that were issued. A window may be closed."""
    return (grant for _, grant in chain(records.scan(GRANTS), records.scan(ISSUED_GRANTS)))


def grant(records: Records, grant_id: str) -> Grant | None:
    """Returns a grant in force: one of the program, or an issued grant."""
    return records.get(GRANTS, grant_id) or records.get(ISSUED_GRANTS, grant_id)


def program_in_force(records: Records) -> ProgramRecord | None:
    """Returns which program is in force, if any."""
    return records.get(PROGRAMS, PROGRAM_KEY)


def agreement_in_force(records: Records) -> Agreement | None:
    """Returns the agreement in force, if any, with the log that its entries go to now."""
    program = program_in_force(records)
    agreement = records.get(AGREEMENTS, program.agreement) if program else None
    return agreement and replace(agreement, origin=current_origin(records, agreement.origin))


def latest_agreement(records: Records, agreement: str) -> Agreement | None:
    """Returns the newest version of an agreement that stands: the one that is to follow, else the one in force."""
    return records.get(NEXT_AGREEMENTS, agreement) or records.get(AGREEMENTS, agreement)


def joint_logs(records: Records) -> tuple[Origin, ...]:
    """Returns the logs of the agreement in force, oldest first: entries go to the last, data keys are there of all.

    Raises:
        UnavailableError: `no-program`.
    """
    agreement = require_agreement(records)
    first = records.get(AGREEMENTS, agreement.id) or agreement
    return lineage(records, first.origin)


def require_agreement(records: Records) -> Agreement:
    """Returns the agreement in force.

    Raises:
        UnavailableError: `no-program`.
    """
    agreement = agreement_in_force(records)
    if agreement is None:
        raise UnavailableError("no program is in force", code="no-program", remedy="safeconduct program apply FILE")
    return agreement


def epoch(records: Records) -> int:
    """Returns how many entries have changed who may do what."""
    found = records.get(EPOCHS, EPOCH_KEY)
    return found.number if found else 0


def advance_epoch(state: State, touched: Iterable[tuple[str, str]]) -> None:
    """Marks every standing compiled before as out of date, and says which records did that: collection and key."""
    number = epoch(state) + 1
    state.put(EPOCHS, EPOCH_KEY, Epoch(number=number))
    state.put(STANDING_CHANGES, _change_key(number), Touched(records=tuple(sorted(touched))))
    if number > CHANGES_KEPT:
        state.delete(STANDING_CHANGES, _change_key(number - CHANGES_KEPT))


def touched_since(records: Records, number: int) -> frozenset[tuple[str, str]] | None:
    """Returns which records changed after an epoch, by collection and key; None where that is not known."""
    now = epoch(records)
    if not now - CHANGES_KEPT <= number <= now:
        return None
    touched = set[tuple[str, str]]()
    for later in range(number + 1, now + 1):
        change = records.get(STANDING_CHANGES, _change_key(later))
        if change is None:
            return None
        touched.update(change.records)
    return frozenset(touched)


def _change_key(number: int) -> str:
    return f"{number:020d}"
