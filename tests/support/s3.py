"""A strict stand-in for a store that speaks S3. The AWS SDK's own signer says which signatures are right."""

import datetime as dt
import hashlib

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support.siem import Server

REGION = "eu-central-1"
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SKEW_MAX = dt.timedelta(minutes=15)


def expected_signature(method, url, headers, moment, *, session=None):
    """Returns the signature that the SDK makes over a request with exactly these headers."""
    auth = S3SigV4Auth(Credentials(KEY, SECRET, session), "s3", REGION)
    request = AWSRequest(method=method, url=url, headers=headers)
    request.context["timestamp"] = moment
    return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


class Bucket(Server):
    """Objects by key, with conditional writes."""

    def __init__(self, now):
        super().__init__()
        self.now = now
        self.objects = {}
        self.writes = []

    def answer(self, request, body):
        wrong = self._wrong(request, body)
        if wrong:
            return 403, {}, f"<Error><Code>{wrong}</Code></Error>".encode()
        if request.command == "GET":
            held = self.objects.get(request.path)
            return (200, {"etag": tag(held)}, held) if held is not None else (404, {}, b"<Code>NoSuchKey</Code>")
        return self._put(request, body)

    def _put(self, request, body):
        held = self.objects.get(request.path)
        if request.headers.get("if-none-match") == "*" and held is not None:
            return 412, {}, b"<Code>PreconditionFailed</Code>"
        match = request.headers.get("if-match")
        if match is not None and held is None:
            return 404, {}, b"<Code>NoSuchKey</Code>"
        if match is not None and match != tag(held):
            return 412, {}, b"<Code>PreconditionFailed</Code>"
        if match is None and "if-none-match" not in request.headers:
            return 400, {}, b"<Code>unconditional</Code>"
        if self.script and self.script[0] == "conflict":
            self.script.popleft()
            return 409, {}, b"<Code>ConditionalRequestConflict</Code>"
        self.objects[request.path] = body
        self.writes.append(request.path)
        return 200, {"etag": tag(body)}, b""

    def _wrong(self, request, body):
        given = request.headers.get("authorization", "")
        if not given.startswith("AWS4-HMAC-SHA256 "):
            return "MissingAuthenticationToken"
        parts = dict(part.split("=", 1) for part in given.removeprefix("AWS4-HMAC-SHA256 ").split(", "))
        moment = request.headers["x-amz-date"]
        if parts["Credential"] != f"{KEY}/{moment[:8]}/{REGION}/s3/aws4_request":
            return "InvalidAccessKeyId"
        told = dt.datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        if abs(told - self.now()) > SKEW_MAX:
            return "RequestTimeTooSkewed"
        if hashlib.sha256(body).hexdigest() != request.headers["x-amz-content-sha256"]:
            return "XAmzContentSHA256Mismatch"
        names = parts["SignedHeaders"].split(";")
        must = {name.lower() for name in request.headers if name.lower().startswith("x-amz-")} | {"host"}
        if not must <= set(names):
            return "AccessDenied"
        headers = {name: request.headers[name] for name in names}
        url = f"http://{request.headers['host']}{request.path}"
        return "" if expected_signature(request.command, url, headers, moment) == parts["Signature"] else "NoMatch"


def tag(content):
    return f'"{hashlib.md5(content).hexdigest()}"'  # noqa: S324 - what S3 calls an ETag
