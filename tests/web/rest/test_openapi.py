"""Requests made up from the OpenAPI document: none breaks the server, and every answer is of the form that it tells."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import lanista as la
from lanista.journal import MemoryStore
from lanista.web import create_app
from tests.web.rest.conftest import WRITE, fill

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
HEADERS = {**WRITE, "Host": "localhost"}
NEVER_ENDS = "/api/v1/events"
OPERATIONS = [
    f"{method.upper()} {path}"
    for path, operations in create_app("memory").openapi()["paths"].items()
    for method in operations
    if path != NEVER_ENDS
]


@pytest.fixture(scope="module")
def schema() -> Any:
    """The document of a server that has two experiments."""
    store = MemoryStore()
    fill(store)
    la.Experiment("driven", {"x": la.Float(0, 1)}, store=store, searcher="random").ask()
    app = create_app(store)
    document = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=HEADERS)
    document.store = store
    return document


def attack(schema: Any, operation: str, examples: int) -> None:
    """Sends requests to one operation; most of them to an experiment that is there."""
    found = next(one.ok() for one in schema.get_all_operations() if one.ok().label == operation)

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(
        case=found.as_strategy(), name=st.sampled_from(["digits", "driven", "digits", None]), number=st.integers(0, 6)
    )
    def check(case: Any, name: str | None, number: int) -> None:
        if name is not None and "name" in case.path_parameters and case.method != "DELETE":
            case.path_parameters["name"] = name
            if "number" in case.path_parameters:
                case.path_parameters["number"] = number
        answer = case.call(headers=HEADERS)
        case.validate_response(answer, checks=CHECKS)

    check()
    assert {info.name for info in schema.store.experiments()} >= {"digits", "driven"}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_made_up_requests_are_answered_as_the_document_says(schema, operation: str) -> None:
    attack(schema, operation, 10)


@pytest.mark.long
@pytest.mark.parametrize("operation", OPERATIONS)
def test_many_made_up_requests_are_answered_as_the_document_says(schema, operation: str) -> None:
    attack(schema, operation, 200)
