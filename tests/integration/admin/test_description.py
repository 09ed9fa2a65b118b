"""The OpenAPI document and the page to browse it by, from a running server."""

import re
from pathlib import Path

import httpx

from nsblast.admin.app import endpoints
from tests.helpers.api import api


def test_the_document_names_every_endpoint_and_the_page_needs_nobody_else(tmp_path: Path) -> None:
    with api(tmp_path, workers=1) as server, httpx.Client(base_url=server.url) as http:
        document = http.get("/api/v1/openapi.json").json()
        assert document["openapi"] == "3.1.0"
        for one in endpoints():
            told = document["paths"][one.full_path][one.method.lower()]
            assert {str(status) for status in one.answers} <= set(told["responses"])
            assert ("401" in told["responses"]) is bool(one.login)
            assert [p["name"] for p in told.get("parameters", []) if p["in"] == "path"] == re.findall(
                r"\{(\w+)\}", one.full_path
            )
        names = set(re.findall(r'"#/components/schemas/([^"]+)"', http.get("/api/v1/openapi.json").text))
        assert names <= set(document["components"]["schemas"])
        assert "caa" in document["components"]["schemas"]["EntryForm"]["properties"]
        for way in ("/", "/api", "/api/docs/"):
            assert http.get(way).headers["location"] == "/api/docs"
        page = http.get("/api/docs")
        assert page.headers["content-type"].startswith("text/html")
        assert "script-src 'self'" in page.headers["content-security-policy"]
        needed = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert needed
        for path in needed:
            assert path.startswith("/"), path
            assert http.get(path).status_code == 200
