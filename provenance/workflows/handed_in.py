"""What a model is judged by is handed in: a policy or trust file that came with the model is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from provenance.bundles.trust import TrustSource
from provenance.errors import PolicyError, TrustError
from provenance.policy.policy import is_file


def refuse_from_model(model: Path, policies: Sequence[str] = (), trust: Path | TrustSource | None = None) -> None:
    """PolicyError `policy-invalid` or TrustError `trust-invalid` for a file in the folder `model`, or the file itself.

    Whoever made the model would say by what it is judged, and whom to believe about it.
    """
    root = model.resolve()
    for policy in policies:
        if is_file(policy) and Path(policy).resolve().is_relative_to(root):
            raise PolicyError("policy-invalid", "the policy lies in the model that it is to judge", location=policy,
                              hint="give a policy that you keep, not one that came with the model")
    place = TrustSource.of(trust).path if trust is not None else None
    if place is not None and place.resolve().is_relative_to(root):
        raise TrustError("trust-invalid", "the trust file lies in the model that it is to judge", location=str(place),
                         hint="give a trust file that you keep, not one that came with the model")
