"""The demo's program with readers, a matrix, retention and an auditor; and who they are."""

import base64
import hashlib
import re

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from safeconduct.ledger.keys import SecretKey
from support.programs import KEYS, demo_program, signed_by_both


def reader_secret(name):
    """Returns a reader's X25519 secret."""
    return X25519PrivateKey.from_private_bytes(hashlib.sha256(f"reader {name}".encode()).digest())


def _public(name):
    return "x25519:" + base64.b64encode(reader_secret(name).public_key().public_bytes_raw()).decode()


PROVIDER_KEY, AUDITOR_KEY = _public("provider"), _public("auditor")
KEYS.setdefault("audit-office", SecretKey(hashlib.sha256(b"audit-office").digest()))
KEYS.setdefault("eve", SecretKey(hashlib.sha256(b"eve").digest()))
KEYS.setdefault("ivo", SecretKey(hashlib.sha256(b"ivo").digest()))

READERS = f"""\
  auditor: audit-office
  readers:
    provider: {PROVIDER_KEY}
    auditor: {AUDITOR_KEY}
  fields:
    gateway.call.intent/request: {{readers: [partner, provider]}}
    gateway.call.outcome/*: {{readers: [partner, auditor], opening: two-party}}
  retention:
    call: 30
"""

ORGANIZATION = '  audit-office: {role: auditor, name: Audit Office, key: "%s"}\n'
PEOPLE = """\
  eve: {organization: audit-office, kind: person, key: "%s", roles: [reader]}
  ivo: {organization: northwind, kind: person, key: "%s", roles: [administrator]}
"""
OPENING = """\
  opening:
    groups:
      - {organization: northwind, role: responder, count: 1}
      - {organization: meridian, role: administrator, count: 1}
"""


def with_readers(part=READERS, *, keep=True):
    """Returns the program file with a part added to its agreement; without, only the people more."""
    office = ORGANIZATION % KEYS["audit-office"].public.text
    people = PEOPLE % (KEYS["eve"].public.text, KEYS["ivo"].public.text)
    source = demo_program().decode()
    source = source.replace("  northwind: {role: partner", f"{office}  northwind: {{role: partner")
    source = source.replace("\nscopes:\n", f"{people}\nscopes:\n")
    source = source.replace("\nresponses:\n", f"{OPENING}\nresponses:\n")
    source = without_readers(source)
    if keep:
        source = source.replace("\nprincipals:\n", f"{part}\nprincipals:\n")
    return signed_by_both(source.encode())


def without_readers(source):
    """Returns a program file without what its agreement says of readers."""
    return re.sub(r"\n  readers:.*?\n\nprincipals:", "\n\nprincipals:", source, flags=re.DOTALL)
