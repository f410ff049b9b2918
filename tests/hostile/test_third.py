"""The third program and the package agree about evidence, byte for byte: two readers written apart."""

import importlib.util

import pytest

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.evidence import fork, parse_evidence
from safeconduct.ledger.merkle import consistency_proof, root
from safeconduct.ledger.omission import due, encode_omission, make_omission, parse_omission, verify_omission
from support.hostile import THIRD
from support.logs import cosigner, signer
from support.promises import DEADLINE_S, FLOOR, TRUST, cosigned, receipts, subtree_of, tree

_spec = importlib.util.spec_from_file_location("third", THIRD)
third = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(third)

KEYS = (signer().verifier.text, cosigner().verifier.text)


def shown(content):
    try:
        return third.judge([content.decode()], *KEYS)["shows"]
    except (third.WorthlessError, ValueError, KeyError, IndexError):
        return None


def omission(receipt, leaves, at_s=DEADLINE_S + 1):
    start, end = due(receipt, FLOOR, len(leaves))
    return encode_omission(
        make_omission(receipt, FLOOR, cosigned(leaves, at_s), subtree_of(leaves), leaves[start:end])
    ).encode()


def ours(content):
    try:
        return verify_omission(parse_omission(content), TRUST).breach.value
    except InvalidInputError:
        return None


FILES = {
    "replaced": omission(receipts("a", "b")[1], tree("a", "x", "c")),
    "short": omission(receipts("a", "b")[1], tree("a")),
    "kept": omission(receipts("a", "b")[1], tree("a", "b", "c")),
    "too early": omission(receipts("a", "b")[1], tree("a"), DEADLINE_S),
}


@pytest.mark.parametrize("name", FILES)
def test_they_agree_about_whole_files(name):
    content = FILES[name]
    assert shown(content) == ours(content) == (name if name in {"replaced", "short"} else None)


@pytest.mark.parametrize("name", ["replaced", "short"])
def test_they_agree_about_every_changed_byte(name):
    content = FILES[name]
    for at in range(len(content)):
        changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        if ours(changed) is None:
            # Ours refuses more: a file has one form only. What theirs takes must say the same as before.
            assert shown(changed) in {None, name}, at
        else:
            assert shown(changed) == ours(changed), at


@pytest.mark.parametrize("sizes", [(3, 3), (2, 3), (1, 8), (4, 7), (5, 300)])
def test_they_agree_about_forks(sizes):
    small, large = sizes
    told = tree(*(f"told {n}" for n in range(small)), size=0)
    true = tree(*range(large), size=0)
    within = root(small, subtree_of(true[:small])) if small < large else None
    proof = tuple(consistency_proof(small, large, subtree_of(true)))
    made = fork(cosigned(told), cosigned(true), within, proof)
    content = made.encoded.encode()
    parse_evidence(content, signer().verifier)
    assert shown(content) == "forked"
    same = cosigned(true[:small])
    honest = content.replace(made.held.encoded.encode(), same.encoded.encode())
    with pytest.raises(InvalidInputError):
        parse_evidence(honest, signer().verifier)
    assert shown(honest) is None
