"""Texts of public corpora, with pseudonyms in place of all that is found and back again: the same, byte for byte."""

import os
import tarfile
from itertools import islice

import pytest

from safeconduct.access.data_handling import DataHandling
from safeconduct.access.inventory import NO_INVENTORY
from safeconduct.boundary.by_field import names_in
from safeconduct.boundary.protecting import protect
from safeconduct.boundary.pseudonyms import Known, Pseudonyms
from safeconduct.boundary.recognizing import recognize
from safeconduct.boundary.restoring import Restorable
from safeconduct.boundary.tokens import TOKEN
from support.corpora import corpora
from support.restored import restore

LONG = bool(os.environ.get("SAFECONDUCT_LONG"))
TEXTS_MAX = 4_000 if LONG else 30  # of each archive
TEXT_BYTES_MAX = 65_536 if LONG else 4_096
ARCHIVES = (
    "sigma/rules.tar.xz",
    "zeek/zeek-json.tar.xz",
    "cloudtrail/stratus.tar.xz",
    "cloudtrail/invictus.tar.xz",
    "otrf/lsass-campaign-05.tar.xz",
    "guard/inthewild_jailbreaks.tar.xz",
    *(("guard/benign_cti_questions.tar.xz", "guard/bipia-train.tar.xz") if LONG else ()),
)


class AllAlike(dict):
    """Rules that pseudonymize every class there is."""

    def __missing__(self, data_class):
        return DataHandling.PSEUDONYMIZE

    def get(self, data_class, default=None):
        return DataHandling.PSEUDONYMIZE


def texts(archive):
    """Yields the texts of an archive, cut where they are long."""
    with tarfile.open(corpora() / archive, "r|*") as members:
        for member in members:
            file = members.extractfile(member) if member.isfile() else None
            data = file.read() if file else b""
            for at in range(0, len(data), TEXT_BYTES_MAX):
                yield data[at : at + TEXT_BYTES_MAX].decode(errors="ignore")


def undone(text, used):
    return TOKEN.sub(lambda one: used.get(one[0], one[0]), text)


@pytest.mark.parametrize("archive", ARCHIVES)
def test_every_text_comes_back_as_it_was(archive):
    known, tokens, count, size = Known(), 0, 0, 0
    for text in islice(texts(archive), TEXTS_MAX):
        space = Pseudonyms(lambda: b"\x07" * 32, known, keep_subnets=True)
        found = recognize(text, NO_INVENTORY, names_in((text,)))
        done = protect(text, found, AllAlike(), space, restored=True)
        assert undone(done.text, space.used) == text
        assert restore(done.text, Restorable(originals=space.used)).text == text
        assert all(known.fits(token, value) for token, value in space.used.items())
        known.learn(space.used)
        tokens, count, size = tokens + len(space.used), count + 1, size + len(text)
    print(f"{archive}: {count} texts, {size} characters, {tokens} tokens")  # noqa: T201 - shown with -s
