"""The receipts that a caller keeps, on its own disk: one file that only grows, a receipt a line."""

import os
from collections.abc import Sequence
from pathlib import Path

from safeconduct.adapters.files import sync_folder
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.ports import Receipt
from safeconduct.ledger.receipts import parse_receipt, receipt_text


class KeptReceipts:
    """A file of receipts, in the form of the header. Several processes may add to it at once."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def add(self, receipts: Sequence[Receipt]) -> None:
        """Appends receipts; on return they are on disk.

        Raises:
            UnavailableError: the file can't be written.
        """
        # Each line begins with a newline, so that one that a crash cut short does not spoil the next.
        lines = b"".join(f"\n{receipt_text(receipt)}\n".encode() for receipt in receipts)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                if os.write(descriptor, lines) != len(lines):
                    raise UnavailableError(f"could not write all of {self._file}", code="file-failed")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            sync_folder(self._file.parent)
        except OSError as error:
            raise UnavailableError(f"could not write {self._file}: {error.strerror}", code="file-failed") from error

    def read(self) -> tuple[list[Receipt], list[int]]:
        """Returns what is kept, each once, in the order it came; and the numbers of lines that are no receipts.

        Raises:
            InvalidInputError: there is no such file.
        """
        try:
            lines = self._file.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError as error:
            raise InvalidInputError(f"cannot read {self._file}: {error.strerror}", code="file-unreadable") from error
        kept: dict[Receipt, None] = {}
        damaged = []
        for number, line in enumerate(lines, start=1):
            try:
                if line:
                    kept[parse_receipt(line)] = None
            except InvalidInputError:
                damaged.append(number)
        return list(kept), damaged
