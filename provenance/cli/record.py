"""`provenance record`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.common import EXISTING, Shown, display_options, pairs, to_text
from provenance.cli.signer_options import signer_options
from provenance.reports.escape import guard_lines, printable
from provenance.statements.step import KINDS, ROLES

if TYPE_CHECKING:
    from provenance.bundles.signers import AnySigner


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--step", "name", required=True, help="A name for the step.")
@click.option("--kind", required=True, type=click.Choice(KINDS), help="What kind of step it is.")
@click.option("--input", "inputs", multiple=True, metavar="ROLE=PATH",
              help="What it uses: training-data=..., base-model=..., source=... (repeatable).")
@click.option("--output", "outputs", multiple=True, required=True, type=EXISTING, metavar="PATH", help="What it makes.")
@click.option("--config", "configuration", multiple=True, type=EXISTING, metavar="FILE", help="A configuration file.")
@click.option("--initial", type=click.Choice(["random", "base-model"]),
              help="Where a step that makes a model begins; random needs a --seed.")
@click.option("--seed", "seeds", multiple=True, metavar="NAME=VALUE", help="A seed that the command uses.")
@click.option("--env", "environment", multiple=True, metavar="NAME", help="A variable to record beyond the usual ones.")
@click.option("--jurisdiction", help="Where, in law, the step runs.")
@click.option("--region", help="Where, on the map, the step runs.")
@click.option("--operator", help="Who runs the machines.")
@click.option("--energy", help="What energy it used, as you know it.")
@click.option("--accelerator-hours", help="How many hours accelerators ran, as you know it.")
@signer_options(piped=False)
@click.option("--bundle", type=EXISTING, metavar="FILE", help="Where to write; OUTPUT.provenance/STEP.sigstore.json.")
@click.argument("command_line", nargs=-1, required=True, metavar="-- COMMAND...")
@display_options
def command(
    name: str, kind: str, inputs: tuple[str, ...], outputs: tuple[Path, ...], configuration: tuple[Path, ...],
    initial: Any, seeds: tuple[str, ...], environment: tuple[str, ...], jurisdiction: str | None, region: str | None,
    operator: str | None, energy: str | None, accelerator_hours: str | None, signer: Callable[[], AnySigner],
    bundle: Path | None, command_line: tuple[str, ...], shown: Shown,
) -> int:
    """Run COMMAND as one step of a pipeline and sign what went in, what came out, and how it ran.

    Output and exit code are the command's; there is no time limit. The key is opened only after it has ended.
    Exit code 2 when the command succeeded but could not be attested.

    \b
    Example:
      provenance record --step train --kind train --initial random --seed seed=1 \\
          --input training-data=corpus --input source=train.py --output model --key lab.key -- python train.py
    """
    from provenance.workflows.record import RecordRequest, record

    request = RecordRequest(
        name, kind, command_line, tuple((role, Path(path)) for role, path in pairs(inputs, "--input", ROLES)), outputs,
        bundle, configuration, initial, {name: _number(value) for name, value in pairs(seeds, "--seed")}, environment,
        jurisdiction=jurisdiction, region=region, energy=energy, operator=operator,
        accelerator_hours=accelerator_hours,
    )
    recorded = record(request, signer=signer, progress=shown.progress)
    if recorded.bundle is None or recorded.statement is None:
        click.echo(f"The command ended with {recorded.exit_code}: nothing is signed.", err=True)
        return recorded.exit_code
    document = {"schemaVersion": "0.1", "kind": "Recorded", "bundle": str(recorded.bundle), "sha256": recorded.sha256,
                "outputs": [{"name": s.name, "digest": dict(s.digest)} for s in recorded.statement.subjects]}
    if shown.format == "json":
        shown.text(to_text(document))
    else:  # on standard error, because standard output is the command's
        told = f"recorded {printable(name)}\nbundle {printable(str(recorded.bundle))}\nsha256 {recorded.sha256}"
        click.echo(guard_lines(told), err=True)
    return recorded.exit_code


def _number(value: str) -> int | str:
    return int(value) if value.removeprefix("-").isdecimal() else value
