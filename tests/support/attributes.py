"""The demo's program with everything that freezes can select by: subprocessors, nationalities, two paths and models."""

import hashlib

from safeconduct.access.selectors import place_tag
from safeconduct.ledger.keys import SecretKey
from support.programs import KEYS, demo_program, signed_by_both

PIA = "stranger"
"""Whose of the tests' keys pia has."""
TAG_SECRET = bytes(range(32))
IRAN, FRANCE = place_tag(TAG_SECRET, "ir"), place_tag(TAG_SECRET, "fr")

ORGANIZATIONS = """
  acme: {role: subprocessor, name: Acme Analysts, tier: 2, key: "%s", jurisdiction: de}
  hoster: {role: subprocessor, name: Hoster, key: "%s"}

agreement:"""
PEOPLE = """
  cy: {organization: acme, kind: service, sponsor: bo, tier: 2}
  dee: {organization: northwind, kind: service, sponsor: bo, tier: 2, employers: [acme]}
  pia: {organization: northwind, kind: person, key: "%s", roles: [administrator], tier: 2}

scopes:"""
MODELS = """
upstreams:
  local: {vendor: local, region: unstated-here, retention: none, operator: hoster, jurisdiction: ie, key_id: key_7}

models:
  strong: {version: strong-1, aliases: [latest], tier: 2}

paths:
  hunting:
    purpose: threat-hunting
    models: [strong]
    tier: 2
    upstream: other
    scope: northwind-perimeter
    targets: any
    data_classes: [unlabeled]
    autonomy: triage
    limits: {request_bytes: 4096, output_tokens: 64, deadline_s: 120}"""
GRANT = """
  {name}:
    principal: {principal}
    path: {path}
    purpose: {purpose}
    scope: northwind-perimeter
    window: {{from: 2026-01-01T00:00:00Z, until: 2027-12-31T00:00:00Z}}"""


def attributed() -> bytes:
    """Returns the program, signed."""
    text = demo_program().decode()
    keys = [SecretKey(hashlib.sha256(name).digest()).public.text for name in (b"acme", b"hoster")]
    grants = "".join(
        GRANT.format(name=f"{who}-{what}", principal=who, path=path, purpose=purpose)
        for who, what, path, purpose in (
            ("cy", "triage", "soc-triage", "incident-triage"),
            ("dee", "triage", "soc-triage", "incident-triage"),
            ("ana", "hunting", "hunting", "threat-hunting"),
            ("pia", "hunting", "hunting", "threat-hunting"),
        )
    )
    text = text.replace("\nagreement:", ORGANIZATIONS % tuple(keys), 1)
    text = text.replace("name: Northwind Bank, ", "name: Northwind Bank, tier: 2, jurisdiction: us, ")
    text = text.replace("roles: [analyst]}", f"roles: [analyst], tier: 2, nationalities: [us, {FRANCE}]}}")
    text = text.replace("roles: [responder]}", f"roles: [responder], nationalities: [{IRAN}]}}")
    text = text.replace("\nscopes:", PEOPLE % KEYS[PIA].public.text, 1)
    text = text.replace("\npaths:", MODELS, 1).replace("\ngrants:", f"\ngrants:{grants}", 1)
    text = text.replace('models: ["smollm2-135m"]', "models: [smollm2-135m, strong]\n    tier: 2")
    return signed_by_both(text.encode())
