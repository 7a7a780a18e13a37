"""The API against its own description: no 5xx, no answer that the OpenAPI document does not allow.

TOCSIN_SCHEMATHESIS_EXAMPLES sets the examples for each operation: few by default, thousands of requests in all with

    TOCSIN_SCHEMATHESIS_EXAMPLES=200 pytest -s tests/incidents/test_api_schemathesis.py
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, Response
from schemathesis.specs.openapi.checks import positive_data_acceptance

from incidents import tokens
from incidents.api.app import create_app
from tests.incidents.api_house import replayed_house

EXAMPLES = int(os.environ.get("TOCSIN_SCHEMATHESIS_EXAMPLES", "8"))

BEYOND_OPENAPI = {"cursor", "from"}
"""Parameters that can be wrong in a way OpenAPI has no words for: no cursor of ours; `from` after `to`."""

house = replayed_house()
secret = tokens.create(house.store, "schemathesis", ["read"], house.now()).secret
schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(house))
answers: Counter[int] = Counter()


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_description_allows(case: Case) -> None:
    response = case.call(headers={"Authorization": f"Bearer {secret}"})
    answers[response.status_code] += 1
    case.validate_response(response, excluded_checks=[positive_data_acceptance] if _beyond_openapi(response) else [])


def test_the_requests_were_many_and_of_every_kind() -> None:
    sys.stdout.write(f"\n{sum(answers.values())} requests: {dict(sorted(answers.items()))}\n")
    assert sum(answers.values()) >= 20 * min(EXAMPLES, 8)
    assert answers[200] and answers[404] and answers[422]


def _beyond_openapi(response: Response) -> bool:
    if response.status_code != 422:
        return False
    return {error["name"] for error in json.loads(response.content)["errors"]} <= BEYOND_OPENAPI
