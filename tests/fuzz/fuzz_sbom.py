"""Bills of materials: read or refused, whatever the document."""

from __future__ import annotations

import json

from harness import fuzz

SEEDS = [
    b"{}",
    json.dumps({"bomFormat": "CycloneDX", "components": [{
        "name": "a", "version": "1", "licenses": [{"license": {"id": "MIT"}}, {"expression": "MIT"}],
        "hashes": [{"alg": "SHA-256", "content": "ab" * 32}], "components": [{"name": "b"}],
    }]}).encode(),
    json.dumps({"spdxVersion": "SPDX-2.3", "packages": [{
        "name": "a", "versionInfo": "1", "licenseConcluded": "MIT", "licenseDeclared": "NOASSERTION",
        "checksums": [{"algorithm": "SHA256", "checksumValue": "ab" * 32}],
    }]}).encode(),
]


def one_input(data: bytes) -> None:
    """As both kinds of document."""
    from provenance.errors import StatementError
    from provenance.statements.reader import parse_json
    from provenance.statements.sbom import CYCLONEDX, SPDX, Sbom
    from provenance.statements.statement import ResourceDescriptor, Statement

    subjects = (ResourceDescriptor("image", {"sha256": "ab" * 32}),)
    for kind in (CYCLONEDX, SPDX):
        try:
            predicate = parse_json(data, "input")
            if isinstance(predicate, dict):
                Sbom.from_statement(Statement(subjects, kind, predicate), "input")
        except StatementError:
            continue


if __name__ == "__main__":
    fuzz(one_input, "provenance.statements.sbom")
