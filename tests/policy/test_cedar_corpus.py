"""Cedar's own integration tests through our decision point (cedar-policy/cedar-integration-tests, Apache-2.0).

Ours differs on purpose in three ways, and only there: an engine error denies, an unknown entity denies, and
policies carry an @id. So each policy gets one here, and a request is expected to be allowed where the corpus says so,
reports no error, and names entities that its store has.
"""

import json
import os
import shutil
from pathlib import Path

import cedarpy
import pytest

from safeconduct.policy import Entities, EntityRecord, EntityUid, Extension, PolicyRequest, PolicySet, decide
from safeconduct.policy.source import statements

pytestmark = [
    pytest.mark.corpora,
    pytest.mark.skipif("SAFECONDUCT_CORPORA" not in os.environ, reason="SAFECONDUCT_CORPORA is not set"),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cedar")
    shutil.unpack_archive(Path(os.environ["SAFECONDUCT_CORPORA"]) / "cedar" / "handwritten-tests.tar.xz", folder)
    return folder


CORPUS_REQUESTS = 74
CORPUS_DENIED_BY_OURS = {"policy-error": 0, "entity-missing": 2}  # as docs/spec/policy.md section 1 says


def with_ids(text):
    return "\n".join(f'@id("policy{number}")\n{one.text}' for number, one in enumerate(statements(text)))


def uid(document):
    found = document.get("__entity", document)
    return EntityUid(found["type"], found["id"])


def value(document):
    if isinstance(document, list):
        return tuple(map(value, document))
    if isinstance(document, dict) and "__extn" in document:
        return Extension(document["__extn"]["fn"], document["__extn"]["arg"])
    if isinstance(document, dict) and ("__entity" in document or set(document) == {"type", "id"}):
        return uid(document)
    if isinstance(document, dict):
        return {name: value(inner) for name, inner in document.items()}
    return document


def store(documents):
    """Compiles the corpus's entities, with a bare one added for each that is named but not there."""
    records = {}
    for document in documents:
        attributes = {name: value(inner) for name, inner in document["attrs"].items()}
        parents = tuple(uid(parent) for parent in document["parents"])
        records[uid(document["uid"])] = EntityRecord(uid(document["uid"]), attributes, parents)
    named = {parent for record in records.values() for parent in record.parents}
    for missing in named - set(records):
        records[missing] = EntityRecord(missing)
    return Entities.compile(records.values())


def test_every_decision_of_the_corpus(corpus):
    decided, differing = 0, dict.fromkeys(CORPUS_DENIED_BY_OURS, 0)
    for path in sorted((corpus / "tests").rglob("*.json")):
        suite = json.loads(path.read_text())
        documents = json.loads((corpus / suite["entities"]).read_text())
        policies = PolicySet.compile(with_ids((corpus / suite["policies"]).read_text()))
        entities = store(documents)
        for request in suite["requests"]:
            asked = PolicyRequest(
                uid(request["principal"]), uid(request["action"]), uid(request["resource"]), value(request["context"])
            )
            decision = decide(policies, asked, entities)
            known = {asked.principal, asked.resource} <= entities.compiled.keys()
            expected = request["decision"] == "allow" and not request["errors"] and known
            assert decision.allowed == expected, (path.name, request["description"], decision)
            if known and not request["errors"]:
                assert sorted(decision.determining) == sorted(request["reason"])
            decided += 1
            if decision.allowed != (request["decision"] == "allow"):
                differing[decision.reasons[0].code] += 1
    assert decided == CORPUS_REQUESTS
    assert differing == CORPUS_DENIED_BY_OURS


def test_the_corpus_policies_fit_their_schemas_where_they_should(corpus):
    for path in sorted((corpus / "tests").rglob("*.json")):
        suite = json.loads(path.read_text())
        policies = (corpus / suite["policies"]).read_text()
        result = cedarpy.validate_policies(policies, (corpus / suite["schema"]).read_text())
        assert result.validation_passed == suite["shouldValidate"], path.name
