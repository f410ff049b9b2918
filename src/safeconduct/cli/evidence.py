"""Documents that are evidence: hashed where they are; nothing else of them is sent."""

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from safeconduct.adapters.files import read_file
from safeconduct.kernel.errors import TooLargeError

EVIDENCE_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of a document that is hashed here: a long scan. It is read and goes nowhere."""

Document = Annotated[Path, typer.Option("--file", help="The document. Its SHA-256 is sent, and nothing else of it.")]
Kind = Annotated[str, typer.Option("--kind", help="What it is, as a name such as passport.")]
Source = Annotated[str, typer.Option("--source", help="Where it is from, as a name such as civil-registry.")]


def file_digest(file: Path) -> str:
    """Returns the SHA-256 of a document.

    Raises:
        TooLargeError: it is over EVIDENCE_BYTES_MAX.
    """
    content = read_file(file, EVIDENCE_BYTES_MAX)
    if len(content) > EVIDENCE_BYTES_MAX:
        raise TooLargeError(f"{file} has more than {EVIDENCE_BYTES_MAX} bytes", remedy="submit a smaller scan of it")
    return hashlib.sha256(content).hexdigest()
