"""Carries out an order to destroy data keys at the house, and certifies it."""

from safeconduct.access.certifying import HOUSE_METHOD, certify_house
from safeconduct.access.destruction import find_order, refuse_held
from safeconduct.access.destruction_events import Destruction
from safeconduct.bootstrap.installation import Installation
from safeconduct.kernel.effects import Effect
from safeconduct.kernel.ids import EntryId
from safeconduct.ledger.certificates import Certificate, keys_digest, sign_certificate
from safeconduct.ledger.log_events import current_origin
from safeconduct.ledger.sealing import HOUSE


def destroy(installation: Installation, effect: Effect) -> None:
    """Destroys the house's keys of an order, unless a hold is on one, and records the certificate.

    Done again after a crash it ends as if there had been none.

    Raises:
        RefusedError: `legal-hold`; the order stays and is tried again.
        UnavailableError: a key may still be there.
    """
    order = _order(installation, effect)
    keys = order.keys_of(HOUSE)

    def refuse_if_held() -> None:
        with installation.snapshot() as records:
            refuse_held(records, installation.keys, keys, order.origin)

    installation.writer.destroy_keys(keys, refuse_if_held)
    with installation.snapshot() as records:
        log = current_origin(records, order.log)  # where the certificate's entry will stand
    certificate = Certificate(
        origin=log,
        order=order.id,
        holder=HOUSE,
        method=HOUSE_METHOD,
        at=installation.clock.now(),
        count=len(keys),
        digest=keys_digest(keys),
    )
    note = sign_certificate(certificate, installation.log_keys.signer(log))
    installation.writer.submit(lambda tx: certify_house(tx, order.id, note, certificate.at)).result()


def _order(installation: Installation, effect: Effect) -> Destruction:
    with installation.snapshot() as records:
        return find_order(records, EntryId(effect.body["order"]))
