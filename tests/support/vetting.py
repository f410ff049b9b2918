"""The demo's program with more people, and criteria of vetting."""

import hashlib

from safeconduct.ledger.keys import SecretKey
from support.programs import KEYS, demo_program

PEOPLE = {
    "mia": ("meridian", "[trust-and-safety]"),
    "max": ("meridian", "[trust-and-safety, administrator]"),
    "nora": ("northwind", "[trust-and-safety, administrator]"),
    "nils": ("northwind", "[trust-and-safety]"),
    "cyd": ("cleaners", "[]"),
}
KEYS.update({name: SecretKey(hashlib.sha256(name.encode()).digest()) for name in (*PEOPLE, "cleaners")})

RULES = """
vetting:
  decide_within_days: 5
  escalate_to: max
  holidays: [2026-12-25]
  criteria:
    organization: {valid_days: 365, second_reviewer: another-person, checks: {registered: {about: An extract.}}}
    person:
      valid_days: 180
      second_reviewer: other-organization
      checks:
        identity: {about: A document with a photograph.}
        employment: {about: A letter of the employer.}
        background: {about: A certificate of conduct., tier: 2}
    contractor: {valid_days: 90, second_reviewer: other-organization, checks: {identity: {about: A document.}}}
    service: {valid_days: 90, second_reviewer: another-person, checks: {owner: {about: Who runs it.}}}
    agent: {valid_days: 30, second_reviewer: another-person, checks: {owner: {about: Who runs it.}}}
"""


def vetted_program(rules: str = RULES, *edits: tuple[str, str]) -> bytes:
    """Returns the demo's program with PEOPLE, a contractor's employer, an agent, and the section `vetting`."""
    return with_vetting(demo_program(), rules, *edits)


def with_vetting(program: bytes, rules: str = RULES, *edits: tuple[str, str]) -> bytes:
    """Returns a program of the demo's parties with all that."""
    people = "".join(
        f'  {name}: {{organization: {where}, kind: person, key: "{KEYS[name].public.text}", roles: {roles}'
        f"{', sponsor: bo' if where == 'cleaners' else ''}}}\n"
        for name, (where, roles) in PEOPLE.items()
    )
    firm = f'  cleaners: {{role: subprocessor, name: Cleaners, key: "{KEYS["cleaners"].public.text}"}}\n'
    agent = "  hunter: {organization: northwind, kind: agent, sponsor: bo}\n"
    source = program.decode()
    source = source.replace("\nagreement:\n", f"{firm}\nagreement:\n", 1)
    source = source.replace("\nscopes:\n", f"{people}{agent}\nscopes:\n", 1) + rules
    for old, new in edits:
        assert source.count(old) == 1, (old, source.count(old))
        source = source.replace(old, new)
    return source.encode()
