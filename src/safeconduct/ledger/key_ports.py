"""Where data keys are kept, and what they are wrapped under. Each docstring is a promise that tests/adapters holds."""

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from safeconduct.kernel.entries import Reader
from safeconduct.ledger.sealing import DataKey, DataKeyName, KeySelector, Readership, WrappedKey

STALE_S = 0.25
"""Seconds until what a process remembers of data keys is held against the store, where others use it too: so long a key
that another process destroyed may still be used."""


class KeyWrapper(Protocol):
    """One key-encryption key of the house: a file, a token or a key management service holds it. Any thread."""

    @property
    def id(self) -> str:
        """Names the key: up to 64 letters of [0-9a-z-], never used for another key."""
        ...

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        """Returns the key encrypted and bound to the bytes given.

        Raises:
            UnavailableError: the holder of the key does not answer.
        """
        ...

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """Returns a key that was wrapped under this one and bound to these bytes.

        Raises:
            UnavailableError: it was not (`data-key-damaged`), or the holder of the key does not answer.
        """
        ...


class WrappingKeeper(Protocol):
    """Keeps key-encryption keys under names and never gives them out. Any thread may use it."""

    def make_wrapping(self, name: str) -> None:
        """Makes a key, durably.

        Raises:
            KeyUnavailableError: it can't be reached, refuses, or has a key of that name.
        """
        ...

    def wrap(self, name: str, key: bytes, bound: bytes) -> bytes:
        """Returns the key encrypted under the one of that name, and bound to the bytes given.

        Raises:
            KeyUnavailableError: it can't be reached, refuses, or has no such key.
        """
        ...

    def unwrap(self, name: str, wrapped: bytes, bound: bytes) -> bytes | None:
        """Returns a key that was wrapped so; None if it was not.

        Raises:
            KeyUnavailableError: it can't be reached, refuses, or has no such key.
        """
        ...

    def destroy_wrapping(self, name: str) -> None:
        """Destroys a key; one that is not there is no error.

        Raises:
            KeyUnavailableError: it can't be reached or refuses.
        """
        ...


class WrappingKeys(Protocol):
    """The house's key-encryption keys. Which of them is in use, whoever wraps under it keeps."""

    def ids(self) -> list[str]:
        """Returns the ids of the keys there are.

        Raises:
            UnavailableError: it can't be told.
        """
        ...

    def find(self, key_id: str) -> KeyWrapper:
        """Returns a key.

        Raises:
            UnavailableError: there is none of this id (`wrapping-key-missing`), or it can't be read.
        """
        ...

    def make(self) -> KeyWrapper:
        """Returns a new key, which is durable.

        Raises:
            UnavailableError: it can't be made.
        """
        ...

    def destroy(self, key_id: str) -> None:
        """Destroys a key so that nobody can use it again; one that is not there is no error.

        Raises:
            UnavailableError: it can't be, and may still be there.
        """
        ...


class OpeningKeys(Protocol):
    """Data keys as far as opening fields goes."""

    def get(self, key_id: str) -> bytes | None:
        """Returns a key; None if it is not the holder's to open, was never made, or was destroyed.

        Raises:
            UnavailableError: it is damaged, or can't be unwrapped now.
        """
        ...


class DataKeys(OpeningKeys, Protocol):
    """The keys that seal fields, kept apart from the log so that destroying one is not undone by a backup of it.

    None is ever stored unwrapped. `get` is for any thread.
    """

    def make(self, name: DataKeyName, readership: Readership) -> DataKey:
        """Returns the key of this name and readership, made if there is none. Writer's thread.

        It may be lost until `commit`. A key that the house may not read is forgotten when the process ends, and
        another is made.

        Raises:
            InvalidInputError: nobody could open it (`reader-without-key`), or a reader's public key is none.
        """
        ...

    def commit(self) -> None:
        """Makes every key that was made durable, wrapped for each of its readers. Costs nothing if there is none.

        Raises:
            UnavailableError: it can't.
        """
        ...

    def wrapped(self, reader: Reader, after: int = 0) -> Iterator[WrappedKey]:
        """Yields the keys that were wrapped for a reader and committed, by number, from the one after. Any thread.

        Raises:
            UnavailableError: one is damaged.
        """
        ...

    def ids(self, selector: KeySelector) -> Sequence[str]:
        """Returns the ids of the keys that fit. Any thread."""
        ...

    def retire(self, key_ids: Collection[str]) -> None:
        """Takes keys out of use at once: nobody gets them here any more. `destroy` must follow.

        Between batches, for one may be sealing under them.

        Raises:
            UnavailableError: it can't; if the commit itself failed it may be done.
        """
        ...

    def destroy(self, key_ids: Collection[str]) -> None:
        """Destroys keys; those that are not there are no error. Any thread, once they are retired; others go on.

        On return no byte of them, raw or wrapped, is in any file of the store, and what an earlier copy of these
        files holds can't be opened any more.

        Raises:
            UnavailableError: not all of that is done. Asked again it is done, and so it is at the next start.
        """
        ...
