"""`provenance inventory`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli.common import EXISTING, PATH_OR_ADDRESS, Shown, as_of_option, now, settings_option, trust_options
from provenance.cli.exit import PASSED

if TYPE_CHECKING:
    from rich.progress import TaskID

    from provenance.bundles.trust import TrustSource
    from provenance.policy.mof import Profile

Count = Callable[[int], None]


@click.command()
@click.argument("paths", nargs=-1, required=True, type=PATH_OR_ADDRESS, metavar="PATH...")
@click.option("--policy", "policies", multiple=True, metavar="ID_OR_FILE",
              help="A shipped policy by id, mof-1.0, or a .yaml file; repeatable.")
@settings_option
@click.option("--profile", type=click.Choice(["mot-compat", "type-strict"]), default="mot-compat", show_default=True,
              help="What counts as a MOF component: open licences, or open licences made for its kind.")
@trust_options("Trust file; without it nobody is believed.")
@as_of_option
@click.option("--resume", type=EXISTING, metavar="STATE",
              help="Keep finished rows there, and go on from it; whoever can write it writes the table.")
@click.option("--scheduler", metavar="ADDRESS", help="Read on the workers of this Dask scheduler, by the same paths.")
@click.option("--online", is_flag=True, help="Allow the network: a scheduler on another machine.")
@click.option("--format", "output_format", type=click.Choice(["text", "json", "csv", "html"]), default="text",
              show_default=True, help="What to print.")
@click.option("--output", "output_file", type=EXISTING, metavar="FILE", help="Write there instead of printing.")
@click.option("-v", "--verbose", is_flag=True, help="Say more about the work on standard error.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
def command(
    paths: tuple[Path | str, ...], policies: tuple[str, ...], settings: Mapping[str, str], profile: Profile,
    trust: TrustSource | None, as_of: datetime | None, resume: Path | None, scheduler: str | None, online: bool,
    output_format: str, output_file: Path | None, verbose: bool, quiet: bool,
) -> int:
    """List the models behind each PATH: MOF class, rungs declared and shown, verdicts and scores, what is missing.

    A PATH is a folder with a model or with many, a MOF configuration file (.yml), a model card (.md), a Hub cache, a
    weight file, hf://org/name[@revision] (the local Hugging Face cache), or a list with one of these or org/name a
    line. Exit code 0 when the table is complete, whatever the verdicts.

    \b
    Example:
      provenance inventory ./models --policy mof-1.0 --policy osaid-1.0 --trust trust.yaml
      provenance inventory ./models --format html --output inventory.html --resume state.jsonl
      provenance inventory ./models --policy procurement-public-sector --set jurisdictions=EU,CH
      provenance inventory ids.txt hf://org/name@main --format csv
    """
    from provenance.reports.inventory import render_inventory
    from provenance.workflows.inventory import inventory

    if verbose:
        from provenance.cli.verbose import say_more

        say_more()
    shown = Shown(output_format, output_file, quiet)
    with _counted(shown) as (progress, total):
        table = inventory(paths, policies, settings=settings, profile=profile, trust=trust, as_of=as_of, now=now(),
                          resume=resume, scheduler=scheduler, online=online, progress=progress, total=total)
    shown.text(render_inventory(table.document, output_format, width=shown.width))
    return PASSED


@contextmanager
def _counted(shown: Shown) -> Iterator[tuple[Count | None, Count | None]]:
    """`(progress, total)` in models: a bar with the time that is left on a terminal, else nothing."""
    if shown.quiet or not sys.stderr.isatty():
        yield None, None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task: TaskID = bar.add_task("Models", total=None)
        yield (lambda count: bar.advance(task, count)), (lambda count: bar.update(task, total=count))
