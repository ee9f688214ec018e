"""The verdict as JSON: the document itself, in one fixed spelling (`schemas/verdict.schema.json`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from provenance.reports.escape import json_text


def render_json(verdict: Mapping[str, Any]) -> str:
    """Sorted keys, two spaces, a newline at the end; nothing is cut, and the value is the verdict's own."""
    text = json.dumps(verdict, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False, default=dict)
    return json_text(text) + "\n"
