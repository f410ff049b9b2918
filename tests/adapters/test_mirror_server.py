"""The mirror over HTTP: every answer of tlog-mirror, its cosignature only over what is on its disk, interruptions."""

import asyncio
import gzip
import http.client
import shutil
import threading
from itertools import islice

import pytest
from test_quorum import Kept

from safeconduct.adapters.cosigner_folder import Algorithm
from safeconduct.adapters.files import write_atomically
from safeconduct.adapters.folder import read_folder
from safeconduct.adapters.mirror_folder import RESENT_MAX, MirrorFolder
from safeconduct.adapters.outbound import exchange, http_address
from safeconduct.adapters.quorum import cosign_by_quorum
from safeconduct.adapters.refusals import WitnessError
from safeconduct.adapters.witness import WitnessFolder
from safeconduct.adapters.witness_client import WitnessClient
from safeconduct.http.mirror import MirrorApp
from safeconduct.http.witness import WitnessApp
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger.checkpoints import sign_checkpoint
from safeconduct.ledger.evidence import parse_evidence
from safeconduct.ledger.export import verify_files
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.mirror import Upload, encode_package, parse_info
from safeconduct.ledger.notes import NoteSigner, parse_signatures
from safeconduct.ledger.quorums import parse_policy
from safeconduct.ledger.subtree_proofs import Part
from safeconduct.ledger.trust import Trust
from safeconduct.ledger.witness import Submission
from support.liars import Raw, drips, floods, says, served
from support.logs import CALLS, Clock, Counting, Rig, cosigner, signer
from support.patience import PATIENCE_S, until

NAME = "partner.example/mirror"
INFO = "text/x.tlog.mirror-info"


@pytest.fixture(params=Algorithm)
def folder(tmp_path, request):
    MirrorFolder.create(tmp_path / "m", NAME, Counting(), request.param)
    return tmp_path / "m"


@pytest.fixture
def mirror(folder):
    made = MirrorFolder(folder, Clock())
    made.kept.trust(signer().verifier)
    return made


@pytest.fixture
def rig():
    with Rig() as made:
        yield made


class Asked:
    """A running mirror as a client of the protocol sees it."""

    def __init__(self, url, rig):
        self.where, self.rig = http_address(url, ""), rig

    def __call__(self, method, path, body=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answered = exchange(
            self.where, method, path, body=body, headers=named, timeout_s=PATIENCE_S, answer_bytes_max=20_000_000
        )
        return answered.status, answered.body.decode("utf-8", "replace"), answered.headers

    def submit(self, old):
        log = self.rig.reader
        signed = log.checkpoint(CALLS)
        proof = tuple(log.consistency(CALLS, old, signed.checkpoint.size)) if old <= signed.checkpoint.size else ()
        return self("POST", "/add-checkpoint", Submission(old, proof, signed).encoded)[:2]

    def body(self, start, end, *, packages=None, tail=b""):
        upload = Upload(CALLS, start, end)
        parts = [self.package(package, end) for package in islice(upload.packages, packages)]
        return upload.encoded + b"".join(parts) + tail

    def package(self, package, size):
        leaves = self.rig.reader.leaves(CALLS, package.start, package.end)
        return encode_package(leaves, self.rig.reader.part_of(CALLS, Part(package.base, package.end, size)))

    def upload(self, body, **headers):
        return self("POST", "/add-entries", body, **({"content_type": "application/octet-stream"} | headers))


@pytest.fixture
def asked(mirror, rig):
    with served(MirrorApp(mirror)) as url:
        yield Asked(url, rig)


def held(folder):
    (copy,) = folder.glob("*/log")
    return verify_files(*read_folder(copy), trust(folder))


def trust(folder):
    return Trust(log=signer().verifier, witnesses=(MirrorFolder(folder, Clock()).kept.cosigner.verifier,))


def cosigned(mirror, rig, answer):
    status, body, headers = answer
    assert (status, headers["accept-encoding"]) == (200, "gzip")
    (line,) = parse_signatures(body)
    return rig.reader.checkpoint(CALLS).note.with_signatures([line]).signed_by(mirror.kept.cosigner.verifier)


def test_from_the_first_entry_to_the_cosignature(asked, mirror, rig, folder):
    rig.fill(5)
    assert asked.submit(0) == (200, "")
    assert asked.upload(asked.body(0, 0))[:2] == (409, "5\n0\n\n")
    cosigned(mirror, rig, asked.upload(asked.body(0, 5)))
    before = 5
    for count in (1, 250, 1, 300, 256):
        rig.fill(count, start=before)
        assert asked.submit(before) == (200, "")
        cosigned(mirror, rig, asked.upload(gzip.compress(asked.body(before, before + count)), content_encoding="gzip"))
        before += count
        found = held(folder)
        assert (found.findings, found.size, found.cosigned_by) == ((), before, (NAME,))


def test_every_answer_to_an_upload(asked, mirror, rig):
    rig.fill(300)
    assert asked.upload(asked.body(0, 300))[:2] == (409, "0\n0\n\n")  # nothing is pending yet
    assert asked.submit(0) == (200, "")
    for body, status, text in [
        (b"", 400, "malformed beginning"),
        (asked.body(0, 300, packages=0)[:-1], 400, "malformed beginning"),
        (Upload(CALLS, 5, 4).encoded, 400, "malformed beginning"),
        (Upload(CALLS, 0, 2**63).encoded, 400, "malformed beginning"),
        (b"\x00\x01\xff" + bytes(18), 400, "an origin is UTF-8"),
        (Upload("example.com/unknown", 0, 300).encoded, 404, "unknown log"),
        (asked.body(0, 299), 409, "300\n0\n\n"),
        (Upload(CALLS, 1, 300).encoded, 409, "300\n0\n\n"),
        (asked.body(0, 300, packages=0), 400, "no package came whole"),
        (asked.body(0, 300, packages=1)[:-1], 400, "no package came whole"),
        (asked.body(0, 300)[:-1], 202, "300\n256\n\n"),
        (asked.body(256, 300, packages=1)[:-1], 400, "no package came whole"),
    ]:
        answer = asked.upload(body)
        assert (answer[0], text in answer[1]) == (status, True), answer
        assert (answer[2]["content-type"] == INFO) == (status in {202, 409})
        assert not mirror.read("x", "checkpoint")
    cosigned(mirror, rig, asked.upload(asked.body(256, 300)))
    cosigned(mirror, rig, asked.upload(asked.body(0, 300)))  # again, from the start: nothing is written twice
    cosigned(mirror, rig, asked.upload(asked.body(300, 300, tail=b"what nobody asked for")))


def test_what_is_not_in_the_tree_is_refused_and_not_kept(asked, mirror, rig):
    rig.fill(300)
    asked.submit(0)
    good = asked.body(0, 300)
    changed = good.replace(b'"n":3}', b'"n":4}', 1)
    proof = asked.body(0, 300, packages=1)
    long = Upload(CALLS, 0, 300).encoded + encode_package(rig.reader.leaves(CALLS, 0, 256), [bytes(32)] * 63)
    too_long = long.replace(b"\x3f" + bytes(32 * 63), b"\x40" + bytes(32 * 64))
    for body, status in ((changed, 422), (proof[:-1] + b"x", 422), (long, 422), (too_long, 400)):
        assert asked.upload(body)[0] == status
        assert asked.upload(asked.body(0, 0))[1] == "300\n0\n\n"
    assert asked.upload(good.replace(b'"n":299}', b'"n":298}'))[0] == 422  # the first package stays
    assert asked.upload(asked.body(0, 0))[1] == "300\n256\n\n"
    cosigned(mirror, rig, asked.upload(asked.body(256, 300)))


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/add-entries", {}, 405),
        ("GET", "/add-checkpoint", {}, 405),
        ("PUT", "/x/checkpoint", {}, 405),
        ("POST", "/add-entries", {"content_type": "text/plain"}, 415),
        ("POST", "/add-entries", {"content_type": "application/octet-stream", "content_encoding": "br"}, 415),
        ("POST", "/add-entries", {"content_type": "application/octet-stream", "content_encoding": "gzip"}, 400),
        ("POST", "/add-checkpoint", {}, 400),
        ("GET", "/x/checkpoint", {}, 404),
        ("GET", "/checkpoint", {}, 401),
        ("GET", "/evidence/forked-0123456789abcdef.evidence", {}, 404),
        ("GET", "/evidence/..%2fmirror.key", {}, 404),
        ("GET", "/", {}, 401),
    ],
)
def test_every_other_answer(asked, method, path, headers, status):
    assert asked(method, path, b"x" if method == "POST" else None, **headers)[0] == status


def test_a_submission_is_judged_as_by_a_witness_and_nothing_is_cosigned(asked, rig):
    rig.fill(5)
    assert asked.submit(0) == (200, "")
    assert asked.submit(5) == (200, "")
    rig.fill(3, start=5)
    assert asked.submit(3) == (409, "5\n")
    assert asked.submit(9)[0] == 400
    assert asked.submit(5) == (200, "")
    assert asked("POST", "/add-checkpoint", b"x" * 100_000)[0] == 413
    stranger = signer("example.com/other")
    with Rig() as other:
        other.fill(1)
        signed = other.reader.checkpoint(CALLS)
        note = type(signed.note)(signed.note.text, (stranger.sign(signed.note.text),))
        assert (
            asked("POST", "/add-checkpoint", Submission(8, (), type(signed)(signed.checkpoint, note)).encoded)[0] == 403
        )


def test_a_fork_is_refused_with_evidence(asked, mirror, rig):
    rig.fill(5)
    asked.submit(0)
    with Rig() as other:
        other.fill(9, start=100)
        status, _body, headers = asked(
            "POST",
            "/add-checkpoint",
            Submission(5, tuple(other.reader.consistency(CALLS, 5, 9)), other.reader.checkpoint(CALLS)).encoded,
        )
    assert status == 422
    status, text, _headers = asked("GET", headers["safeconduct-evidence"])
    assert parse_evidence(text.encode(), signer().verifier).proven


def test_uploads_for_earlier_pending_checkpoints_and_beside_each_other(asked, mirror, rig, folder):
    rig.fill(300)
    asked.submit(0)
    early = asked.body(0, 300)
    rig.fill(400, start=300)
    asked.submit(300)
    late = asked.body(0, 700)
    results = []
    threads = [
        threading.Thread(target=lambda body=body: results.append(asked.upload(body)[0])) for body in (early, late)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) in ([200, 200], [200, 409])  # never back from 700 to 300
    assert held(folder).size == 700
    assert asked.upload(Upload(CALLS, 300, 300).encoded)[:2] == (409, "700\n700\n\n")


def test_only_the_last_pending_checkpoints_are_known(asked, rig):
    for size in range(1, 12):
        rig.fill(1, start=size - 1)
        assert asked.submit(size - 1) == (200, "")
    assert [asked.upload(asked.body(0, size, packages=0))[0] for size in (1, 2, 3, 4, 11)] == [409, 409, 409, 400, 400]


def test_entries_are_read_by_who_shows_the_secret(asked, mirror, rig):
    rig.fill(300)
    asked.submit(0)
    asked.upload(asked.body(0, 300))
    prefix = next(path.name for path in mirror.kept.path.iterdir() if len(path.name) == 64)
    shown = {"authorization": f"Bearer {mirror.reader_secret}"}
    status, note, _headers = asked("GET", f"/{prefix}/checkpoint")
    assert (status, NAME in note) == (200, True)
    for path in ("tile/0/000", "tile/entries/001.p/44", "tile/1/000.p/1"):
        assert asked("GET", f"/{prefix}/{path}", **shown)[0] == 200
        assert asked("GET", f"/{prefix}/{path}")[0] == 401
        for other in ("Bearer x", "Bearer \xff", "Bearer "):
            assert asked("GET", f"/{prefix}/{path}", authorization=other)[0] == 401
    for path in ("tile/0/001", "tile/0/000.p/5", "tile/../../mirror.key", "../mirror.key", "tile/entries/001.p/45"):
        assert asked("GET", f"/{prefix}/{path}", **shown)[0] == 404


def test_what_is_held_outlives_the_process_and_what_is_pending_is_brought_again(mirror, rig, folder):
    with served(MirrorApp(mirror)) as url:
        asked = Asked(url, rig)
        rig.fill(300)
        asked.submit(0)
        cosigned(mirror, rig, asked.upload(asked.body(0, 300)))
        rig.fill(400, start=300)
        asked.submit(300)
        assert asked.upload(asked.body(300, 700, packages=1))[:2] == (202, "700\n512\n\n")
    again = MirrorFolder(folder, Clock())
    with served(MirrorApp(again)) as url:
        asked = Asked(url, rig)
        assert asked.upload(asked.body(512, 700))[:2] == (409, "700\n300\n\n")
        cosigned(again, rig, asked.upload(asked.body(300, 700)))
    found = held(folder)
    assert (found.findings, found.size) == ((), 700)


def test_a_damaged_copy_cosigns_nothing_more(mirror, rig, folder):
    with served(MirrorApp(mirror)) as url:
        asked = Asked(url, rig)
        rig.fill(10)
        asked.submit(0)
        asked.upload(asked.body(0, 10))
    (bundle,) = folder.glob("*/log/tile/entries/000.p/10")
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    with served(MirrorApp(MirrorFolder(folder, Clock()))) as url:
        status, text, _headers = Asked(url, rig).upload(Upload(CALLS, 0, 0).encoded)
        assert (status, "mirror is damaged" in text) == (503, True)
        status, text, _headers = Asked(url, rig)("GET", f"/{bundle.relative_to(folder).parts[0]}/checkpoint")
        assert (status, "mirror is damaged" in text) == (503, True)


def test_a_packed_body_is_unpacked_in_bounded_pieces(asked, rig):
    rig.fill(1)
    asked.submit(0)
    bomb = gzip.compress(Upload(CALLS, 0, 1).encoded + bytes(64 * 1024 * 1024))
    assert asked.upload(bomb, content_encoding="gzip")[0] == 422
    assert asked.upload(gzip.compress(asked.body(0, 1))[:-20], content_encoding="gzip")[0] in {200, 400}


def test_a_client_that_goes_away_in_the_middle_leaves_whole_packages(asked, rig):
    rig.fill(600)
    asked.submit(0)
    body = asked.body(0, 600)
    connection = http.client.HTTPConnection(asked.where.hostname, asked.where.port, timeout=PATIENCE_S)
    connection.putrequest("POST", "/add-entries")
    connection.putheader("content-type", "application/octet-stream")
    connection.putheader("content-length", str(len(body)))
    connection.endheaders()
    connection.send(body[: len(asked.body(0, 600, packages=2)) + 5])
    until(lambda: parse_info(asked.upload(asked.body(0, 0))[1]).next_entry == 512, says="two whole packages")
    connection.close()  # not before: a server that learns of a lost connection drops what it had not read yet
    left = parse_info(asked.upload(asked.body(0, 0))[1])
    assert (left.next_entry, left.size) == (512, 600)
    assert asked.upload(asked.body(512, 600))[0] == 200


@pytest.mark.parametrize(("path", "status"), [("/add-entries", [400]), ("/add-checkpoint", [])])
def test_a_body_that_drips_is_not_waited_for(mirror, monkeypatch, path, status):
    monkeypatch.setattr("safeconduct.http.mirror.PACKAGE_S", 0.1)
    monkeypatch.setattr("safeconduct.http.cosigners.BODY_S", 0.1)
    answers = []

    async def receive():
        await asyncio.sleep(0.005)
        return {"type": "http.request", "body": b"\xff", "more_body": True}  # of an origin of 65,535 bytes

    async def send(message):
        answers.append(message.get("status"))

    scope = {"type": "http", "method": "POST", "path": path}
    scope["headers"] = [(b"content-type", b"application/octet-stream")]
    asyncio.run(asyncio.wait_for(MirrorApp(mirror)(scope, receive, send), PATIENCE_S))
    assert answers[:1] == status


def test_the_limit_on_what_is_sent_again(asked, mirror, rig, monkeypatch):
    monkeypatch.setattr("safeconduct.adapters.mirror_folder.RESENT_MAX", 256)
    assert RESENT_MAX == 8192
    rig.fill(600)
    asked.submit(0)
    asked.upload(asked.body(0, 600, packages=2))
    assert asked.upload(asked.body(255, 600, packages=0))[0] == 409
    assert asked.upload(asked.body(256, 600, packages=0))[0] == 400


def push(mirror, rig, url, timeout_s=PATIENCE_S):
    policy = parse_policy(f"witness m {mirror.kept.cosigner.verifier.text} {url}\nquorum m\n")
    kept = Kept()
    return cosign_by_quorum(
        rig.reader,
        rig.reader.checkpoint(CALLS),
        policy,
        log_key=signer().verifier,
        outcome=kept.outcome,
        timeout_s=timeout_s,
    )


def test_a_log_pushes_what_the_mirror_lacks(mirror, rig, folder, monkeypatch):
    monkeypatch.setattr("safeconduct.adapters.mirror_client.BODY_BYTES_MAX", 100_000)
    with served(MirrorApp(mirror)) as url:
        before = 0
        for count in (1, 700, 0, 3000):
            rig.fill(count, start=before)
            before += count
            push(mirror, rig, url).note.signed_by(mirror.kept.cosigner.verifier)
            assert (held(folder).findings, held(folder).size) == ((), before)


def test_a_log_that_changed_its_key_goes_on_where_it_was(mirror, rig, folder):
    new = NoteSigner(CALLS, SecretKey(bytes(32)))
    rig.fill(5)
    with served(MirrorApp(mirror)) as url:
        push(mirror, rig, url)
    write_atomically(folder / "logs", f"{new.verifier.text}\n".encode())
    with Rig() as later, served(MirrorApp(MirrorFolder(folder, Clock()))) as url:
        later.fill(5)
        later.fill(3, start=5)
        head = later.reader.checkpoint(CALLS)
        submission = Submission(5, tuple(later.reader.consistency(CALLS, 5, 8)), head)
        asked = Asked(url, later)
        assert asked("POST", "/add-checkpoint", submission.encoded)[0] == 403
        signed = sign_checkpoint(head.checkpoint, new)
        assert asked("POST", "/add-checkpoint", Submission(5, submission.proof, signed).encoded)[0] == 200
        assert asked.upload(asked.body(5, 8))[0] == 200
    (copy,) = folder.glob("*/log")
    both = Trust(log=new.verifier, former=(signer().verifier,), witnesses=trust(folder).witnesses)
    assert (verify_files(*read_folder(copy), both).findings, verify_files(*read_folder(copy), both).size) == ((), 8)


def test_a_mirror_in_a_quorum_beside_a_witness(mirror, rig, tmp_path):
    WitnessFolder.create(tmp_path / "w", "partner.example/witness", Counting("w"))
    witness = WitnessFolder(tmp_path / "w", Clock())
    witness.trust(signer().verifier)
    rig.fill(5)
    with served(MirrorApp(mirror)) as holds, served(WitnessApp(witness.add_checkpoint)) as sees:
        policy = parse_policy(
            f"witness m {mirror.kept.cosigner.verifier.text} {holds}\n"
            f"witness w {witness.cosigner.verifier.text} {sees}\ngroup both all m w\nquorum both\n"
        )
        signed = cosign_by_quorum(
            rig.reader, rig.reader.checkpoint(CALLS), policy, log_key=signer().verifier, outcome=Kept().outcome
        )
    assert {line.name for line in signed.note.signatures} == {CALLS, NAME, "partner.example/witness"}


def test_a_mirror_that_lost_its_disk_gets_all_of_it_again(mirror, rig, folder):
    rig.fill(300)
    with served(MirrorApp(mirror)) as url:
        push(mirror, rig, url)
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    rig.fill(1, start=300)
    with served(MirrorApp(MirrorFolder(folder, Clock()))) as url:
        push(mirror, rig, url)
    assert held(folder).size == 301


@pytest.mark.parametrize(
    "talk",
    [
        says("0\n0\n\n", "409 Conflict"),
        says("5\n0\n\n", "202 Accepted"),
        says("5\n9999999\n\n", "202 Accepted"),
        says("5\n-1\n\n", "202 Accepted"),
        says("garbage", "202 Accepted"),
        says("", "200 OK"),
        says("no", "500 Internal Server Error"),
        lambda _connection: None,
        drips,
        floods,
    ],
)
def test_a_lying_mirror_is_asked_a_bounded_number_of_times_and_never_believed(rig, talk):
    rig.fill(5)
    liar = cosigner("liar.example/m").verifier
    count = []

    def two(connection):
        count.append(1)
        return says("")(connection) if len(count) == 1 else talk(connection)

    with Raw(two) as bad, pytest.MonkeyPatch.context() as patch:
        patch.setattr("safeconduct.adapters.witness_client.ENTRIES_TIMEOUT_S", 0.5)
        client = WitnessClient(bad.url, liar, timeout_s=0.5)
        with pytest.raises(WitnessError):
            client.cosign(rig.reader, rig.reader.checkpoint(CALLS), signer().verifier)
    assert len(count) <= 6


def test_a_mirror_and_a_witness_share_no_folder(folder, tmp_path):
    with pytest.raises(InvalidInputError, match="there is no witness"):
        WitnessFolder(folder, Clock())
    WitnessFolder.create(folder, "partner.example/witness", Counting())
    for kind in (WitnessFolder, MirrorFolder):
        with pytest.raises(InvalidInputError) as caught:
            kind(folder, Clock())
        assert caught.value.code == "role-conflict"
    with pytest.raises(UnavailableError):
        MirrorFolder.create(folder, NAME, Counting())
