"""Accounts of an LDAP directory: locked by its password policy, and their sessions ended, where it keeps them.

Locked is `pwdAccountLockedTime` 000001010000Z, "until an administrator unlocks it" (draft-behera-ldap-password-policy,
section 5.3.3). Sessions are entries below one base, each with an attribute that names the account.
"""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from safeconduct.kernel.errors import RefusedError, UnavailableError
from safeconduct.soc.actions.ports import Order, Standing

ANSWER_S = 10
"""Seconds for connecting, and for each answer."""

SESSIONS_MAX = 10_000
"""Sessions of one account. More is an account that something shares; a person must look."""

LOCKED_TIME, FOR_GOOD = "pwdAccountLockedTime", "000001010000Z"

_SUCCESS, _NO_SUCH_OBJECT, _NO_SUCH_ATTRIBUTE = 0, 32, 16
_REFUSALS = frozenset({34, 48, 49, 50, 53})  # names, credentials and rights: RFC 4511 section 4.1.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """One directory. `account` is the attribute that holds an account's name; `base` where accounts are."""

    host: str
    port: int
    tls: bool
    bind: str
    password: str = field(repr=False)
    base: str
    account: str = "uid"
    ca_file: str = ""

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """Yields what was bound.

        Raises:
            RefusedError: `directory-refused`: it does not let us in.
            UnavailableError: `directory-silent`.
        """
        tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=self.ca_file or None) if self.tls else None
        server = ldap3.Server(self.host, self.port, self.tls, tls=tls, connect_timeout=ANSWER_S, get_info=ldap3.NONE)
        bound = ldap3.Connection(
            server, self.bind, self.password, receive_timeout=ANSWER_S, auto_referrals=False, raise_exceptions=False
        )
        try:
            bound.bind()
            _require(bound.result)
            yield Session(self, bound)
        except LDAPException as error:
            raise UnavailableError(f"the directory gave no answer: {error}", code="directory-silent") from error
        finally:
            bound.unbind()
            if bound.socket is not None:  # which ldap3 leaves open where nobody answered
                bound.socket.close()


@dataclass(frozen=True, slots=True)
class Session:
    """A bound connection."""

    directory: Directory
    bound: Any

    def account(self, name: str) -> tuple[str, str]:
        """Returns an account's entry, and since when it is locked, empty where it is not.

        Raises:
            RefusedError: there is none, or more than one; or it is the one that we are bound as.
        """
        query = f"({self.directory.account}={escape_filter_chars(name)})"
        found = self.entries(self.directory.base, query, [LOCKED_TIME], 2)
        if len(found) != 1:
            raise RefusedError(f"{len(found)} entries are this account's", code="account-unknown")
        if found[0]["dn"].lower() == self.directory.bind.lower():
            raise RefusedError("the account is the one that we are bound as", code="own-account")
        values = found[0]["raw_attributes"].get(LOCKED_TIME) or [b""]
        return found[0]["dn"], values[0].decode("ascii", "replace")

    def entries(self, base: str, query: str, attributes: Sequence[str], most: int) -> list[dict[str, Any]]:
        """Returns entries below a base; none where there is no such base. Raises as `Directory.session`."""
        self.bound.search(base, query, attributes=list(attributes), size_limit=most, time_limit=ANSWER_S)
        if self.bound.result["result"] == _NO_SUCH_OBJECT:
            return []
        _require(self.bound.result)
        return [one for one in self.bound.response if one["type"] == "searchResEntry"]

    def lock(self, entry: str, value: str) -> None:
        """Sets since when an account is locked; empty takes it away."""
        change = (ldap3.MODIFY_REPLACE, [value] if value else [])
        self.bound.modify(entry, {LOCKED_TIME: [change]})
        _require(self.bound.result, _NO_SUCH_ATTRIBUTE)

    def delete(self, entry: str) -> None:
        """Deletes an entry; one that is gone is gone."""
        self.bound.delete(entry)
        _require(self.bound.result, _NO_SUCH_OBJECT)


@dataclass(frozen=True, slots=True)
class AccountLock:
    """`Point` of the kind `disable-user`."""

    directory: Directory

    def look(self, order: Order) -> Standing:
        with self.directory.session() as session:
            _, since = session.account(order.target)
        return Standing(held=since == FOR_GOOD, note={"locked": since})

    def apply(self, order: Order, _before: Standing) -> None:
        with self.directory.session() as session:
            entry, since = session.account(order.target)
            if since != FOR_GOOD:
                session.lock(entry, FOR_GOOD)

    def undo(self, order: Order, before: Standing) -> None:
        with self.directory.session() as session:
            entry, since = session.account(order.target)
            if not before.held and since == FOR_GOOD:
                session.lock(entry, before.note.get("locked", ""))


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """`Point` of the kind `end-sessions`: what is ended stays ended, so that undoing it does nothing."""

    directory: Directory
    base: str
    account: str

    def look(self, order: Order) -> Standing:
        with self.directory.session() as session:
            return Standing(held=not self._sessions(session, order))

    def apply(self, order: Order, _before: Standing) -> None:
        with self.directory.session() as session:
            for entry in self._sessions(session, order):
                session.delete(entry["dn"])

    def undo(self, _order: Order, _before: Standing) -> None:
        return None

    def _sessions(self, session: Session, order: Order) -> list[dict[str, Any]]:
        session.account(order.target)
        query = f"({self.account}={escape_filter_chars(order.target)})"
        return session.entries(self.base, query, [self.account], SESSIONS_MAX)


def _require(result: dict[str, Any], also: int = _SUCCESS) -> None:
    code = result["result"]
    if code in (_SUCCESS, also):
        return
    if code in _REFUSALS:
        raise RefusedError(f"the directory refused: {result['description']}", code="directory-refused")
    raise UnavailableError(f"the directory answered {result['description']}", code="directory-failed")
