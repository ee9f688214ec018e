"""Floor 8, the command line: parse, call one workflow, print one report, exit."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Sequence

import click

from provenance import __version__
from provenance.cli.exit import run

# How many new objects call for a search for cyclic garbage (Python's own figure is 700). Over a large folder a command
# makes hundreds of thousands that live to its end, and hardly a cycle: searching all of them again and again costs it
# a tenth to a fifth of its time. What is not in a cycle is freed at once as ever.
NEW_OBJECTS = 50_000
# Each command in a module of its own that is imported when it is called: `--help` must answer at once.
COMMANDS: dict[str, tuple[str, str]] = {
    "digest": ("digest", "Tell what a file or folder is: digests of files, folder and weights."),
    "diff": ("diff", "Compare two models, tensor by tensor."),
    "proof": ("proof", "Prove that a tensor is in a model's weights, and check it without them."),
    "dataset": ("dataset", "Know a dataset by its records, and prove that a record is in it."),
    "keygen": ("keygen", "Make a key pair to sign with."),
    "trust": ("trust", "Write, check and show trust files: whom to believe, as what."),
    "attest": ("attest", "Sign statements about a dataset or a release."),
    "assess": ("assess", "Sign what you found after looking at a model or a dataset."),
    "waive": ("waive", "Sign that a requirement is gone without, until a day."),
    "record": ("record", "Run a pipeline step and sign what went in and came out."),
    "sign": ("sign", "Sign a model (OpenSSF Model Signing v1.0)."),
    "bundle": ("bundle", "Verify or inspect one signed bundle."),
    "store": ("store", "Keep many bundles, and find those that speak of a model."),
    "export": ("export", "Write recorded steps in the formats of other tools."),
    "verify": ("verify", "Judge a model and its evidence by a policy."),
    "explain": ("explain", "Explain why a verdict is what it is."),
    "next": ("next", "Tell the fewest things that a model lacks to pass."),
    "reproduce": ("reproduce", "Recompute attested checksums, or run a step again."),
    "admit": ("admit", "Copy a model into a registry if it passes a policy."),
    "inventory": ("inventory", "List many models: how open they are, declared and shown."),
    "declared": ("declared", "Read what cards, Croissant, SBOMs and lock files declare."),
    "licence": ("licence", "Explain a licence as somebody wrote it."),
    "policy": ("policy", "List, show and check policies."),
    "demo": ("demo", "See the whole story on real models."),
}


class LazyGroup(click.Group):
    """Knows its commands by name and one line; imports one when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """The names, in the order in which a newcomer would use them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        """Import the one command that was asked for."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"provenance.cli.{COMMANDS[name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The table of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="provenance")
def cli() -> None:
    """Prove how open an AI model is, and that it is the model that it claims to be.

    Exit codes: 0 passed; 1 not passed; 2 the question could not be asked; 130 interrupted.

    \b
    Example:
      provenance verify ./model --policy osaid-1.0 --trust trust.yaml --report report.html
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script: runs one command and exits with its code."""
    gc.set_threshold(NEW_OBJECTS)
    run(cli, arguments)
