"""The table of MITRE ATT&CK® techniques that a claim or a rule may name. tools/attack_table.py makes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec


@dataclass(frozen=True)
class Tactic:
    """A tactic: `id` as TA0001, `name` for people."""

    id: str
    name: str


@dataclass(frozen=True)
class Technique:
    """A technique or sub-technique. `tactics` are short names, the keys of the table's tactics."""

    name: str
    tactics: tuple[str, ...]
    revoked: bool = False
    deprecated: bool = False

    @property
    def in_use(self) -> bool:
        """True for one that ATT&CK still uses."""
        return not (self.revoked or self.deprecated)


@dataclass(frozen=True)
class AttackTable:
    """One release of ATT&CK for Enterprise, with the notice and license that go with every copy."""

    source: str
    notice: str
    license: str
    tactics: Mapping[str, Tactic]
    techniques: Mapping[str, Technique]

    def technique(self, technique_id: str) -> Technique | None:
        """Returns the technique of an id such as T1110.001, whether in use or not; None if there never was one."""
        return self.techniques.get(technique_id)

    def in_use(self, technique_id: str) -> bool:
        """Tells whether there is such a technique, neither revoked nor deprecated."""
        found = self.techniques.get(technique_id)
        return found is not None and found.in_use

    def name(self, technique_id: str) -> str:
        """Returns a technique's name with its parent's, as `Brute Force: Password Guessing`."""
        found = self.techniques.get(technique_id)
        parent = self.techniques.get(technique_id.partition(".")[0])
        if found is None or parent is None or parent is found:
            return found.name if found else technique_id
        return f"{parent.name}: {found.name}"


def attack_version(source: str) -> str:
    """Returns the major version in the name of a release, as `18`: what layer files are named by."""
    return source.split()[3].partition(".")[0]


@cache
def attack_table() -> AttackTable:
    """Returns the table that ships with the package."""
    return msgspec.json.decode(files("safeconduct.soc").joinpath("attack.json").read_bytes(), type=AttackTable)
