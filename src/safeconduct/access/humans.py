"""Who is one human, whatever accounts they have or had: one account has one vote, and so has one human.

A program names no human twice, but programs follow one another: an account that is closed and opened under another
name is the same pair of eyes as long as anything that it did counts. docs/spec/program.md.
"""

from dataclasses import dataclass

from safeconduct.access.model.parties import Principal, PrincipalKind
from safeconduct.kernel.ids import PrincipalId
from safeconduct.kernel.ports import Collection, Records, State
from safeconduct.ledger.keys import PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person's account and all that programs ever said of whose it is; kept when the account is closed."""

    principal: PrincipalId
    marks: tuple[str, ...]


ACCOUNTS = Collection("human-accounts", Account)  # at the principal's id, for ever


def stated_human(principal: Principal) -> str:
    """Returns who the program says that a principal is; empty where it does not say."""
    return f"human:{principal.human.casefold()}" if principal.human else ""


def note_account(state: State, principal: Principal) -> None:
    """Remembers whose account this is, beside whose it was."""
    if principal.kind is not PrincipalKind.PERSON:
        return
    former = state.get(ACCOUNTS, principal.id)
    marks = tuple(sorted(_marks(principal).union(former.marks if former else ())))
    account = Account(principal=principal.id, marks=marks)
    if account != former:
        state.put(ACCOUNTS, principal.id, account)


def accounts_of(records: Records, principal: PrincipalId) -> frozenset[PrincipalId]:
    """Returns the accounts of the human behind one, this one and closed ones too; of a service only itself.

    Accounts are one human's if the program ever stated one `human`, one key or one sign-in for both. So a name that is
    given to somebody else still stands for both people: in doubt two accounts are one pair of eyes.
    """
    own = records.get(ACCOUNTS, principal)
    marks = set(own.marks) if own else set[str]()
    others = (one.principal for _, one in records.scan(ACCOUNTS) if marks.intersection(one.marks)) if marks else ()
    return frozenset((principal, *others))


def _marks(principal: Principal) -> set[str]:
    signs_in = principal.identity
    stated = (
        stated_human(principal),
        f"key:{PublicKey.parse(principal.key).raw.hex()}" if principal.key else "",
        f"sign-in:{signs_in.provider}/{signs_in.subject}" if signs_in else "",
    )
    return {one for one in stated if one}
