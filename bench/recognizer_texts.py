"""Telemetry and prose that recognizers are measured on: corpora, the lab's recording, and lines as sshd writes them."""

import gzip
import io
import json
import random
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.scope_texts import SEED, prose

RECORDING = Path(__file__).parents[1] / "src/safeconduct/cli/demo/recording"
PIECE = 1_024  # characters
TYPICAL = 100
"""Pieces of each typical source."""
EVENTS_MAX = 2_000
"""Events of one corpus: every so many of them, so that all of a recording is in it."""

_SSHD = (
    "sshd[{pid}]: Accepted publickey for {user} from {own} port 50412 ssh2: ED25519 SHA256:{digest}",
    "sshd[{pid}]: Failed password for {user} from {foe} port 40022 ssh2",
    "sshd[{pid}]: Failed password for invalid user {user} from {foe} port 40022 ssh2",
    "sshd[{pid}]: Invalid user {user} from {foe} port 40022",
    "sshd[{pid}]: Connection closed by authenticating user {user} {foe} port 40022 [preauth]",
    "sshd[{pid}]: Connection reset by invalid user {user} {foe} port 40022 [preauth]",
    "sshd[{pid}]: Disconnected from user {user} {own} port 50412",
    "sshd[{pid}]: User {user} from {foe} not allowed because not listed in AllowUsers",
    "sshd[{pid}]: pam_unix(sshd:session): session opened for user {user}(uid=1007) by (uid=0)",
    "sshd[{pid}]: pam_unix(sshd:auth): authentication failure; logname= uid=0 tty=ssh ruser= rhost={foe}  user={user}",
    "sshd[{pid}]: PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost={foe}  user={user}",
    "sshd[{pid}]: error: maximum authentication attempts exceeded for {user} from {foe} port 40022 ssh2 [preauth]",
)
_NAMES = ("amara", "bruno.diaz", "k_lee", "svc-deploy", "x7", "Ingrid", "jose.m", "o-neil", "ops2", "a.b.c", "wei99")


def pieces(found: Sequence[str]) -> list[str]:
    """Returns texts as one, cut into kilobytes."""
    whole = "\n".join(found)
    return [whole[at : at + PIECE] for at in range(0, len(whole), PIECE)]


def typical(folder: Path) -> list[list[str]]:
    """Returns equally many kilobytes of questions of analysts, Sigma rules, audit records and EVE alerts."""
    sources = [questions(folder), sigma(folder), recording("audit.log"), eve(folder)]
    return [pieces(one)[:TYPICAL] for one in sources]


def sshd_lines(count: int) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yields lines as sshd writes them, with what stands in each: user, host, own address, attacker's address."""
    draw = random.Random(SEED)  # noqa: S311 - reproducible, and no secret
    for number in range(count):
        what = {
            "user": f"{draw.choice(_NAMES)}{draw.choice(('', str(draw.randrange(100))))}",
            "host": f"{draw.choice(('web', 'db', 'gw', 'mx'))}{draw.choice(('-', ''))}{draw.randrange(100):02}",
            "own": f"10.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(1, 255)}",
            "foe": f"{draw.randrange(11, 100)}.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(1, 255)}",
        }
        line = _SSHD[number % len(_SSHD)].format(pid=draw.randrange(1000, 32000), digest="k" * 43, **what)
        head = draw.choice(("Nov 22 10:04:05", "2026-11-22T10:04:05.123456+00:00"))
        yield (
            f"{head} {what['host']} {line}",
            {name: one for name, one in what.items() if one in line or name == "host"},
        )


def every(found: list[Any]) -> list[Any]:
    """Returns every so many of what was found."""
    return found[:: max(1, len(found) // EVENTS_MAX)][:EVENTS_MAX]


def windows(folder: Path) -> list[str]:
    """Returns events of a campaign on Windows hosts as JSON lines."""
    with tarfile.open(folder / "otrf/lsass-campaign-05.tar.xz") as archive:
        packed = archive.extractfile("LSASS_campaign_05/metasploit_sharpdump_lsass_memory_dump.zip")
        if packed is None:
            return []
        with zipfile.ZipFile(io.BytesIO(packed.read())) as zipped:
            return every([one for one in zipped.read(zipped.namelist()[0]).decode().splitlines() if one.strip()])


def windows_held_out(folder: Path) -> list[str]:
    """Returns events of 34 other recordings on Windows hosts, which nothing was tuned on."""
    lines: list[str] = []
    for packed in _members(folder / "otrf/atomic.tar", ".zip"):
        with zipfile.ZipFile(io.BytesIO(packed)) as zipped:
            for name in zipped.namelist():
                found = zipped.read(name).decode(errors="replace").splitlines() if name.endswith(".json") else []
                lines += [one for one in found if one.startswith("{")]
    return every(lines)


def cloudtrail(folder: Path, archive: str = "invictus") -> list[str]:
    """Returns records of CloudTrail as JSON lines. Nothing was tuned on those of `stratus`."""
    records = [one for text in _members(folder / f"cloudtrail/{archive}.tar.xz", ".json") for one in _records(text)]
    return every([json.dumps(one) for one in records])


def _records(text: bytes) -> list[Any]:
    found = json.loads(text)
    records = found.get("Records", [found]) if isinstance(found, dict) else found
    return [one for one in records if isinstance(one, dict) and "eventSource" in one]


def zeek(folder: Path) -> list[str]:
    """Returns lines of Zeek's logs that name accounts, hosts or addresses."""
    wanted = ("ssh", "rdp", "kerberos", "ntlm", "ftp", "smb_mapping", "dce_rpc")
    lines = []
    with tarfile.open(folder / "zeek/zeek-json.tar.xz") as archive:
        for member in archive:
            packed = archive.extractfile(member)
            if packed and member.name.endswith(".gz") and Path(member.name).name.split(".")[0] in wanted:
                lines += every(gzip.decompress(packed.read()).decode().splitlines())
    return every(lines)


def eve(folder: Path) -> list[str]:
    """Returns alerts of Suricata as JSON lines."""
    return every(
        [line for text in _members(folder / "suricata/eve-alerts.tar.xz", "only.json") for line in _alerts(text)]
    )


def _alerts(text: bytes) -> list[str]:
    try:
        found = json.loads(text)
    except ValueError:
        return [line for line in text.decode().splitlines() if line.strip()]
    return [json.dumps(one) for one in (found if isinstance(found, list) else [found])]


def sigma(folder: Path) -> list[str]:
    """Returns all Sigma rules."""
    return [one.decode() for one in _members(folder / "sigma/rules.tar.xz", ".yml")]


def questions(folder: Path) -> list[str]:
    """Returns the benign questions of analysts."""
    return prose(folder)["questions"]


def recording(*names: str) -> list[str]:
    """Returns lines of the lab's recording."""
    return [line for name in names for line in (RECORDING / name).read_text().splitlines() if line.strip()]


def _members(archive: Path, ending: str) -> Iterator[bytes]:
    with tarfile.open(archive) as opened:
        for member in opened:
            packed = opened.extractfile(member) if member.isfile() and member.name.endswith(ending) else None
            if packed is not None:
                yield packed.read()
