"""A program whose policies change only by the votes of both parties, and others that differ in their policies."""

from support.programs import KEYS, demo_program, signed_by_both

RULE = b"""  policy:
    groups:
      - {organization: meridian, role: trust-and-safety, count: 1}
      - {organization: northwind, role: responder, count: 1}
"""
TESS = b"""  tess: {organization: meridian, kind: person, key: "%s", roles: [trust-and-safety]}
""" % KEYS["stranger"].public.text.encode()


def with_rule(rule=RULE):
    source = demo_program().replace(b"\nprincipals:\n", b"\nprincipals:\n" + TESS)
    return signed_by_both(source.replace(b"\napprovals:\n", b"\napprovals:\n" + rule))


VOTED = with_rule()
STRICTER = VOTED.replace(b"when { context.frozen };", b"when { context.frozen || false };")
BYTE = STRICTER.replace(b"context.frozen || false", b"context.frozen ||  false")
