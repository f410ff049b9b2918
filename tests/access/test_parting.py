"""What both parties take along: each opens its own fields from the folder alone, and nobody anything else."""

import msgspec
import pytest
from cryptography.exceptions import InvalidTag

from safeconduct.access.parting import parting_files
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import AbsentError, RefusedError, SafeconductError
from safeconduct.kernel.ids import Origin
from safeconduct.ledger.envelope import decode_leaf, unseal
from safeconduct.ledger.export import payload_path, verify_files
from safeconduct.ledger.log_events import SUCCESSORS, Successor
from safeconduct.ledger.records import StoredRecords
from safeconduct.ledger.sealing import WrappedKey
from safeconduct.ledger.tiled import TiledLog
from safeconduct.ledger.trust import Trust
from safeconduct.ledger.wrapping import ReaderSecret
from support.gateway_world import AGREEMENT, INSTALLATION, SIGNERS, log_world
from support.logs import START
from support.readers import reader_secret, with_readers
from support.sealed_house import SealedHouse, logs_of

KEY = SIGNERS[AGREEMENT].verifier
LATER = Origin(f"{AGREEMENT}/2")
TRUST = Trust(log=KEY)


def secret(name):
    return ReaderSecret(reader_secret(name).private_bytes_raw())


@pytest.fixture
def house():
    with log_world(program=with_readers()) as world:
        yield SealedHouse(world)


def parted(world, origin=AGREEMENT):
    """Returns the files of the folder, by path."""

    def more(frozen):
        return list(parting_files(StoredRecords(frozen), origin, SIGNERS[origin].verifier, world.keys))

    return dict(logs_of(world).export(origin, payloads=True, more=more))


def wrapped(files, reader):
    lines = files.get(f"wrapped/{reader}.jsonl", b"").splitlines()
    return {one.id: one for one in (msgspec.json.decode(line, type=WrappedKey) for line in lines)}


def opened(files, reader, entry_id, field):
    """Opens a field as a reader does who has the folder, its own secret key and nothing else."""
    leaf = next(
        one
        for one in (decode_leaf(placed.leaf) for placed in TiledLog(files.get, TRUST).leaves(0))
        if one.id == entry_id
    )
    key_id = leaf.sealed[field].key
    record = wrapped(files, reader)[key_id]
    key = secret(reader).unwrap(record.wrapped, AGREEMENT, key_id, reader)
    return unseal(leaf, field, files[payload_path(entry_id, field)], key).value


def test_the_folder_verifies_and_a_reader_opens_its_own_from_it(house):
    files = parted(house.world)
    assert verify_files(files.get, sorted(files), TRUST).findings == ()
    assert opened(files, Reader.PROVIDER, house.call, "request") == "a question"
    assert opened(files, Reader.AUDITOR, house.outcome, "released") == "an answer"


def test_nobody_opens_what_is_another_s_from_it(house):
    files = parted(house.world)
    for reader, entry, field in (
        (Reader.PROVIDER, house.call, "sent"),
        (Reader.PROVIDER, house.outcome, "released"),
        (Reader.AUDITOR, house.call, "request"),
    ):
        with pytest.raises(KeyError):
            opened(files, reader, entry, field)
    (record,) = wrapped(files, Reader.AUDITOR).values()
    with pytest.raises((SafeconductError, InvalidTag)):
        secret("provider").unwrap(record.wrapped, AGREEMENT, record.id, Reader.AUDITOR)
    everything = b"".join(files.values())
    assert house.world.keys.ids
    for key in house.world.keys.keys.values():
        assert key not in everything
        assert key.hex().encode() not in everything


def test_a_key_of_another_log_is_not_in_it(house):
    files = parted(house.world)
    assert {one.origin for reader in Reader for one in wrapped(files, reader).values()} == {AGREEMENT}


def test_only_the_log_of_an_agreement_in_force_has_two_parties(house):
    with pytest.raises(RefusedError) as refused:
        parted(house.world, INSTALLATION)
    assert refused.value.code == "not-the-agreements-log"


class Closed:
    """Records in which the agreement's log was closed and goes on in another."""

    def __init__(self, records):
        self._records = records
        self._later = Successor(origin=LATER, at=START, reason="its key was lost")

    def get(self, collection, key):
        return self._later if (collection, key) == (SUCCESSORS, AGREEMENT) else self._records.get(collection, key)

    def scan(self, collection, prefix=""):
        found = self._records.scan(collection, prefix)
        return [(AGREEMENT, self._later)] if collection == SUCCESSORS else found


def test_a_closed_log_of_the_agreement_is_given_too_and_named(house):
    with house.world.store.snapshot() as records:
        for origin in (AGREEMENT, LATER):
            given = dict(parting_files(Closed(records), origin, KEY, house.world.keys))
            assert msgspec.json.decode(given["agreement.json"])["closed_logs"] == [AGREEMENT]
        with pytest.raises(RefusedError):
            list(parting_files(Closed(records), INSTALLATION, KEY, house.world.keys))
        given = dict(parting_files(records, AGREEMENT, KEY, house.world.keys))
        assert msgspec.json.decode(given["agreement.json"])["closed_logs"] == []


def test_a_log_that_is_not_there_gives_nothing(house):
    with pytest.raises(AbsentError):
        next(logs_of(house.world).export("safeconduct.example/none", payloads=True))
