"""The API against its own description: no 5xx, no answer that the OpenAPI document does not allow.

SCHEMATHESIS_EXAMPLES sets the examples for each operation: few by default, thousands of requests in all with

    SCHEMATHESIS_EXAMPLES=200 pytest -s tests/incidents/test_api_schemathesis.py
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, Response
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from incidents import tokens
from incidents.api.app import create_app
from incidents.bootstrap import App
from incidents.store import incidents, outbox, processes, rulebooks
from incidents.store.incidents import Filter
from incidents.store.processes import Beat
from tests.incidents.api_house import replayed_house

QUICK = 24
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", str(QUICK)))

BEYOND_OPENAPI = {"cursor", "from"}
"""Parameters that can be wrong in a way OpenAPI has no words for: no cursor of ours; `from` after `to`."""


def furnished(house: App) -> dict[str, Any]:
    """Something of everything in the house; the path parameters that name it."""
    now = house.now()
    with house.store.write() as tx:
        for role in ("collector", "worker"):
            processes.beat(tx, Beat(role, role, 1, "host", now, 1, {}), now)
        processes.report(tx, "gap", "lines were lost", int(now), None, "s", "p", 3, "lines")
        version = rulebooks.add(tx, "max_services: 5", "d", "rulebook.yaml", "file", "", now)
        incident = incidents.find(tx, Filter(limit=1))[0]
        message = outbox.rows(tx, incident.id)[0]
        assert outbox.claim(tx, message.id, now, 60) is not None
    return {
        "incident_id": incident.id,
        "service": incident.service,
        "node": incident.culprit.nodes[0],
        "notification_id": message.id,
        "version": version,
    }


house = replayed_house()
there = furnished(house)
secret = tokens.create(house.store, "schemathesis", ["read"], house.now()).secret
schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(house))
answers: Counter[int] = Counter()


@schema.parametrize()
# The quick run asks the same every time; a longer one looks for what nobody thought of.
@settings(max_examples=EXAMPLES, derandomize=EXAMPLES == QUICK, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_description_allows(case: Case[Any]) -> None:
    asked(case)
    if case.path_parameters:
        # Ids made up are never those of anything: ask for what is there as well, with the query as it was made up.
        case.path_parameters = {name: there[name] for name in case.path_parameters}
        asked(case, negative_data_rejection)


def asked(case: Case[Any], *excluded: Any) -> None:
    response = case.call(headers={"Authorization": f"Bearer {secret}"})
    answers[response.status_code] += 1
    if beyond_openapi(response):
        excluded = (*excluded, positive_data_acceptance)
    case.validate_response(response, excluded_checks=list(excluded))


def beyond_openapi(response: Response) -> bool:
    if response.status_code != 422:
        return False
    return {error["name"] for error in json.loads(response.content)["errors"]} <= BEYOND_OPENAPI


def test_the_requests_were_many_and_of_every_kind() -> None:
    sys.stdout.write(f"\n{sum(answers.values())} requests: {dict(sorted(answers.items()))}\n")
    assert sum(answers.values()) >= 2000 or EXAMPLES < QUICK
    assert answers[200] > 20 and answers[404] and answers[422]
