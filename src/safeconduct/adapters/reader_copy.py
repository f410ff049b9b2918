"""A reader's copy on its own disk: the blobs of its fields, and its data keys under its own key-encryption key."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from safeconduct.adapters.folder import read_folder, write_file
from safeconduct.adapters.key_rotation import finish
from safeconduct.adapters.key_tables import KeyTables, NewKey
from safeconduct.adapters.mirror import FILE_ABSENT
from safeconduct.adapters.mirror_evidence import Fetch
from safeconduct.adapters.sqlite.database import connect, migrate
from safeconduct.adapters.sqlite.key_schema import MIGRATIONS
from safeconduct.adapters.sqlite.keys import SqliteKeyFile
from safeconduct.adapters.wrapping_keys import FileWrappingKeys
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.ids import Origin
from safeconduct.kernel.ports import Entropy
from safeconduct.ledger.copies import Readable, Served, Taken, check_blob, decode_records, readable
from safeconduct.ledger.export import PAYLOAD_FOLDER, FolderSource, payload_path, verify_files
from safeconduct.ledger.ports import LogSource
from safeconduct.ledger.reader import LogReader
from safeconduct.ledger.sealing import DataKey, DataKeyName, KeySelector, Readership, WrappedKey
from safeconduct.ledger.tiles import CHECKPOINT_PATH
from safeconduct.ledger.trust import Trust
from safeconduct.ledger.wrapping import ReaderSecret


class ServedOverHttp:
    """`Served` over the log's address, as `fetch_over_http` reaches it."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def wrapped(self, after: int) -> Sequence[WrappedKey]:
        return decode_records(self._fetch(f"wrapped-keys/{after}"))

    def blob(self, entry_id: str, name: str) -> bytes | None:
        try:
            return self._fetch(payload_path(entry_id, name))
        except UnavailableError as error:
            if error.code == FILE_ABSENT:
                return None
            raise


class ReaderCopy:
    """What one reader keeps of one log beside its mirror: `payload/` as in an export, `keys.db` and `kek/`.

    Keys are not kept as they came: what is wrapped for the reader's public key opens from any old copy of the folder
    for as long as its secret is in use, so that no key could be destroyed. Used by one thread.
    """

    def __init__(self, folder: Path, origin: Origin, reader: Reader, entropy: Entropy) -> None:
        path = folder / "keys.db"
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._origin, self._reader = folder, origin, reader
        self._connection = connect(path)
        migrate(self._connection, MIGRATIONS, path.name)
        self._tables = KeyTables(SqliteKeyFile(self._connection, path), FileWrappingKeys(folder / "kek", entropy))
        finish(self._tables)

    def source(self, mirror: Path, trust: Trust) -> LogSource:
        """Returns the log as the mirror has it, with the blobs of this copy.

        Raises:
            UnavailableError: the mirror does not verify (`mirror-damaged`).
        """
        read, paths = read_folder(mirror)
        verified = verify_files(read, paths, trust)
        if verified.findings:
            raise UnavailableError(f"the mirror is damaged: {verified.findings[0].text}", code="mirror-damaged")
        signed, trusted = trust.signed(read(CHECKPOINT_PATH) or b"")
        return FolderSource(lambda path: read(path) or self._read(path), paths, signed, trusted.log)

    def update(self, source: LogSource, served: Served, secret: ReaderSecret) -> Taken:
        """Brings the copy up to date with the log: first keys, then the blobs of the fields that they open.

        Raises:
            UnavailableError: the keeper does not answer, or gave what is not this reader's or not what the log says;
                what came before that stays.
        """
        keys = sum(self._take(records, secret) for records in self._records(served))
        missing, blobs = [], 0
        for field in self._wanted(source):
            blob = served.blob(field.entry_id, field.name)
            if blob is None:
                missing.append((field.entry_id, field.name))
            else:
                check_blob(field, blob)
                write_file(self._folder, payload_path(field.entry_id, field.name), blob)
                blobs += 1
        return Taken(keys=keys, blobs=blobs, missing=tuple(missing))

    def opener(self, source: LogSource) -> LogReader:
        """Returns what opens this reader's fields, from this copy alone."""
        return LogReader(source, self, role=self._reader)

    def get(self, key_id: str) -> bytes | None:
        """Returns a data key, or None if it is not held: never given, or destroyed.

        Raises:
            UnavailableError: it is damaged.
        """
        return self._tables.key(key_id)

    def ids(self, selector: KeySelector) -> list[str]:
        """Returns the ids of the data keys that fit. A reader is not told their subjects."""
        return self._tables.ids(selector)

    def destroy(self, key_ids: Collection[str]) -> None:
        """Destroys data keys as `DataKeys.destroy` promises. They are not taken again.

        Raises:
            UnavailableError: not all of it is done; ask again.
        """
        self._tables.retire(key_ids)
        finish(self._tables)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def _records(self, served: Served) -> Iterator[Sequence[WrappedKey]]:
        while records := served.wrapped(after := self._tables.taken()):
            numbers = [after, *(record.number for record in records)]
            if sorted(set(numbers)) != numbers:
                raise UnavailableError(
                    f"expected data keys after number {after} in order, got {numbers[1:4]}", code="records-unreadable"
                )
            yield records

    def _take(self, records: Sequence[WrappedKey], secret: ReaderSecret) -> int:
        opened = [self._opened(record, secret) for record in records]
        self._tables.insert(opened, taken=records[-1].number)
        return len(opened)

    def _opened(self, record: WrappedKey, secret: ReaderSecret) -> NewKey:
        readers = frozenset({self._reader})
        name = DataKeyName(origin=self._origin, subject="", retention=record.retention, readers=readers, day=record.day)
        key = secret.unwrap(record.wrapped, self._origin, record.id, self._reader)
        return NewKey(name, Readership(readers=readers, house=True), DataKey(record.id, key, readers))

    def _wanted(self, source: LogSource) -> Iterator[Readable]:
        for field in readable(source, self._origin, self._reader):
            if source.blob(field.entry_id, field.name) is None and self.get(field.said.key) is not None:
                yield field

    def _read(self, path: str) -> bytes | None:
        file = self._folder / path
        return file.read_bytes() if path.startswith(f"{PAYLOAD_FOLDER}/") and file.is_file() else None
