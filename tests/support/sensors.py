"""The public samples of network and cloud sensors, as files: name and content."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator

from support.corpora import corpora

File = tuple[str, bytes]


def packed(archive: str, suffix: str = "") -> Iterator[File]:
    """Yields the files of a corpus whose names end so; those compressed by themselves come unpacked."""
    with tarfile.open(corpora() / archive) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(suffix):
                content = tar.extractfile(member).read()
                yield member.name, gzip.decompress(content) if member.name.endswith(".gz") else content


def zeek_json() -> list[File]:
    """Zeek's JSON logs with `_path` and, from the examples of OCSF, without."""
    plain = packed("ocsf/examples.tar.xz", ".log")
    return [*packed("zeek/zeek-json.tar.xz", ".json.gz"), *(file for file in plain if "/Zeek/" in file[0])]


def zeek_tables() -> list[File]:
    """Zeek's tab-separated logs of a recorded attack."""
    ((_, content),) = packed("otrf/lsass-campaign-05.tar.xz", "zeek_logs.zip")
    with zipfile.ZipFile(io.BytesIO(content)) as inner:
        return [(name, inner.read(name)) for name in inner.namelist() if name.endswith(".log")]


def suricata() -> list[File]:
    """Alerts of Suricata."""
    return list(packed("suricata/eve-alerts.tar.xz", "alerts-only.json"))


def cloudtrail() -> list[File]:
    """CloudTrail's records of two attack simulations."""
    return [*packed("cloudtrail/invictus.tar.xz", ".json"), *packed("cloudtrail/stratus.tar.xz", ".json")]


def ocsf_samples() -> dict[str, bytes]:
    """The mapped samples of ocsf/examples, and the raw ones beside them, by path."""
    return {name: content for name, content in packed("ocsf/examples.tar.xz") if name.endswith((".ocsf", ".raw"))}
