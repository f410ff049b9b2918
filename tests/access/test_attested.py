"""Who destroyed what, told from a log's entries with public keys alone; each signature that is not there is missed."""

import hashlib
from dataclasses import replace

import pytest

from safeconduct.access.attested import Attested, shown_orders
from safeconduct.access.certifying import HOUSE_METHOD, certify, certify_house
from safeconduct.access.cosigning import complete_cosign
from safeconduct.access.destruction import order_destruction
from safeconduct.adapters.memory.keys import MemoryKeys
from safeconduct.kernel.entries import Reader, Retention
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.certificates import Certificate, keys_digest, sign_certificate
from safeconduct.ledger.sealing import DataKeyName, KeySelector, Readership
from support.logs import Counting
from support.logs import signer as log_signer
from support.programs import KEYS, cosigned, in_force, signed
from support.readers import PROVIDER_KEY, with_readers

AGREEMENT = Origin("safeconduct.example/demo/ag-2026-01")
LOG = log_signer(AGREEMENT)
PROVIDER = KEYS["ops"].public
BODY = b"{}"
BOTH = frozenset({Reader.PARTNER, Reader.PROVIDER})
SHARED = Readership(readers=BOTH, house=True, wrap_for={Reader.PROVIDER: PROVIDER_KEY})


class Story:
    """One key of two holders, ordered to be destroyed, in force, and certified by both."""

    def __init__(self):
        self.writer, self.keys = in_force(with_readers()), MemoryKeys(Counting())
        name = DataKeyName(origin=AGREEMENT, subject="ana", retention=Retention.CALL, readers=BOTH)
        self.key = self.keys.make(name, SHARED).id
        self.keys.commit()
        selector = KeySelector(origin=AGREEMENT, subject="ana")
        self.order = self.act("/api/v1/logs/destructions", order_destruction, self.keys, selector, "asked for")

    def act(self, path, use_case, *arguments):
        operation = f"POST {path}"
        act = signed("ops", operation, BODY, self.writer.now)
        content = hashlib.sha256(BODY).hexdigest()
        return self.writer.run(lambda tx: use_case(tx, act, *arguments, operation=operation, content=content))

    def cosign(self):
        index = next(n for n, entry in enumerate(self.entries()) if entry.id == self.order.id)
        note = cosigned(AGREEMENT, index + 1)
        self.writer.run(lambda tx: complete_cosign(tx, self.order.id, note, index=index))

    def certify(self, *, by=LOG, **changes):
        at = self.writer.now
        said = Certificate(
            origin=AGREEMENT,
            order=self.order.id,
            holder=Reader.PARTNER,
            method=HOUSE_METHOD,
            at=at,
            count=1,
            digest=keys_digest([self.key]),
        )
        note = sign_certificate(replace(said, **changes), by)
        self.writer.run(lambda tx: certify_house(tx, self.order.id, note, at))

    def certify_provider(self, order=""):
        path = f"/api/v1/logs/destructions/{order or self.order.id}/certificates"
        self.act(path, certify, self.order.id, [self.key], "shredded")

    def entries(self):
        return [entry for entry in self.writer.entries if entry.origin == AGREEMENT]

    def shown(self, signers=(PROVIDER,)):
        (order,) = shown_orders(self.entries())
        return order.in_force, {one.holder: one for one in order.attested([LOG.verifier], signers)}


@pytest.fixture
def story():
    return Story()


def test_before_anybody_certified_nothing_is_destroyed(story):
    in_force_now, holders = story.shown()
    assert not in_force_now
    assert holders[Reader.PROVIDER] == Attested(holder=Reader.PROVIDER, keys=1)
    story.cosign()
    in_force_now, holders = story.shown()
    assert in_force_now
    assert [one.destroyed for one in holders.values()] == [False, False]


def test_both_holders_signatures_show_it(story):
    story.cosign()
    story.certify()
    story.certify_provider()
    _, holders = story.shown()
    assert [(one.holder, one.destroyed, one.method) for one in holders.values()] == [
        (Reader.PARTNER, True, HOUSE_METHOD),
        (Reader.PROVIDER, True, "shredded"),
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"by": log_signer(Origin("another.example"))}, "no known key of the log signed its certificate"),
        ({"order": "01KAK00000000000000000000A"}, "about something else"),
        ({"holder": Reader.PROVIDER}, "about something else"),
        ({"method": "said otherwise"}, "about something else"),
        ({"digest": keys_digest(["00" * 16])}, "about something else"),
    ],
)
def test_a_house_that_certifies_something_else_has_shown_nothing(story, changes, problem):
    story.cosign()
    story.certify(**changes)
    _, holders = story.shown()
    assert not holders[Reader.PARTNER].destroyed
    assert problem in holders[Reader.PARTNER].problem


def test_another_holder_s_act_counts_by_the_key_of_who_signed(story):
    story.cosign()
    story.certify_provider()
    for signers in ((), (KEYS["stranger"].public,)):
        _, holders = story.shown(signers)
        assert holders[Reader.PROVIDER].problem == "no given key of ops signed it"
    assert story.shown()[1][Reader.PROVIDER].destroyed


def test_an_act_about_another_order_is_no_certificate(story):
    story.cosign()
    story.certify_provider(order="01KAK00000000000000000000A")
    assert story.shown()[1][Reader.PROVIDER].problem == "its signed act is about something else"


def test_a_certificate_for_fewer_keys_is_none(story):
    story.cosign()
    story.certify()
    (order,) = shown_orders(story.entries())
    entry, said = order.certified[Reader.PARTNER]
    order.certified[Reader.PARTNER] = entry, replace(said, keys=())
    (house, _) = order.attested([LOG.verifier], [PROVIDER])
    assert house.problem == "it names other keys than the order"
