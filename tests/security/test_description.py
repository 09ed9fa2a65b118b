"""The server answers as its own description says: a short run of schemathesis (description.py has the long one), and the document itself.

DESCRIPTION_EXAMPLES is how many examples of each operation; from 20 on the edges of every member are tried too, some 12 000 requests.
"""

import os
from pathlib import Path

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.helpers.api import api
from tests.security.description import PHASES, run

EXAMPLES = int(os.environ.get("DESCRIPTION_EXAMPLES", "4"))


@pytest.mark.timeout(1800)
def test_answers_are_as_described(tmp_path: Path) -> None:
    with api(tmp_path, workers=1) as server:
        document = httpx.get(f"{server.url}/api/v1/openapi.json").json()
        OpenAPIV31SpecValidator(document).validate()
        names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
        assert len(names) == len(set(names)) > 60
        told = run(server, tmp_path, examples=EXAMPLES, phases=PHASES if EXAMPLES >= 20 else "examples,fuzzing")
        assert "No issues found" in told


def test_a_description_that_lies_is_found(tmp_path: Path) -> None:
    """The run would notice: a document that leaves out what is answered."""
    with api(tmp_path, workers=1) as server:
        document = httpx.get(f"{server.url}/api/v1/openapi.json").json()
        for one in document["paths"]["/api/v1/version"].values():
            one["responses"]["202"] = one["responses"].pop("200")
        file = tmp_path / "lie.json"
        file.write_bytes(httpx.Response(200, json=document).content)
        with pytest.raises(AssertionError, match="Undocumented status code"):
            run(server, tmp_path, examples=1, phases="fuzzing", document=str(file), only=["get_api_v1_version"])
