"""The requirement catalogue as code: a file per family, a function per requirement.

A check asks the context for evidence that a requirement accepts (voice and role are already applied) and answers with
items. It asks that something be shown, never that something be absent.
"""

from __future__ import annotations

from provenance.policy.checks.base import Check
from provenance.policy.checks.code import CODE
from provenance.policy.checks.data import DATA
from provenance.policy.checks.documents import DOCUMENTS
from provenance.policy.checks.integrity import INTEGRITY
from provenance.policy.checks.law import LAW
from provenance.policy.checks.sovereignty import SOVEREIGNTY
from provenance.policy.checks.stack import STACK
from provenance.policy.checks.weights import WEIGHTS

_FAMILIES = (WEIGHTS, CODE, DATA, DOCUMENTS, STACK, INTEGRITY, LAW, SOVEREIGNTY)
CATALOGUE: dict[str, Check] = {check.id: check for family in _FAMILIES for check in family}

__all__ = ["CATALOGUE", "Check"]
