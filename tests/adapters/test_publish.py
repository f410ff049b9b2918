"""Tiles published to a folder and to S3: what stands there is never replaced, and never more than is covered."""

import contextlib
import datetime as dt
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeconduct.adapters.folder import read_folder
from safeconduct.adapters.publish.folder import PublishedFolder
from safeconduct.adapters.publish.s3 import S3Store
from safeconduct.adapters.sigv4 import Credentials, Service, signed_headers
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.instants import Instant
from safeconduct.ledger.checkpoints import Checkpoint, SignedCheckpoint, sign_checkpoint
from safeconduct.ledger.export import export_files, verify_files
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.log_events import KEY_ROTATED, KeyRotated
from safeconduct.ledger.merkle import leaf_hash, root
from safeconduct.ledger.notes import NoteError, NoteSigner
from safeconduct.ledger.publishing import publish
from safeconduct.ledger.rotation import sign_succession
from safeconduct.ledger.tiled import TiledLog
from safeconduct.ledger.tiles import all_tiles, bundles_of, encode_bundle, paths_of, subtrees, tiles_of
from safeconduct.ledger.trust import Trust
from support.leaves import encode_leaf
from support.logs import CALLS, START, Rig, cosigner, signer, thing
from support.s3 import KEY, REGION, SECRET, Bucket, expected_signature

TRUST = Trust(log=signer().verifier, witnesses=(cosigner().verifier,))
PREFIX = "/bucket/log"
CREDENTIALS = Credentials(key=KEY, secret=SECRET)


@contextmanager
def bucket(_folder):
    with Bucket(lambda: dt.datetime.fromtimestamp(START / 1e6, dt.UTC)) as server:
        store = S3Store(server.url + PREFIX, REGION, CREDENTIALS, lambda: START)
        yield store, lambda: {path.removeprefix(f"{PREFIX}/"): held for path, held in server.objects.items()}, server


@contextmanager
def folder(folder):
    def held():
        read, paths = read_folder(folder / "log")
        return {path: read(path) for path in paths}

    yield PublishedFolder(folder / "log"), held, None


KINDS = [bucket, folder]


@pytest.fixture(scope="module")
def grown():
    """A log at some sizes: its files as of each."""
    sizes, files = (1, 3, 256, 300, 700), {}
    with Rig() as rig:
        for before, size in zip((0, *sizes), sizes, strict=False):
            rig.fill(size - before, start=before)
            files[size] = dict(export_files(rig.store, CALLS, signer(), payloads=False))
    return files


def log_of(files, trust=TRUST):
    return TiledLog(files.get, trust)


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_is_published_as_it_grows_and_verifies_at_each_size(kind, grown, tmp_path):
    with kind(tmp_path) as (store, held, _server):
        before, written = 0, {}
        for size, files in grown.items():
            done = publish(log_of(files), store, TRUST)
            assert (done.before, done.size) == (before, size)
            now = held()
            assert now.items() >= {path: files[path] for path in paths_of(size)}.items()
            assert {path: now[path] for path in written if path != "checkpoint"} == written
            covered = {path: now[path] for path in paths_of(size)}
            assert verify_files(covered.get, sorted(covered), TRUST).findings == ()
            written = {path: content for path, content in now.items() if path != "checkpoint"}
            before = size
            assert publish(log_of(files), store, TRUST).files == 0


def test_the_checkpoint_is_written_last_and_with_a_condition(grown, tmp_path):
    with bucket(tmp_path) as (store, _held, server):
        publish(log_of(grown[300]), store, TRUST)
        assert server.writes[-1] == f"{PREFIX}/checkpoint"
        assert server.writes.count(f"{PREFIX}/checkpoint") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_smaller_log_and_another_log_are_not_published_over_it(kind, grown, tmp_path):
    with kind(tmp_path) as (store, held, _server):
        publish(log_of(grown[300]), store, TRUST)
        before = held()
        with pytest.raises(UnavailableError) as told:
            publish(log_of(grown[256]), store, TRUST)
        assert told.value.code == "log-rolled-back"
        with Rig() as rig:
            rig.fill(400, start=1)
            other = dict(export_files(rig.store, CALLS, signer(), payloads=False))
        with pytest.raises(UnavailableError) as told:
            publish(log_of(other), store, TRUST)
        assert told.value.code == "log-forked"
        assert held() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_somebody_else_is_never_replaced(kind, grown, tmp_path):
    with kind(tmp_path) as (store, held, _server):
        store.put("tile/0/000.p/3", b"something else")
        with pytest.raises(UnavailableError) as told:
            publish(log_of(grown[3]), store, TRUST)
        assert told.value.code == "published-otherwise"
        assert "checkpoint" not in held()
        assert held()["tile/0/000.p/3"] == b"something else"


@pytest.mark.parametrize("kind", KINDS)
def test_of_two_publishers_at_once_the_later_checkpoint_stays(kind, grown, tmp_path):
    with kind(tmp_path) as (store, held, _server):
        publish(log_of(grown[3]), store, TRUST)
        earlier = store.get("checkpoint")
        publish(log_of(grown[300]), store, TRUST)
        with pytest.raises(UnavailableError) as told:
            store.replace("checkpoint", grown[256]["checkpoint"], earlier)
        assert told.value.code == "published-meanwhile"
        with pytest.raises(UnavailableError):
            store.replace("checkpoint", grown[256]["checkpoint"], None)
        assert held()["checkpoint"] == grown[300]["checkpoint"]


@pytest.mark.parametrize(
    ("path", "flip"), [("tile/0/000", 5), ("tile/entries/001", 9), ("tile/1/000.p/2", 3), ("tile/0/002.p/188", 5987)]
)
def test_a_damaged_tile_is_never_published(path, flip, grown, tmp_path):
    files = dict(grown[700])
    files[path] = files[path][:flip] + bytes([files[path][flip] ^ 1]) + files[path][flip + 1 :]
    with folder(tmp_path) as (store, held, _server):
        with pytest.raises(UnavailableError) as told:
            publish(log_of(files), store, TRUST)
        assert told.value.code == "log-damaged"
        assert path not in held()
        assert "checkpoint" not in held()


@pytest.mark.parametrize("kind", KINDS)
def test_a_cosignature_that_comes_later_is_published_and_not_lost_again(kind, grown, tmp_path):
    with kind(tmp_path) as (store, held, _server):
        publish(log_of(grown[3]), store, TRUST)
        bare = log_of(grown[3]).signed
        line = cosigner().cosign(bare.note.text, START // 1_000_000)
        cosigned = SignedCheckpoint(bare.checkpoint, bare.note.with_signatures([line]))
        files = grown[3] | {"checkpoint": cosigned.encoded.encode()}
        assert publish(log_of(files), store, TRUST).files == 1
        assert publish(log_of(grown[3]), store, TRUST).files == 0
        assert held()["checkpoint"] == cosigned.encoded.encode()


@pytest.mark.parametrize("fault", ["lose", "drop", "broken", "conflict"])
def test_a_write_that_fails_or_fails_but_is_applied_is_made_good_by_the_next_run(fault, grown, tmp_path):
    with bucket(tmp_path) as (store, held, server):
        publish(log_of(grown[3]), store, TRUST)
        for place in range(6):
            server.script.extend([*[""] * place, fault])
            for _attempt in range(3):
                with contextlib.suppress(UnavailableError):
                    publish(log_of(grown[300]), store, TRUST)
        server.script.clear()
        publish(log_of(grown[300]), store, TRUST)
        now = held()
        covered = {path: now[path] for path in paths_of(300)}
        assert verify_files(covered.get, sorted(covered), TRUST).findings == ()


@pytest.mark.parametrize(
    "changed",
    [
        {"region": "us-east-1"},
        {"credentials": Credentials(key=KEY, secret="other")},
        {"credentials": Credentials(key="other", secret=SECRET)},
        {"now": lambda: Instant(START + 16 * 60 * 1_000_000)},
    ],
)
def test_a_store_lets_nobody_write_whose_signature_is_not_right(changed, grown, tmp_path):
    with bucket(tmp_path) as (_store, _held, server):
        given = {"region": REGION, "credentials": CREDENTIALS, "now": lambda: START} | changed
        store = S3Store(server.url + PREFIX, **given)
        with pytest.raises(UnavailableError) as told:
            publish(log_of(grown[3]), store, TRUST)
        assert told.value.code == "store-failed"
        assert SECRET not in told.value.message
        assert server.objects == {}


@given(
    path=st.text("abcxyz019.-_~", min_size=1, max_size=30),
    method=st.sampled_from(["GET", "PUT"]),
    body=st.binary(max_size=40),
    value=st.text(" ab\t;=", max_size=12),
    drawn=st.tuples(st.integers(0, 4_000_000_000), st.sampled_from(["", "session-token"])),
)
def test_our_signature_is_the_one_that_the_sdk_makes(path, method, body, value, drawn):
    at, session = drawn
    credentials = Credentials(key=KEY, secret=SECRET, session=session)
    headers = {"host": "s3.example:9000", "content-type": value}
    at = Instant(at * 1_000_000)
    service = Service("s3", REGION)
    made = signed_headers(credentials, service, at, method=method, path=f"/{path}", headers=headers, body=body)
    said = made.pop("authorization")
    url = f"http://s3.example:9000/{path}"
    assert said.endswith(
        f"Signature={expected_signature(method, url, made, made['x-amz-date'], session=session or None)}"
    )


def signed_files(leaves, key):
    """Returns the static files of a log of these leaves, its checkpoint signed by a key."""
    hashes = b"".join(leaf_hash(leaf) for leaf in leaves)
    tiles = all_tiles(hashes)
    files = {tile.path: tiles[tile.level, tile.number] for tile in tiles_of(len(leaves))}
    files |= {one.path: encode_bundle(leaves) for one in bundles_of(len(leaves))}
    found = root(len(leaves), subtrees(len(leaves), lambda tile: tiles[tile.level, tile.number]))
    said = sign_checkpoint(Checkpoint(origin=CALLS, size=len(leaves), root=found), key)
    return files | {"checkpoint": said.encoded.encode()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_whose_key_was_rotated_is_published_on_and_another_key_is_not_believed(kind, tmp_path):
    old, new = signer(), NoteSigner(CALLS, SecretKey(bytes([2] * 32)))
    statement = sign_succession(old, new)
    event = KeyRotated(statement=statement, old=old.verifier.text, new=new.verifier.text, request="01")
    drafts = [thing("a"), thing("b"), KEY_ROTATED.draft(event), thing("c")]
    leaves = [encode_leaf(draft, f"01K9ZZZZZZZZZZZZZZZZZZZZZ{n}", START) for n, draft in enumerate(drafts)]
    now = Trust(log=new.verifier)
    with kind(tmp_path) as (store, held, _server):
        publish(log_of(signed_files(leaves[:2], old), Trust(log=old.verifier)), store, Trust(log=old.verifier))
        assert publish(log_of(signed_files(leaves, new), now), store, now).before == 2
        before = held()
        other = NoteSigner(CALLS, SecretKey(bytes([3] * 32)))
        with pytest.raises(NoteError):
            publish(log_of(signed_files(leaves, other), Trust(log=other.verifier)), store, Trust(log=other.verifier))
        assert held() == before
