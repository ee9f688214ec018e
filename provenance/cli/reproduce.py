"""`provenance reproduce`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.common import (
    EXISTING,
    Shown,
    as_of_option,
    common_options,
    now,
    signer_from,
    trust_options,
)
from provenance.cli.exit import NOT_PASSED, PASSED
from provenance.errors import UsageError
from provenance.reports.escape import printable

if TYPE_CHECKING:
    from provenance.bundles.trust import TrustSource
    from provenance.workflows.reproducer.report import ReproductionReport

_WORDS = {
    "equal": "Equal: bit for bit",
    "equal-in-tensors": "Equal in tensors only",
    "different": "Different",
    "undetermined": "Undetermined",
}
_SHOWN = 20


@click.command()
@click.argument("model", type=EXISTING)
@click.option("--evidence", multiple=True, type=EXISTING, metavar="DIR", help="Signed bundles; MODEL.provenance/.")
@trust_options("Trust file.", required=True)
@as_of_option
@click.option("--rerun", "again", is_flag=True, help="Run the recorded step that made the model again, and compare.")
@click.option("--allow-execute", is_flag=True, help="Consent to running the recorded command.")
@click.option("--inputs", multiple=True, type=EXISTING, metavar="PATH",
              help="Where the recorded inputs are looked for.")
@click.option("--step", help="Which step to run again, where several made the model.")
@click.option("--no-sandbox", is_flag=True, help="Run the command with everything that you may see and do.")
@click.option("--key", type=EXISTING, metavar="FILE", help="Sign what was found with this private key.")
@click.option("--bundle", type=EXISTING, metavar="FILE",
              help="Where to write it; MODEL.provenance/reproduction.sigstore.json.")
@common_options
def command(
    model: Path, evidence: tuple[Path, ...], trust: TrustSource, as_of: datetime | None, again: bool,
    allow_execute: bool, inputs: tuple[Path, ...], step: str | None, no_sandbox: bool, key: Path | None,
    bundle: Path | None, shown: Shown,
) -> int:
    """Recompute every attested checksum of MODEL, or, with --rerun, make it again from its record.

    Exit code 0 only when everything is bit for bit as attested. A recorded command is run only from a trusted
    producer's step, with --allow-execute, and without network, home or keys.

    \b
    Example:
      provenance reproduce ./model --evidence model.provenance --trust trust.yaml
      provenance reproduce ./model --trust trust.yaml --rerun --allow-execute --inputs . --key auditor.key
    """
    from provenance.bundles.store import SUFFIX, default_folder
    from provenance.workflows.reproduce import reproduce, rerun, sign_reproduction

    if not again and (allow_execute or inputs or step or no_sandbox):
        raise UsageError("usage", "--allow-execute, --inputs, --step and --no-sandbox belong to --rerun",
                         location="provenance reproduce", hint="add --rerun to run the recorded step again")
    moment = as_of or now()
    if again:
        report = rerun(model, evidence, trust, as_of=moment, inputs=inputs, allow_execute=allow_execute, step=step,
                       no_sandbox=no_sandbox, progress=shown.progress)
    else:
        report = reproduce(model, evidence, trust, as_of=moment, progress=shown.progress)
    shown.answer(report.to_dict(), lambda: _text(report))
    if key is not None and report.outcome != "undetermined":
        signed = sign_reproduction(report, signer_from(key), bundle or default_folder(model) / f"reproduction{SUFFIX}")
        click.echo(f"Signed: {printable(str(signed.bundle))}, sha256 {signed.sha256}", err=True)
    return PASSED if report.passed else NOT_PASSED


def _text(report: ReproductionReport) -> str:
    made = f"step {printable(report.step_name)}, run again" if report.mode == "rerun" else "recomputed from its bytes"
    lines = [f"{_WORDS[report.outcome]}: {printable(report.model)}, {made}", f"  {report.meaning}",
             f"  compared {report.files:,} files and {report.tensors:,} tensors"]
    for item in report.compared:
        signer = item.statement.principal.name if item.statement.principal else "nobody"
        lines.append(f"  {item.comparison.outcome:<16}  {printable(item.label)} by {printable(signer)}, "
                     f"{printable(item.statement.file)}")
    for difference in report.differences[:_SHOWN]:
        far = "" if difference.largest is None else f", largest absolute difference {difference.largest:g}"
        lines.append(f"  {difference.kind} {printable(difference.name)}: {printable(difference.what)}{far}")
    if len(report.differences) > _SHOWN:
        lines.append(f"  and {len(report.differences) - _SHOWN:,} more differences; --format json lists them all")
    lines += [f"  rejected  {printable(item.file)}: {item.status}, {printable(item.reason)}"
              for item in report.rejected]
    lines += [f"  {f.severity}  {printable(f.location)}: {printable(f.message)} [{f.code}]" for f in report.findings]
    return "\n".join(lines) + "\n"
