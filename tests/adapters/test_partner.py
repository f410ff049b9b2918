"""The partner over HTTP: a witness that cosigns, a mirror that follows, and neither that can be led back."""

from pathlib import Path

import pytest

from safeconduct.adapters.cosigner_folder import EVIDENCE_FILES_MAX
from safeconduct.adapters.folder import read_folder, write_file
from safeconduct.adapters.mirror import fetch_over_http, keep_up, pull
from safeconduct.adapters.outbound import exchange, http_address
from safeconduct.adapters.witness import WitnessFolder
from safeconduct.adapters.witness_client import WitnessClient
from safeconduct.http.witness import WitnessApp
from safeconduct.kernel.errors import AbsentError, ConflictError, InvalidInputError, UnavailableError
from safeconduct.ledger.checkpoints import Checkpoint, sign_checkpoint
from safeconduct.ledger.evidence import Claim, parse_evidence
from safeconduct.ledger.export import export_files, verify_files
from safeconduct.ledger.service import Logs
from safeconduct.ledger.trust import Trust
from safeconduct.ledger.witness import REQUEST_BYTES_MAX, Submission
from support.liars import served
from support.logs import CALLS, PROJECTIONS, Clock, Counting, Rig, cosigner, signer
from support.patience import PATIENCE_S
from support.ports import silent_port


@pytest.fixture
def witness(tmp_path):
    WitnessFolder.create(tmp_path / "w", "partner.example/witness", Counting())
    made = WitnessFolder(tmp_path / "w", Clock())
    made.trust(signer().verifier)
    return made


def ask(client, rig):
    return client.cosign(rig.reader, rig.reader.checkpoint(CALLS), signer().verifier)


def test_a_log_gets_its_cosignatures_over_http(witness):
    with served(WitnessApp(witness.add_checkpoint)) as url, Rig() as rig:
        client = WitnessClient(url, witness.cosigner.verifier)
        rig.fill(3)
        first = ask(client, rig)
        first.note.signed_by(witness.cosigner.verifier)
        rig.writer.keep_cosigned(first, client.key)
        rig.fill(300, start=3)
        second = ask(client, rig)
        assert second.checkpoint.size == 303
        # The log lost its memory of what was cosigned: it learns the size from the witness.
        rig.store.with_cosignatures.clear()
        rig.fill(1, start=303)
        assert ask(client, rig).checkpoint.size == 304
        assert ask(client, rig).checkpoint.size == 304


def test_a_witness_gives_away_a_restored_backup_and_a_fork(witness):
    with served(WitnessApp(witness.add_checkpoint)) as url:
        client = WitnessClient(url, witness.cosigner.verifier)
        with Rig() as rig:
            rig.fill(5)
            ask(client, rig)
        for count, code in [(3, "log-behind-witness"), (5, "log-forked"), (7, "witness-refused")]:
            with Rig() as other:
                other.fill(count, start=100)
                with pytest.raises(UnavailableError) as caught:
                    ask(client, other)
                assert caught.value.code == code
        assert witness.latest(CALLS).checkpoint.size == 5


def test_what_a_witness_may_get_wrong(witness):
    stranger = cosigner("stranger")
    with Rig() as rig:
        rig.fill(1)
        with served(WitnessApp(witness.add_checkpoint)) as url:
            with pytest.raises(UnavailableError) as caught:
                ask(WitnessClient(url, stranger.verifier), rig)
            assert caught.value.code == "not-cosigned"
            with pytest.raises(UnavailableError, match="refused with 404"):
                ask(WitnessClient(f"{url}/nowhere", witness.cosigner.verifier), rig)
        with silent_port() as port, pytest.raises(UnavailableError) as caught:
            ask(WitnessClient(f"http://127.0.0.1:{port}", witness.cosigner.verifier), rig)
        assert caught.value.code == "witness-unreachable"
    with pytest.raises(InvalidInputError):
        WitnessClient("ftp://x", witness.cosigner.verifier)
    with pytest.raises(InvalidInputError):
        WitnessClient("http://x", signer().verifier)


def logs_of(rig):
    return Logs(
        source=rig.store.reader(),
        frozen=rig.store.frozen,
        heads=rig.heads,
        keys=rig.keys,
        signer=signer,
        projections=PROJECTIONS,
    )


def fetch_from(logs, origin=CALLS):
    def fetch(path):
        return logs.checkpoint(origin).encoded.encode() if path == "checkpoint" else logs.tile(origin, path)

    return fetch


TRUST = Trust(log=signer().verifier)


def test_a_mirror_follows_a_growing_log(tmp_path):
    with Rig() as rig:
        fetch, held = fetch_from(logs_of(rig)), 0
        for count in (1, 6, 250, 0, 300, 1):
            rig.fill(count, start=held)
            pulled = pull(fetch, tmp_path, TRUST)
            assert (pulled.before, pulled.size) == (held, held + count)
            held += count
            read, paths = read_folder(tmp_path)
            verified = verify_files(read, paths, TRUST)
            assert (verified.findings, verified.size) == ((), held)
        assert set(paths) == {
            *("checkpoint", "tile/0/000", "tile/0/001", "tile/0/002.p/46", "tile/1/000.p/2"),
            *("tile/entries/000", "tile/entries/001", "tile/entries/002.p/46"),
        }


def held_files(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "evidence"]
    return {path.name: path.read_bytes() for path in files}


def test_a_mirror_is_not_led_back_or_astray_and_keeps_what_shows_it(tmp_path):
    with Rig() as rig:
        rig.fill(10)
        pull(fetch_from(logs_of(rig)), tmp_path, TRUST)
    before = held_files(tmp_path)
    for count, code in [(4, "log-rolled-back"), (10, "log-forked"), (20, "log-forked"), (300, "log-forked")]:
        with Rig() as other:
            other.fill(count, start=100)
            with pytest.raises(UnavailableError, match="evidence: ") as caught:
                pull(fetch_from(logs_of(other)), tmp_path, TRUST)
            assert caught.value.code == code
        assert held_files(tmp_path) == before
        file = Path(caught.value.message.rpartition("evidence: ")[2])
        evidence = parse_evidence(file.read_bytes(), signer().verifier)
        assert evidence.proven
        assert (evidence.held.checkpoint.size, evidence.shown.checkpoint.size) == (10, count)
    read, paths = read_folder(tmp_path)
    assert verify_files(read, paths, TRUST).findings == ()
    file.write_bytes(file.read_bytes().replace(b"claim forked", b"claim fork"))
    assert [one.place for one in verify_files(*read_folder(tmp_path), TRUST).findings] == [f"evidence/{file.name}"]


def test_a_mere_rollback_is_kept_and_proves_nothing_by_itself(tmp_path):
    with Rig() as rig:
        rig.fill(4)
        early = fetch_from(logs_of(rig))("checkpoint")
        rig.fill(6, start=4)
        pull(fetch_from(logs_of(rig)), tmp_path, TRUST)
        for _again in range(2):
            with pytest.raises(UnavailableError, match="evidence: ") as caught:
                pull(lambda _path: early, tmp_path, TRUST)
            assert caught.value.code == "log-rolled-back"
    (file,) = (tmp_path / "evidence").iterdir()
    evidence = parse_evidence(file.read_bytes(), signer().verifier)
    assert (evidence.claim, evidence.proven) == (Claim.ROLLED_BACK, False)


def test_a_log_that_signs_a_fork_and_serves_no_tree_for_it_is_refused_all_the_same(tmp_path):
    with Rig() as rig, Rig() as other:
        rig.fill(10)
        pull(fetch_from(logs_of(rig)), tmp_path, TRUST)
        other.fill(20, start=100)
        forked = fetch_from(logs_of(other))

        def hides(path):
            return forked(path) if path == "checkpoint" or "entries" in path else bytes(640)

        with pytest.raises(UnavailableError, match="it serves nothing that would prove it"):
            pull(hides, tmp_path, TRUST)
        assert not (tmp_path / "evidence").exists()


def test_a_log_that_serves_something_else_than_it_signed(tmp_path):
    with Rig() as rig:
        rig.fill(10)
        fetch = fetch_from(logs_of(rig))

        def lie(path):
            return fetch(path).replace(b'"n":3', b'"n":4') if "entries" in path else fetch(path)

        def cut(path):
            return fetch(path)[:-1] if "entries" in path else fetch(path)

        for broken in (lie, cut):
            with pytest.raises(UnavailableError) as caught:
                pull(broken, tmp_path, TRUST)
            assert caught.value.code == "log-damaged"
        assert list(tmp_path.rglob("*")) == []
        with pytest.raises(InvalidInputError):
            pull(fetch, tmp_path, Trust(log=signer("example.com/other").verifier))


def test_a_damaged_mirror_says_so_and_takes_no_more(tmp_path):
    with Rig() as rig:
        rig.fill(10)
        pull(fetch_from(logs_of(rig)), tmp_path, TRUST)
        (tile,) = (tmp_path / "tile" / "0").rglob("10")
        tile.write_bytes(bytes(320))
        rig.fill(1, start=10)
        with pytest.raises(UnavailableError) as caught:
            pull(fetch_from(logs_of(rig)), tmp_path, TRUST)
        assert caught.value.code == "mirror-damaged"


def test_a_pull_that_was_cut_is_taken_up_again(tmp_path):
    with Rig() as rig:
        rig.fill(300)
        whole = fetch_from(logs_of(rig))
        pull(whole, tmp_path, TRUST)
        rig.fill(300, start=300)
        write_file(tmp_path, "tile/0/001", logs_of(rig).tile(CALLS, "tile/0/001"))  # and then the power went
        (tmp_path / "checkpoint.new").write_bytes(b"half")
        assert pull(whole, tmp_path, TRUST).size == 600
        read, paths = read_folder(tmp_path)
        assert verify_files(read, paths, TRUST).findings == ()


def test_fetching_tells_what_went_wrong():
    app = WitnessApp(lambda _body: None)
    with served(app) as url, pytest.raises(UnavailableError, match="answered 404"):
        fetch_over_http(url)("checkpoint")
    with silent_port() as port, pytest.raises(UnavailableError) as caught:
        fetch_over_http(f"http://127.0.0.1:{port}")("checkpoint")
    assert caught.value.code == "log-unreachable"
    with pytest.raises(InvalidInputError):
        fetch_over_http("not an address")


def test_a_file_never_leads_out_of_its_folder(tmp_path):
    for path in ("../x", "/x", "a/../../x"):
        with pytest.raises(InvalidInputError):
            write_file(tmp_path / "d", path, b"")
    (tmp_path / "d").mkdir(exist_ok=True)
    (tmp_path / "d" / "link").symlink_to("/etc/hostname")
    with pytest.raises(InvalidInputError, match="neither a file nor a folder"):
        read_folder(tmp_path / "d")


def test_verifying_in_place(tmp_path):
    with Rig(tmp_path) as rig:
        rig.fill(3)
        (checked,) = logs_of(rig).verify()
        assert (checked.origin, checked.size, checked.findings) == (CALLS, 3, ())
        files = dict(logs_of(rig).export(CALLS, payloads=True))
        assert files == dict(export_files(rig.store, CALLS, signer(), payloads=True))
        with pytest.raises(AbsentError):
            logs_of(rig).verifier("unknown")
        with pytest.raises(AbsentError):
            logs_of(rig).tile(CALLS, "tile/0/000.p/4")
        with pytest.raises(AbsentError):
            logs_of(rig).tile(CALLS, "tile/entries/000")


class EndedError(Exception):
    """What a test ends an endless loop with."""


def test_a_mirror_that_goes_on_tells_what_it_meets_and_ends_loudly(tmp_path):
    told, waits = [], []

    def looked(fetch):
        return lambda: pull(fetch, tmp_path, TRUST)

    def down(_path):
        raise UnavailableError("the log does not answer", code="log-unreachable")

    with Rig() as rig, Rig() as other:
        rig.fill(3)
        other.fill(5, start=100)
        looks = iter([looked(down), looked(fetch_from(logs_of(rig))), looked(fetch_from(logs_of(other)))])

        def once():
            look = next(looks)
            return look()

        with pytest.raises(UnavailableError, match="evidence: ") as caught:
            keep_up(once, told.append, every_s=7, wait=waits.append)
    assert caught.value.code == "log-forked"
    assert (told[0].code, told[1].size, waits) == ("log-unreachable", 3, [7, 7])

    def unforeseen():
        raise EndedError

    with pytest.raises(EndedError):
        keep_up(unforeseen, told.append, every_s=7, wait=waits.append)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/add-checkpoint", None, 405),
        ("PUT", "/add-checkpoint", b"x", 405),
        ("POST", "/", b"x", 404),
        ("POST", "/add-entries", b"x", 404),
        ("POST", "/add-checkpoint/", b"x", 404),
        ("POST", "/add-checkpoint", b"", 400),
        ("POST", "/add-checkpoint", b"x" * REQUEST_BYTES_MAX, 400),
        ("POST", "/add-checkpoint", b"x" * (REQUEST_BYTES_MAX + 1), 413),
        ("GET", "/evidence/forked-0123456789abcdef.evidence", None, 404),
        ("GET", "/evidence/../witness.key", None, 404),
        ("POST", "/evidence/x", b"x", 404),
    ],
)
def test_the_witness_s_answers_to_what_is_no_submission(witness, method, path, body, status):
    with served(WitnessApp(witness.add_checkpoint, witness.kept.evidence)) as url:
        answered = exchange(http_address(url, ""), method, path, body=body, timeout_s=PATIENCE_S, answer_bytes_max=1000)
    assert answered.status == status
    assert answered.headers["content-type"] == "text/plain; charset=utf-8"
    assert (answered.headers.get("allow") == "POST") == (status == 405)
    assert "safeconduct-evidence" not in answered.headers


def test_a_witness_s_folder_is_open_in_one_process(witness, tmp_path):
    other = WitnessFolder(tmp_path / "w", Clock())
    with witness.kept.alone(), pytest.raises(ConflictError, match="open in another process"), other.kept.alone():
        pass
    with other.kept.alone():
        pass


def test_forks_fill_a_witness_s_disk_up_to_a_limit_and_no_further(witness, monkeypatch):
    monkeypatch.setattr("safeconduct.adapters.cosigner_folder.EVIDENCE_FILES_MAX", 2)
    assert EVIDENCE_FILES_MAX == 1000
    with Rig() as rig:
        rig.fill(5)
        signed = rig.reader.checkpoint(CALLS)
    assert witness.add_checkpoint(Submission(0, (), signed).encoded).status == 200
    shown = []
    for root in (1, 2, 3, 1):
        forked = sign_checkpoint(Checkpoint(CALLS, 5, bytes([root] * 32)), signer())
        shown.append(witness.add_checkpoint(Submission(5, (), forked).encoded).evidence)
    assert [bool(path) for path in shown] == [True, True, False, True]
    assert shown[0] == shown[3]
