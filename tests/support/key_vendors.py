"""Vendors' administration of keys, as strict as their documents: what is not exactly asked for is refused.

`faults` are taken one by one: `failed` before anything happened, `lost` where it did and the answer was not sent.
Refusals quote the credential, as vendors do.
"""

import json

from support.vendors import Reply, VendorStandIn

ADMIN, PROJECT, KEY = "sk-admin-4711", "proj_1", "key_7"


class KeyVendor(VendorStandIn):
    """One key, `state` of which is the vendor's word for it; None where it has no such key."""

    live, dead = "active", "inactive"

    def __init__(self, state="active"):
        super().__init__(self._answer)
        self.state, self.faults, self.changes = state, [], 0

    def _answer(self, came):
        fault = self.faults.pop(0) if self.faults else ""
        if isinstance(fault, Reply):
            return fault
        if fault == "failed":
            return Reply(503, parts=(b"{}",))
        answered = self._known(came)
        return Reply(parts=(b"",), broken=True) if fault == "lost" else answered

    def _known(self, came):
        if not self.allowed(came.headers):
            return said(401, {"error": f"wrong credential: {came.headers}"})
        if came.target != self.place or self.state is None:
            return said(404, {"error": "no such key"})
        if came.method == "GET":
            return said(200, {"id": KEY, "status": self.state})
        return self.change(came)


class OpenAIVendor(KeyVendor):
    place = f"/v1/organization/projects/{PROJECT}/api_keys/{KEY}"

    def allowed(self, headers):
        return headers.get("authorization") == f"Bearer {ADMIN}"

    def change(self, came):
        if came.method != "DELETE" or came.body:
            return said(400, {"error": "not a deletion"})
        self.state, self.changes = None, self.changes + 1
        return said(200, {"object": "organization.project.api_key.deleted", "id": KEY, "deleted": True})

    def table(self, key_file):
        return (
            f'vendor = "openai"\nadmin = {{ url = "{self.origin}/v1", project = "{PROJECT}", key-file = "{key_file}" }}'
        )


class AnthropicVendor(KeyVendor):
    place = f"/v1/organizations/api_keys/{KEY}"

    def allowed(self, headers):
        return (headers.get("x-api-key"), headers.get("anthropic-version")) == (ADMIN, "2023-06-01")

    def change(self, came):
        asked = came.headers.get("content-type"), json.loads(came.body)
        if came.method != "POST" or asked != ("application/json", {"status": "inactive"}):
            return said(400, {"error": "not an update"})
        self.state, self.changes = "inactive", self.changes + 1
        return said(200, {"type": "api_key", "id": KEY, "status": self.state})

    def table(self, key_file):
        return f'vendor = "anthropic"\nadmin = {{ url = "{self.origin}", key-file = "{key_file}" }}'


def said(status, document):
    return Reply(status, parts=(json.dumps(document).encode(),))
