"""Uses that nobody may have, under whatever program, tier, grant or break-glass: docs/spec/policy.md section 2.

They are code and no policy, so that no program can leave them out. A use is known by its name, which is what a request,
a path and a grant state as their purpose; what a call does under another name is for policies, scope and inspection.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

PROHIBITED_USES: Mapping[str, str] = {
    "credential-theft": "taking credentials, tokens or keys of others",
    "data-exfiltration": "taking others' data out of where it is kept",
    "denial-of-service": "making a service of others unavailable",
    "extortion": "demanding something for data, access or silence, as with ransomware",
    "malware-deployment": "putting malicious code onto systems",
    "persistence": "keeping access to a system that its owner would end",
    "stealth": "hiding from the defenders of a system",
    "third-party-exploitation": "attacking systems of somebody who did not authorize it",
}
"""Each use by its name, and what it is."""

_BETWEEN_WORDS = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=1024)  # asked for each call, of a few purposes
def prohibited(purpose: str) -> str | None:
    """Returns the prohibited use that a purpose states, however it is spelled with case and separators; None if none.

    Names that hold such a name and more are other uses: `credential-theft-detection` is defense.
    """
    name = _BETWEEN_WORDS.sub("-", purpose.casefold()).strip("-")
    return name if name in PROHIBITED_USES else None
