"""Passkeys of the people of the granting program: registered, confirmed, and what is done with them."""

from safeconduct.access.passkeys import (
    challenge_of,
    check_size,
    confirm,
    offer,
    offer_to_signed_in,
    passkeys,
    register,
    revoke,
)
from safeconduct.http.acts import content_of
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.acts import Act
from support.authenticator import SITE, Authenticator
from support.granting import Granting, granting_program
from support.sign_ins import signs_in, with_sign_ins

HERE = "POST /api/v1/passkeys"


class Passkeys(Granting):
    """Granting, where people also sign with passkeys. `entropy` never gives the same twice."""

    def __init__(self, source=None):
        super().__init__(source or with_sign_ins(granting_program()))
        self.drawn = 0

    def entropy(self, count):
        self.drawn += 1
        return self.drawn.to_bytes(count)

    def offered(self, by):
        act, said = self.act(by, f"{HERE}/offers")
        return self.writer.run(lambda tx: offer(tx, self.entropy, act, **said))

    def offered_to_signed_in(self, secret=None):
        token = secret or signs_in(self.writer).secret
        return self.writer.run(lambda tx: offer_to_signed_in(tx, self.entropy, token))

    def register(self, offered, made, *, secret=None, **wrong):
        secret = secret or offered.secret
        registration = made.register(challenge_of(secret), **wrong)
        check_size(registration)
        found = registration.verify(challenge_of(secret), SITE)
        return self.writer.run(lambda tx: register(tx, offered.principal, secret, found, registration))

    def confirm(self, passkey, by, *, fingerprint=""):
        act, said = self.act(by, f"{HERE}/{passkey.id}/confirm")
        said |= {"passkey_id": passkey.id, "fingerprint": fingerprint or passkey.fingerprint}
        return self.writer.run(lambda tx: confirm(tx, act, **said))

    def revoke(self, passkey, by, *, reason="lost", act=None):
        signed, said = self.act(by, f"{HERE}/{passkey.id}/revoke")
        return self.writer.run(lambda tx: revoke(tx, act or signed, **said, passkey_id=passkey.id, reason=reason))

    def given(self, person, confirmer, **made):
        """Registers a passkey of a person, confirmed; returns the authenticator and the passkey."""
        held = Authenticator(person, **made)
        return held, self.confirm(self.register(self.offered(person), held), confirmer)

    def act_by(self, held, actor, operation, body=b"{}", **wrong):
        self.drawn += 1
        act = Act(
            actor=actor,
            operation=operation,
            content=content_of(body),
            at=rfc3339(self.now),
            nonce=f"p{self.drawn:031x}",
        )
        return held.act(act, **wrong)

    def listed(self):
        return passkeys(self.state)
