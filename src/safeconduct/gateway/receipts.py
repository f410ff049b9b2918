"""The text of a receipt, as clients keep it: enough to ask for the proof, and to see that it is the same entry."""

import base64
import re

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ids import EntryId, Origin
from safeconduct.kernel.ports import Receipt

_FORM = re.compile(
    r"origin=([^;\s]+);entry=([0-9A-Z]{26});index=([0-9]+);leaf=([A-Za-z0-9+/=]{44});size=([0-9]+);root=([A-Za-z0-9+/=]{44})"
)


def receipt_text(receipt: Receipt) -> str:
    """Returns `origin=...;entry=...;index=...;leaf=...;size=...;root=...`, hashes in base64.

    It promises that the tree of that size with that root, which the log signed, has the leaf at the index.
    """
    leaf, root = (base64.b64encode(value).decode() for value in (receipt.leaf_hash, receipt.root_hash))
    return (
        f"origin={receipt.origin};entry={receipt.entry_id};index={receipt.index};leaf={leaf}"
        f";size={receipt.tree_size};root={root}"
    )


def parse_receipt(text: str) -> Receipt:
    """Reads the text form; the checkpoint is not part of it.

    Raises:
        InvalidInputError: the text is no receipt.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise InvalidInputError("expected a receipt: origin=...;entry=...;index=...;leaf=...;size=...;root=...")
    origin, entry, index, leaf, size, root = match.groups()
    return Receipt(
        Origin(origin), EntryId(entry), int(index), base64.b64decode(leaf), int(size), base64.b64decode(root), ""
    )
