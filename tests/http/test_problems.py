import pytest

from safeconduct.http.problems import STATUS, error_of, problem
from safeconduct.kernel.errors import Kind, RefusedError, SafeconductError


def every_error():
    return list(SafeconductError.__subclasses__())


@pytest.mark.parametrize("kind", every_error())
def test_an_error_survives_the_wire(kind):
    told = kind("what came", code="some-code", clause="agreement 4.2", remedy="do this")
    heard = error_of(problem(told))
    assert type(heard).kind is told.kind
    assert (heard.message, heard.code, heard.clause, heard.remedy) == (
        "what came",
        "some-code",
        "agreement 4.2",
        "do this",
    )


def test_every_kind_has_a_status_of_its_own():
    assert set(STATUS) == set(Kind)
    assert len(set(STATUS.values())) == len(STATUS)


def test_an_absent_clause_is_absent_from_the_document():
    assert problem(RefusedError("no")) == {
        "type": "urn:safeconduct:error:refused",
        "title": "refused",
        "status": 403,
        "detail": "no",
        "code": "refused",
    }


@pytest.mark.parametrize("document", [{}, {"title": "Not Found"}, {"title": ["refused"]}, {"title": None}])
def test_what_is_no_problem_of_ours_is_still_an_error(document):
    assert error_of(document).kind is Kind.UNAVAILABLE
    assert error_of(document | {"title": "refused"}).kind is Kind.REFUSED
