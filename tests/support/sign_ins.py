"""The demo's program with an identity provider, and what its ID tokens would say."""

from safeconduct.access.sign_in import LIFETIME_MAX, Claims, nonce_of, sign_in
from support.programs import demo_program

ISSUER, CLIENT, SUBJECT = "https://login.northwind.example", "safeconduct", "00u1ana"
VERIFIER = "v" * 43

PROVIDER = """identity_providers:
  northwind-sso:
    organization: northwind
    issuer: {issuer}
    client_id: safeconduct
    contexts: {{pwd: 0, phr: 1}}

"""


def with_sign_ins(source=None, *, issuer=ISSUER, subject=SUBJECT, key=True):
    """Returns a program in which ana signs in; without `key` that is all she has."""
    text = (source or demo_program()).decode()
    line = next(line for line in text.splitlines() if line.startswith("  ana: "))
    ana = line.replace("roles:", f"identity: {{provider: northwind-sso, subject: {subject}}}, roles:")
    if not key:
        stated = ana[ana.index("key:") : ana.index("identity:")]
        ana = ana.replace(stated, "")
    return (text.replace(line, ana) + "\n" + PROVIDER.format(issuer=issuer)).encode()


def claims(now, **changed):
    at = now // 1_000_000
    stated = {"iss": ISSUER, "sub": SUBJECT, "aud": CLIENT, "exp": at + 600, "iat": at, "nonce": nonce_of(VERIFIER)}
    return Claims(**(stated | changed))


def signs_in(writer, *, verifier=VERIFIER, provider="northwind-sso", lifetime=LIFETIME_MAX, told=None, **changed):
    """Brings an ID token with these claims; returns what was issued for it."""
    found = told or claims(writer.now, **changed)
    return writer.run(lambda tx: sign_in(tx, bytes, provider, found, verifier=verifier, lifetime=lifetime))
