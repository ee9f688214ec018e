"""`provenance proof make|check`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.common import EXISTING, Shown, as_of_option, common_options, now, to_text, trust_options
from provenance.cli.exit import NOT_PASSED, PASSED
from provenance.errors import UsageError
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.bundles.trust import TrustSource
    from provenance.workflows.proof import ProofCheck


@click.group()
def command() -> None:
    """Prove that a tensor is in a model's weights, and check such a proof without them."""


@command.command()
@click.argument("model", type=EXISTING)
@click.option("--tensor", required=True, metavar="NAME", help="The tensor.")
@click.option("--chunk", type=click.IntRange(min=0), metavar="N", help="And a chunk of it: 2^20 bytes, from 0.")
@common_options
def make(model: Path, tensor: str, chunk: int | None, shown: Shown) -> None:
    """Prove that a tensor is in MODEL. The proof is JSON in either format.

    \b
    Example:
      provenance proof make ./model --tensor model.embed_tokens.weight --output proof.json
    """
    from provenance.workflows.proof import prove

    with shown.progress("Reading") as (progress, total):
        document = prove(model, tensor, chunk=chunk, progress=progress, total=total).to_dict()
    shown.answer(document, lambda: to_text(document))


@command.command()
@click.argument("proof", type=EXISTING)
@click.option("--root", metavar="HEX", help="The tensor tree that you know the weights by.")
@click.option("--bundle", type=EXISTING, metavar="PATH", help="Instead: signed bundles that attest the weights.")
@trust_options("Trust file that names their signers.")
@click.option("--data", type=EXISTING, metavar="FILE", help="Bytes of the tensor, or of the chunk, to hold against it.")
@as_of_option
@common_options
def check(
    proof: Path, root: str | None, bundle: Path | None, trust: TrustSource | None, data: Path | None,
    as_of: datetime | None, shown: Shown,
) -> int:
    """Check a PROOF against a root, or against what a trusted producer attests. Exit code 0 only if it holds.

    \b
    Example:
      provenance proof check proof.json --bundle model.provenance --trust trust.yaml --data embeddings.raw
    """
    from provenance.workflows.proof import check_against_bundle, check_against_root

    if root is not None and bundle is None and trust is None:
        found = check_against_root(proof, root, data=data)
    elif root is None and bundle is not None and trust is not None:
        found = check_against_bundle(proof, bundle, trust, as_of=as_of or now(), data=data)
    else:
        raise UsageError("usage", "give either a root, or a bundle and a trust file", location="--root, --bundle",
                         hint="a root that came with the proof proves nothing")
    shown.answer(found.to_dict(), lambda: _text(found))
    return PASSED if found.holds else NOT_PASSED


def _text(found: ProofCheck) -> str:
    proof = found.proof
    tensor = f"{printable(proof.tensor.name)}  {proof.tensor.dtype} {list(proof.tensor.shape)}"
    lines = [f"{'Holds' if found.holds else 'DOES NOT HOLD'}: {found.reason}",
             f"  tensor  {tensor}, number {proof.index:,} of {proof.count:,}"]
    if proof.chunk is not None:
        lines.append(f"  chunk   number {proof.chunk.index:,} of {proof.chunk.count:,}")
    lines.append(f"  root    {proof.root}")
    lines += [f"  signer  {printable(name)}" for name in found.signers]
    lines += ["  its bytes were not looked at; --data does"] * (found.holds and not found.data_checked)
    return "\n".join(lines) + "\n"
