"""The verdict as GitHub-flavoured Markdown, for job summaries and merge requests; decision first.

Every value passes through `markdown` or `markdown_code` where it is put into a line, and every line begins with our
own words, so that no value can begin a heading, a list, a table or a workflow command.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from provenance.reports import wording
from provenance.reports.escape import guard_lines
from provenance.reports.escape import markdown as md
from provenance.reports.escape import markdown_code as code

_MOST_ROWS = 100
_MOST_ITEMS = 20


def render_markdown(verdict: Mapping[str, Any]) -> str:
    """The verdict as one Markdown document."""
    blocks = [
        *_decision(verdict), *_score(verdict), *_ladder(verdict), *_points(verdict), *_next(verdict),
        *_requirements(verdict), *_waivers(verdict), *_coverage(verdict), *_lineage(verdict), *_declared(verdict),
        *_findings(verdict),
        *_evidence(verdict), *_method(verdict),
        *_titled("Limits", [_bullets(md(limit) for limit in verdict["limits"])]),
    ]
    return guard_lines("\n\n".join(blocks) + "\n", colon="&#58;")


def _titled(title: str, blocks: Iterable[str]) -> Iterator[str]:
    """A heading and its blocks; nothing at all where there are no blocks."""
    filled = [block for block in blocks if block]
    if filled:
        yield f"## {title}"
        yield from filled


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], most: int = _MOST_ROWS) -> list[str]:
    shown, rest = wording.limited(list(rows), most)
    if not shown:
        return []
    lines = [head, ["---"] * len(head), *shown]
    table = "\n".join(f"| {' | '.join(cell or '-' for cell in line)} |" for line in lines)
    return [table, rest] if rest else [table]


def _digest(digests: Mapping[str, str]) -> str:
    return ", ".join(f"{md(name)} {code(value)}" for name, value in sorted(digests.items())) or "no digest"


def _decision(verdict: Mapping[str, Any]) -> Iterator[str]:
    result, model, policy, ladder = wording.result(verdict), verdict["model"], verdict["policy"], verdict["ladder"]
    if verdict["asOfInThePast"]:
        yield f"> **{wording.IN_THE_PAST.format(asOf=md(verdict['asOf']))}**"
    yield f"# {result}: {md(model['name'])}"
    if verdict["informational"]:
        yield f"> {wording.INFORMATIONAL}"
    yield from _table(["Question", "Answer"], [
        ["Model", f"{md(model['name'])}, {model['files']:,} files, {wording.amount(model['bytes'])}"],
        ["Digest", _digest(model["digest"])],
        ["Weights", wording.weights_sentence(verdict)],
        ["Weights digest", _digest(model["weights"]["digest"]) if model["weights"] else ""],
        ["Policy", f"{md(policy['title'])}, {code(policy['id'])} {md(policy['version'])}"],
        ["Policy digest", _digest(policy["digest"])],
        *([["Parameters", md(wording.parameters(policy["parameters"]))]] if "parameters" in policy else []),
        *([["Score", wording.score_sentence(verdict["score"])]] if "score" in verdict else []),
        ["Rung shown", f"**{md(wording.label_of(verdict, ladder['shown']))}**"],
        ["Rung declared", md(wording.label_of(verdict, ladder["declared"]))],
        ["Counts", wording.counts_sentence(verdict)],
        ["As of", md(verdict["asOf"])],
    ])


def _score(verdict: Mapping[str, Any]) -> Iterator[str]:
    if "score" in verdict:
        rows = [[md(group["title"]), md(row["title"]), wording.dimension_words(row), md(row["reason"])]
                for group in verdict["score"]["groups"] for row in group["dimensions"]]
        yield from _titled("Score", _table(["Group", "Dimension", "Answer", "Why"], rows))


def _ladder(verdict: Mapping[str, Any]) -> Iterator[str]:
    rungs = reversed(verdict["ladder"]["rungs"])
    yield from _titled("G7 ladder", _table(["Rung", "On evidence", "As declared"], [
        [md(rung["label"]), str(wording.mark(rung["shown"])), str(wording.mark(rung["declared"]))]
        for rung in rungs
    ]))


def _points(verdict: Mapping[str, Any]) -> Iterator[str]:
    points = wording.why(verdict)
    yield from _titled("Open points", ["\n".join(f"{n}. {md(point)}" for n, point in enumerate(points, start=1))])


def _next(verdict: Mapping[str, Any]) -> Iterator[str]:
    blocks = []
    for towards, steps in wording.steps_forward(verdict):
        lines = _bullets(f"**{md(requirement)}** {md(remedy)}" for requirement, remedy in steps)
        blocks.append(f"Towards {md(towards)}:\n\n{lines}")
    yield from _titled("Next", blocks)


def _requirements(verdict: Mapping[str, Any]) -> Iterator[str]:
    declared = verdict["informational"]
    yield from _titled("Requirements", _table(
        ["Id", "Outcome", "What was shown, or is missing", "Shown by", "Signers", "Evidence"],
        ([f"**{md(row['id'])}**", str(wording.mark(row["outcome"], declared=declared)), _said(row),
          md(wording.shown_by(row)), _many(row["signers"], md), _many(map(wording.short, row["evidence"]), code)]
         for row in verdict["requirements"]),
    ))


def _said(row: Mapping[str, Any]) -> str:
    lines = [f"**{md(row['title'])}**"]
    items, rest = wording.limited(wording.open_items(row), _MOST_ITEMS)
    lines += [f"{wording.mark(item['outcome'])}: {md(wording.item_words(item))}" for item in items]
    lines += [rest] if rest else []
    if not items:
        lines.append(md(row["reason"]))
    lines += [f"*{md(wording.declares(row))}*"] if row["declares"] else []
    return "<br>".join(lines)


def _many(values: Iterable[str], sink: Any) -> str:
    shown, rest = wording.limited(list(values), _MOST_ITEMS)
    return ", ".join([*map(sink, shown), *([rest] if rest else [])])


def _waivers(verdict: Mapping[str, Any]) -> Iterator[str]:
    yield from _titled("Waivers", _table(["File", "Effect", "Approver", "Reason", "In its place", "sha256"], (
        [code(row["file"]), md(wording.waiver_words(row)), md(wording.approver_words(row)), md(row["reason"]),
         md(row["compensatingMeasure"]), code(row["sha256"])]
        for row in verdict["waivers"]
    )))


def _coverage(verdict: Mapping[str, Any]) -> Iterator[str]:
    coverage = verdict["coverage"]
    mark = wording.mark("pass" if coverage["complete"] else "undetermined")
    left_out = coverage["leftOut"]
    yield from _titled("Coverage", [
        f"{mark.sign} {wording.coverage_sentence(verdict)}.",
        *_table(["Risk", "File", "Code"], ([md(row["risk"]), code(row["path"]), code(row["code"])]
                                           for row in coverage["uncovered"])),
        f"Left out of an admitted copy: {_many(left_out, code)}." if left_out else "",
    ])


def _lineage(verdict: Mapping[str, Any]) -> Iterator[str]:
    nodes = {node["id"]: node for node in verdict["lineage"]["nodes"]}
    weakest = verdict["lineage"].get("weakest")
    named = {key: f"{md(node['kind'])} {md(node['label'])}" for key, node in nodes.items()}
    yield from _titled("Lineage", [
        *_table(["Thing", "State", "Digest", "Signers"],
                ([named[key], md(node["state"]), code(wording.short(node["digest"] or "")), _many(node["signers"], md)]
                 for key, node in nodes.items())),
        *_table(["From", "To", "Role", "Joined by"],
                ([named.get(edge["from"], "?"), named.get(edge["to"], "?"), md(edge["role"]), md(edge["strength"])]
                 for edge in verdict["lineage"]["edges"])),
        f"The weakest join between a step and what it made: {md(weakest)}." if weakest else "",
        _bullets(f"Gap: {md(gap)}" for gap in wording.limited(verdict["lineage"]["gaps"], _MOST_ROWS)[0]),
    ])


def _declared(verdict: Mapping[str, Any]) -> Iterator[str]:
    documents = verdict.get("declared", ())
    rows = [[code(told["file"]), md(line["subject"]), md(line["what"]), md(line["value"]), md(wording.heard(line))]
            for told in documents for line in told["lines"]]
    yield from _titled("Declared documents", [
        f"*{wording.BESIDE}*" if rows else "",
        *_table(["Document", "Subject", "What", "Value", "Strength"], rows),
        _bullets(f"{code(told['file'])}: {md(wording.more_lines(told))}" for told in documents if told["more"]),
    ])


def _findings(verdict: Mapping[str, Any]) -> Iterator[str]:
    yield from _titled("Findings", _table(["Severity", "Where", "What", "Hint"], (
        [md(row["severity"]), md(row["location"]), f"{md(row['message'])} ({code(row['code'])})", md(row["hint"])]
        for row in verdict["findings"]
    )))


def _evidence(verdict: Mapping[str, Any]) -> Iterator[str]:
    yield from _titled("Evidence", _table(["File", "Fate", "Reason", "Predicate", "Subjects", "Signers", "sha256"], (
        [code(row["file"]), md(wording.fate(row)), md(row["reason"]), md(row["predicateType"]),
         _many(row["subjects"], md), md(wording.signer_names(row)), code(row["sha256"])]
        for row in verdict["evidence"]
    )))


def _method(verdict: Mapping[str, Any]) -> Iterator[str]:
    tool, trust = verdict["tool"], verdict["trust"]
    handed_in = "none"
    if trust:
        handed_in = f"version {trust['version']}, expires {md(trust['expires'])}, {_digest(trust['digest'])}"
    yield from _titled("Scope and method", [
        _bullets([
            f"Tool: {md(tool['name'])} {md(tool['version'])}. Network used: none.",
            f"Trust file: {handed_in}.",
            *([f"Trust root: {md(wording.root_words(verdict))}."] if wording.root_words(verdict) else []),
            f"Policy source: {md(verdict['policy']['source'])}.",
        ]),
        "To come to this verdict again:",
        _bullets(f"{what}: {code(command)}" for what, command in wording.commands(verdict)),
    ])
