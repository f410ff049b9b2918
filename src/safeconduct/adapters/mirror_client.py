"""The log's side of a mirror (C2SP tlog-mirror): brings it the entries that it lacks, until it cosigns."""

import gzip
from collections.abc import Callable, Mapping
from itertools import islice

from safeconduct.adapters.outbound import Answered
from safeconduct.adapters.refusals import WitnessError
from safeconduct.ledger.checkpoints import Checkpoint
from safeconduct.ledger.mirror import (
    ACCEPTED,
    ENTRIES_TYPE,
    PACKAGES_MAX,
    MirrorInfo,
    Upload,
    encode_package,
    parse_info,
)
from safeconduct.ledger.notes import NoteError
from safeconduct.ledger.reader import LogReader
from safeconduct.ledger.subtree_proofs import Part
from safeconduct.ledger.witness import CONFLICT, OK

ENTRIES_PATH = "/add-entries"
BODY_BYTES_MAX = 16 * 1024 * 1024  # of one request before it is packed, unless one package alone is larger
REFUSALS_MAX = 3  # the first tells where the mirror stands, further ones that others upload at the same time
_HEADERS = {"content-type": ENTRIES_TYPE, "content-encoding": "gzip"}

Send = Callable[[bytes, Mapping[str, str]], Answered]
"""Sends the body of one `add-entries` request. Raises WitnessError if there is no answer."""


def push(send: Send, log: LogReader, said: Checkpoint, start: int) -> str:
    """Uploads a log's entries up to a checkpoint that is pending at the mirror; returns the cosignatures it answers.

    `start` is how far the mirror is believed to be; where it really is, it says itself. An upload that is cut off is
    taken up where it ended, by the next call too.

    Raises:
        WitnessError: the mirror can't be reached, refuses, or does not get on.
    """
    start, refusals = min(start, said.size), 0
    answered = send(_body(log, said, start), _HEADERS)
    while answered.status in {ACCEPTED, CONFLICT} and refusals < REFUSALS_MAX:
        reached = min(_info(answered).next_entry, said.size)
        refusals += answered.status == CONFLICT or reached <= start
        start = reached
        answered = send(_body(log, said, start), _HEADERS)
    if answered.status == OK:
        return answered.text
    raise WitnessError(
        f"the mirror takes no entries: {answered.status} {answered.text.strip()[:200]}", code="witness-refused"
    )


def _body(log: LogReader, said: Checkpoint, start: int) -> bytes:
    """Returns a request with as many packages as one may have, packed."""
    upload = Upload(said.origin, start, said.size)
    parts, length = [upload.encoded], 0
    for package in islice(upload.packages, PACKAGES_MAX):
        leaves = log.leaves(said.origin, package.start, package.end)
        proof = log.part_of(said.origin, Part(package.base, package.end, said.size))
        part = encode_package(leaves, proof)
        if length and length + len(part) > BODY_BYTES_MAX:
            break
        parts.append(part)
        length += len(part)
    return gzip.compress(b"".join(parts), 1)


def _info(answered: Answered) -> MirrorInfo:
    try:
        return parse_info(answered.text)
    except NoteError as error:
        raise WitnessError(
            f"the mirror does not say where it stands: {error.message}", code="witness-refused"
        ) from error
