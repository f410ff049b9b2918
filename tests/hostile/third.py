"""The third program: judges evidence between two parties, and is neither's. Standard library and `cryptography` only.

It was written from docs/spec/receipts.md and the C2SP texts, shares no line with the package, and reads nothing but a
file and public keys: no network, no database, no clock.

    python third.py LOG_KEY WITNESS_KEY FILE [PROOF]

FILE is an omission (`safeconduct/omission@v1`) of an entry whose place was promised, the evidence of a fork
(`safeconduct/evidence@v1`), or the proof of an entry (`c2sp.org/tlog-proof@v1`). With two, an omission and the proof of
the same entry, it says whether the witness contradicts itself. Prints one JSON document; ends 0 if the evidence shows
something, 1 if it shows nothing.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class WorthlessError(Exception):
    """The evidence shows nothing."""


def require(true, otherwise):
    if not true:
        raise WorthlessError(otherwise)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def unbase64(text):
    raw = base64.b64decode(text, validate=True)
    require(base64.b64encode(raw).decode() == text, "base64 that is not canonical")
    return raw


def signed(text, lines, key, *, cosigned=False):
    """Returns the time of the key's signature under a note's text: 0 for a plain one, None if it did not sign."""
    name, number, raw = key.split("+", 2)
    raw = unbase64(raw)
    require(raw[0] == (4 if cosigned else 1), "a key of another kind")
    require(sha256(name.encode(), b"\n", raw)[:4].hex() == number, "a key id that is not its key's")
    for line in lines.strip("\n").split("\n"):
        dash, who, what = line.split(" ")
        data = unbase64(what)
        if dash != "—" or who != name or data[:4].hex() != number:
            continue
        at_s = int.from_bytes(data[4:12]) if cosigned else 0
        message = f"cosignature/v1\ntime {at_s}\n{text}" if cosigned else text
        try:
            Ed25519PublicKey.from_public_bytes(raw[1:]).verify(data[12 if cosigned else 4 :], message.encode())
        except InvalidSignature:
            raise WorthlessError(f"the signature of {name} does not verify") from None
        return at_s
    return None


def path_root(leaf, index, size, path):
    """RFC 9162 section 2.1.3.2."""
    require(0 <= index < size, "an index that is not in the tree")
    at, last, node = index, size - 1, leaf
    for beside in path:
        require(last > 0, "a path that is too long")
        if at & 1 or at == last:
            node = sha256(b"\1", beside, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = sha256(b"\1", node, beside)
        at, last = at >> 1, last >> 1
    require(last == 0, "a path that is too short")
    return node


def old_and_new_root(old, new, old_root, path):
    """RFC 9162 section 2.1.4.2: the roots of the smaller and of the larger tree that a consistency proof leads to."""
    require(0 < old < new and path, "sizes that need no proof")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first, *path = [old_root, *path] if old.bit_count() == 1 else path
    small = large = first
    for beside in path:
        require(last > 0, "a proof that is too long")
        if at & 1 or at == last:
            small, large = sha256(b"\1", beside, small), sha256(b"\1", beside, large)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            large = sha256(b"\1", large, beside)
        at, last = at >> 1, last >> 1
    require(last == 0, "a proof that is too short")
    return small, large


def run_root(start, leaves, size, nodes):
    """The root over a run of leaves and the largest subtrees beside it, which come from left to right."""
    beside = list(nodes)

    def node(low, high):
        if high <= start or low >= start + len(leaves):
            require(beside, "too few nodes")
            return beside.pop(0)
        if high - low == 1:
            return leaves[low - start]
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        return sha256(b"\1", node(low, middle), node(middle, high))

    root = node(0, size)
    require(not beside, "too many nodes")
    return root


def checkpoint(text, lines, log_key, witness_key):
    """Returns size, root and the time of the witness, which may be None."""
    origin, size, root = text.split("\n")[:3]
    require(origin == log_key.split("+")[0], "a checkpoint of another log")
    require(signed(text, lines, log_key) is not None, "a checkpoint that the log did not sign")
    return int(size), unbase64(root), signed(text, lines, witness_key, cosigned=True)


def omission(content, log_key, witness_key):
    """A promise that the log signed, and what its own tree has in that place."""
    run, receipt, batch, batch_signatures, tree, tree_signatures = content.split("\n\n")
    entry, leaf, position, *path = receipt.split("\n")[1:]
    leaf, position = unbase64(leaf), int(position)
    form, origin, floor, deadline, count, root = batch.split("\n")
    floor, deadline = int(floor), int(deadline)
    require(form == "safeconduct/batch/v1" and origin == log_key.split("+")[0], "a promise of another log")
    require(signed(batch + "\n", batch_signatures, log_key) is not None, "a promise that the log did not sign")
    node = path_root(leaf, position, int(count), [unbase64(one) for one in path])
    require(node == unbase64(root), "a leaf that was not promised")
    size, root, at_s = checkpoint(tree + "\n", tree_signatures, log_key, witness_key)
    place = floor + position
    shown = {"entry": entry, "origin": origin, "index": place, "deadline": deadline, "size": size, "cosigned": at_s}
    lines = [line.split(" ") for line in run.split("\n")[1:]]
    if size <= place:
        require(at_s is not None and at_s > deadline, "no witness cosigned it after the deadline")
        return shown | {"shows": "short", "leaf": leaf.hex()}
    leaves, nodes = ([unbase64(text) for kind, text in lines if kind == name] for name in ("leaf", "node"))
    require(lines[0] == ["start", str(place)] and len(leaves) == 1, "another place than was promised")
    require(run_root(place, leaves, size, nodes) == root, "leaves that lead to another root")
    require(leaves[0] != leaf, "the entry is where it was promised")
    return shown | {"shows": "replaced", "leaf": leaf.hex(), "instead": leaves[0].hex()}


def proof(content, log_key, witness_key):
    """An entry that stands in the log, cosigned or not."""
    head, tree, tree_signatures = content.split("\n\n")
    _form, extra, index, *path = head.split("\n")
    leaf = unbase64(extra.removeprefix("extra "))
    size, root, at_s = checkpoint(tree + "\n", tree_signatures, log_key, witness_key)
    place = int(index.removeprefix("index "))
    found = path_root(sha256(b"\0", leaf), place, size, [unbase64(one) for one in path])
    require(found == root, "a path that leads to another root")
    entry = json.loads(leaf)
    shown = {"shows": "included", "entry": entry["id"], "type": entry["type"], "index": place, "size": size}
    return shown | {"cosigned": at_s, "leaf": sha256(b"\0", leaf).hex()}


def evidence(content, log_key, witness_key):
    """Two checkpoints that the log signed, of which neither continues the other."""
    head, *notes = content.split("\n\n")
    _form, claim, *more = head.split("\n")
    trees = [checkpoint(notes[at] + "\n", notes[at + 1], log_key, witness_key) for at in (0, 2)]
    (size, root, _), (larger, large, _) = sorted(trees)
    require(claim == "claim forked", "an order in time that only its keeper knows")
    if size == larger:
        require(root != large, "the same tree twice")
    else:
        within, *path = [unbase64(line.removeprefix("root ")) for line in more]
        require(within != root, "a tree that may continue the other")
        require(
            old_and_new_root(size, larger, within, path) == (within, large), "a root that is not in the larger tree"
        )
    return {"shows": "forked", "sizes": [size, larger], "cosigned": [at_s for _, _, at_s in trees]}


def judge(contents, log_key, witness_key):
    readers = {
        "safeconduct/omission@v1": omission,
        "safeconduct/evidence@v1": evidence,
        "c2sp.org/tlog-proof@v1": proof,
    }
    found = [readers[content.partition("\n")[0]](content, log_key, witness_key) for content in contents]
    if len(found) == 1:
        return found[0]
    claim, answer = found
    require((claim["shows"], claim["leaf"]) == ("short", answer["leaf"]), "two things that are not about one entry")
    require(answer["cosigned"] is not None and answer["cosigned"] <= claim["cosigned"], "no earlier cosignature")
    return {
        "shows": "the witness contradicts itself",
        "entry": claim["entry"],
        "cosigned with it": [answer["size"], answer["cosigned"]],
        "cosigned without it": [claim["size"], claim["cosigned"]],
    }


def main(log_key, witness_key, *files):
    try:
        found = judge([Path(file).read_text(encoding="utf-8") for file in files], log_key, witness_key)
    except (WorthlessError, ValueError, KeyError, IndexError) as error:
        found = {"shows": "nothing", "why": str(error) or type(error).__name__}
    sys.stdout.write(json.dumps(found) + "\n")
    return int(found["shows"] == "nothing")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
