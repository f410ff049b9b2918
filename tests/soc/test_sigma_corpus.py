"""Other people's rules load (SigmaHQ/sigma 8eaafff1f, DRL 1.1; not part of this project)."""

import random
import tarfile

import pytest

from safeconduct.soc.detection.parsing import check
from support.corpora import corpora

pytestmark = pytest.mark.corpora

_CHOICE = random.Random(7)  # noqa: S311 - repeatable, not secret
SAMPLED = 100  # all 3,141 take ten seconds


def test_all_public_rules_load():
    with tarfile.open(corpora() / "sigma" / "rules.tar.xz") as archive:
        members = sorted((m for m in archive.getmembers() if m.name.endswith(".yml")), key=lambda m: m.name)
        chosen = set(_CHOICE.sample([m.name for m in members], SAMPLED))
        files = [(m.name, archive.extractfile(m).read().decode()) for m in members if m.name in chosen]
    rules, problems = check(files)
    assert problems == []
    assert len(rules.events) == SAMPLED
