"""Real texts to plant assets in, and assets in the spellings that people give them. Everything follows from a seed."""

import base64
import hashlib
import json
import random
import re
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

SEED = 20_261_122
TEXT_CHARACTERS_MAX = 2_000
TEXTS_MAX = 400  # of each corpus, those of the least SHA-256
_URL_HOST = re.compile(r"https?://(?:[a-z0-9-]+\.)+([a-z]{2,24})(?=[/\s\"')])", re.IGNORECASE)
_ABOUT = re.compile(r"^(?:references|author|date|modified|id|related):.*\n(?:^ *- .*\n|^ +.*\n)*", re.MULTILINE)


@dataclass(frozen=True)
class Planted:
    """A text with one asset in it: its kind, its one spelling, and how it was written."""

    kind: str
    asset: str
    written: str
    text: str


def prose(folder: Path) -> dict[str, list[str]]:
    """Returns what people write: questions of analysts, mails and tables."""
    questions = json.loads(_member(folder / "guard/benign_cti_questions.tar.xz", "benign_cti_questions.json"))
    lines = [
        json.loads(line)
        for name in ("bipia_email_train.jsonl", "bipia_table_train.jsonl")
        for line in _member(folder / "guard/bipia-train.tar.xz", name).decode().splitlines()
    ]
    return {
        "questions": [one["question_text"] for one in questions],
        "mails and tables": [one["context"][:TEXT_CHARACTERS_MAX] for one in lines],
    }


def code(folder: Path) -> dict[str, list[str]]:
    """Returns what is half code: rules of detection, without what they say of themselves, and advisories."""
    return {
        "rules": [_ABOUT.sub("", text)[:TEXT_CHARACTERS_MAX] for text in _members(folder / "sigma/rules.tar.xz")],
        "advisories": [text[:TEXT_CHARACTERS_MAX] for text in _members(folder / "advisories/pysec-to-2023.tar.xz")],
    }


def half(texts: Sequence[str], *, tuning: bool) -> list[str]:
    """Returns the texts that rules were tuned on, or the others: by the last byte of their SHA-256."""
    drawn = sorted(dict.fromkeys(texts), key=_digest)[:TEXTS_MAX]
    return [one for one in drawn if (_digest(one)[-1] < 128) is tuning]  # noqa: PLR2004 - half of a byte


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def suffixes(texts: Sequence[str]) -> list[str]:
    """Returns the top-level domains of the addresses in texts, as often as they come there."""
    return [found.lower() for text in texts for found in _URL_HOST.findall(text)]


def root_zone() -> list[str]:
    """Returns every top-level domain in letters, of the list that hypothesis brings along."""
    listed = files("hypothesis").joinpath("vendor/tlds-alpha-by-domain.txt").read_text().split("\n")[1:]
    return [one.lower() for one in listed if one and not one.startswith("XN--")]


def plant(number: int, texts: Sequence[str], endings: Sequence[str], kind: str) -> Planted:
    """Returns the text of a number with an asset of a kind between two of its words."""
    draw = random.Random(f"{SEED}/{kind}/{number}")  # noqa: S311 - repeatable on purpose
    asset, spellings = KINDS[kind](draw, endings)
    words = draw.choice(texts).split(" ")
    written = draw.choice(spellings)
    words.insert(draw.randrange(len(words) + 1), written)
    return Planted(kind, asset, written, " ".join(words))


_Made = tuple[str, Sequence[str]]


def _domain(draw: random.Random, endings: Sequence[str]) -> _Made:
    labels = ["".join(draw.choices("bcdfghklmnprstvwz", k=draw.randint(4, 9))) for _ in range(draw.randint(1, 2))]
    name = ".".join([*labels, draw.choice(endings)])
    safe = name.replace(".", "[.]")
    return name, (
        name,
        f"{name}.",
        f"({name})",
        name.upper(),
        safe,
        name.replace(".", "(dot)"),
        f"hxxps://{safe}/a.php",
    )


def _address(draw: random.Random, _endings: Sequence[str]) -> _Made:
    if draw.random() < 0.3:  # noqa: PLR2004 - three in ten
        found = f"2001:db8:{draw.randrange(1, 65536):x}::{draw.randrange(1, 65536):x}"
        return found, (found, f"[{found}]:443", found.upper(), f"http://[{found}]/")
    found = ".".join(str(draw.randrange(1, 256)) for _ in range(4))
    return found, (found, f"{found}:8443", f"{found}.", f"{found}/32", found.replace(".", "[.]"), f"http://{found}/x")


def _repository(draw: random.Random, _endings: Sequence[str]) -> _Made:
    owner, name = (f"{draw.choice('abcdef')}{draw.randrange(10**6)}-x" for _ in range(2))
    path = f"{owner}/{name}"
    forms = (
        f"https://github.com/{path}",
        f"github.com/{path}.",
        f"git@github.com:{path}.git",
        f"https://github.com/{path}/issues/3",
    )
    return f"repo:github.com/{path}", forms


def _account(draw: random.Random, _endings: Sequence[str]) -> _Made:
    number = f"{draw.randrange(10**11, 10**12)}"
    guid = "-".join(draw.randbytes(size).hex() for size in (4, 2, 2, 2, 6))
    project = f"proj-{draw.randrange(10**6)}x"
    return draw.choice(
        (
            (f"aws:{number}", (f"arn:aws:iam::{number}:role/ops", f"account {number}", f"AWS account ID: {number}")),
            (f"azure:{guid}", (f"/subscriptions/{guid}/resourceGroups/a", f"(/subscriptions/{guid.upper()})")),
            (f"gcp:{project}", (f"projects/{project}/zones/z", f"sa@{project}.iam.gserviceaccount.com")),
        )
    )


def _hash(draw: random.Random, _endings: Sequence[str]) -> _Made:
    algorithm, size = draw.choice((("md5", 16), ("sha1", 20), ("sha256", 32)))
    digits = draw.randbytes(size).hex()
    return f"{algorithm}:{digits}", (digits, digits.upper(), f"{algorithm}={digits},", f"({digits})")


def _hidden(draw: random.Random, endings: Sequence[str]) -> _Made:
    name, _ = _domain(draw, endings)
    script = f"curl http://{name}/a"
    dots = name.replace(".", "\u3002")
    return name, (
        base64.b64encode(script.encode()).decode(),
        base64.b64encode(script.encode("utf-16-le")).decode(),
        f"{name[:3]}\u200b{name[3:]}",
        "".join(chr(ord(one) + 0xFEE0) if one.isalpha() else one for one in dots),
        name.replace(".", " . "),
        name.replace(".", "%2e"),
    )


KINDS: Mapping[str, Callable[[random.Random, Sequence[str]], _Made]] = {
    "domain": _domain,
    "address": _address,
    "repository": _repository,
    "cloud-account": _account,
    "file-hash": _hash,
    "hidden": _hidden,
}


def _member(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as opened:
        found = opened.extractfile(name)
        assert found is not None
        return found.read()


def _members(archive: Path) -> list[str]:
    read: dict[str, str] = {}
    with tarfile.open(archive) as opened:
        for one in opened:  # in its own order: a compressed archive is read forward only
            found = opened.extractfile(one) if one.name.endswith((".yml", ".yaml")) else None
            if found is not None:
                read[one.name] = found.read().decode()
    return [read[name] for name in sorted(read)]
