"""Judge a model from Python, and act on the answer: what `provenance verify` does, as a library.

    python gate.py MODEL POLICY TRUST_FILE

Prints the open points and exits with 1 when the model does not pass.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from provenance.errors import ProvenanceError
from provenance.workflows.verify import verify


def main(model: str, policy: str, trust: str) -> int:
    """0 passed, 1 not passed, 2 the question could not be asked."""
    moment = datetime.now(UTC)
    try:
        verification = verify(Path(model), policy, trust=Path(trust), as_of=moment, now=moment)
    except ProvenanceError as err:
        print(f"{err.code}: {err.message} ({err.location}); {err.hint}", file=sys.stderr)
        return 2
    document = verification.document
    print(f"{document['model']['name']}: {document['result']} by {policy}, rung shown: {document['ladder']['shown']}")
    for point in document["openPoints"]:
        print(f"  open: {point}")
    return 0 if verification.passed else 1


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:4]))
