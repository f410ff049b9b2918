"""Our checkpoints, tiles and proofs, read by Go's own packages for transparency logs (x/mod/sumdb of Debian)."""

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from safeconduct.adapters.folder import write_file
from safeconduct.ledger.checkpoints import parse_checkpoint
from safeconduct.ledger.export import export_files
from safeconduct.ledger.merkle import consistency_proof, root
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.tiles import subtrees
from support.logs import CALLS, Rig, cosigner, signer

GOPATH = Path("/usr/share/gocode")  # where Debian puts the sources of Go libraries
PACKAGE = GOPATH / "src" / "golang.org" / "x" / "mod" / "sumdb" / "tlog"
SIZE = 700  # three bundles, the last one partial, and a tile of the second level


@pytest.fixture(scope="module")
def check(tmp_path_factory):
    """Returns the compiled program's path. In CI it must compile."""
    if shutil.which("go") is None or not PACKAGE.is_dir():
        if os.environ.get("CI"):
            pytest.fail("Go is not installed: apt-get install golang-go golang-golang-x-mod-dev")
        pytest.skip("Go or its x/mod sources are not installed")
    folder = tmp_path_factory.mktemp("go")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GOPATH": str(GOPATH), "GOFLAGS": "-p=1"}
    environment |= {"GO111MODULE": "off", "GOCACHE": str(folder / "cache"), "CGO_ENABLED": "0"}
    source = Path(__file__).with_name("check_log.go")
    subprocess.run(["go", "build", "-o", folder / "check_log", source], env=environment, check=True)
    return folder / "check_log"


def encoded(*nodes):
    return " ".join(base64.b64encode(node).decode() for node in nodes)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Returns a folder with an export, cosigned, and beside it a file with all of our proofs."""
    folder = tmp_path_factory.mktemp("export")
    with Rig() as rig:
        rig.fill(SIZE)
        signed = parse_checkpoint(rig.store.checkpoint(CALLS))
        witness = cosigner()
        note = signed.note.with_signatures([witness.cosign(signed.note.text, 1)])
        rig.store.keep_cosigned(CALLS, SIZE, note.encoded, witness.verifier.text)
        for path, content in export_files(rig.store, CALLS, signer(), payloads=False):
            write_file(folder / "log", path, content)
        reader, lines = rig.reader, []
        for index in range(SIZE):
            (entry,) = rig.store.entries(CALLS, index, 1)
            lines.append(f"inclusion {index} {encoded(*reader.evidence(entry.id).proof)}")
        tree = subtrees(SIZE, lambda tile: rig.store.tile(CALLS, tile.level, tile.number)[: tile.width * 32])
        lines += [
            f"consistency {size} {encoded(root(size, tree), *consistency_proof(size, SIZE, tree))}"
            for size in range(1, SIZE + 1)
        ]
    (folder / "proofs").write_text("\n".join(lines) + "\n")
    return folder


def run(check, folder, key=None):
    words = [check, folder / "log", key or signer().verifier.text, folder / "proofs"]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_go_accepts_our_log_and_every_proof(check, exported):
    said = run(check, exported)
    assert (said.returncode, said.stdout) == (0, f"{SIZE} entries, {2 * SIZE} proofs\n"), said.stderr


def test_go_does_not_accept_another_key(check, exported):
    other = NoteSigner(CALLS, cosigner()._key).verifier.text
    assert run(check, exported, other).returncode == 1


@pytest.mark.parametrize(
    "path", ["checkpoint", "tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/001", "proofs"]
)
def test_go_finds_a_flipped_bit(check, exported, tmp_path, path):
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    file = copy / path if path == "proofs" else copy / "log" / path
    content = bytearray(file.read_bytes())
    content[30 if path == "proofs" else len(content) // 2] ^= 1
    file.write_bytes(content)
    assert run(check, copy).returncode == 1
