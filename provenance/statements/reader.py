"""The one strict reader of documents: JSON, YAML, and their schemas.

Two programs that read one signed document differently can be played against each other (in-toto specification
issue 74), so everything that readers are known to disagree on is refused: duplicate members, members that differ
only in case, NaN and infinities, other encodings than UTF-8, lone surrogates, trailing data. Size, depth and the
length of numbers are bounded. YAML is read as YAML 1.2 without tags, aliases, merges, timestamps or duplicate keys.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from provenance import resources
from provenance.artifacts.names import brief
from provenance.errors import ProvenanceError, StatementError, said

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError
    from jsonschema_rs import Validator

MAX_JSON = 64 << 20
MAX_YAML = 512 << 10  # some seconds of work for a parser in Python
MAX_DEPTH = 64
_MAX_INTEGER = 1 << 64
_MAX_PROBLEMS = 100
# What only a walk over the values can judge: exponents that overflow and integers of many digits. A number follows one
# of three signs. With one sign for the three, one digit for all, and a minus taken for a digit, the search finds more
# than it should and nothing less, and is quick: most of a large document is digests.
_ALIKE = bytes.maketrans(b",[123456789-", b"::0000000000")
_SUSPECT_NUMBER = re.compile(rb":\s*0(?:0{19}|[0.]*[eE][+]?000)")


def parse_json(data: bytes, location: str, *, limit: int = MAX_JSON) -> Any:
    """The value of a strict JSON document; StatementError `json-invalid`, `document-too-large` or `-too-deep`."""
    import jiter

    if len(data) > limit:
        raise StatementError("document-too-large", f"{len(data)} bytes; the limit is {limit}", location=location,
                             hint="split the evidence")
    try:
        value = jiter.from_json(data, catch_duplicate_keys=True, allow_inf_nan=False)
        if not isinstance(value, dict | list) or _SUSPECT_NUMBER.search(data.translate(_ALIKE)):
            _refuse_numbers(value)
    except (ValueError, RecursionError) as err:
        why = brief(str(err))
        code = "document-too-deep" if why.startswith("recursion limit") else "json-invalid"
        raise StatementError(code, f"not strict JSON: {why}", location=location,
                             hint="check that this is the right file, and that it is whole") from err
    return value


def _refuse_numbers(value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is too large, or none")
    if isinstance(value, int) and abs(value) >= _MAX_INTEGER:
        raise ValueError("an integer has more than 64 bits")
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _refuse_numbers(child)


def to_json(value: Any) -> bytes:
    """The one way in which this tool writes JSON that is signed or compared: sorted keys, no spaces, UTF-8.

    StatementError `json-invalid` for what no strict reader would take: a NaN, a text that is not Unicode.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except ValueError as err:
        raise StatementError("json-invalid", "a value cannot be written as strict JSON: a number that is not finite, "
                             "or a text that is not Unicode", hint="correct the value") from err


def parse_yaml(text: bytes, location: str) -> Any:
    """The value of a YAML 1.2 document; StatementError `yaml-invalid`, with the line where there is one."""
    from ruamel.yaml.error import YAMLError

    if len(text) > MAX_YAML:
        raise StatementError("document-too-large", f"{len(text)} bytes; the limit is {MAX_YAML}", location=location)
    try:
        value = _yaml().load(text.decode("utf-8"))
        _refuse_values(value)
        return value
    except UnicodeDecodeError as err:
        raise StatementError("yaml-invalid", "not UTF-8", location=location, hint="save it as UTF-8") from err
    # The parser was not written for hostile text: on some of it, it fails in ways of its own.
    except (YAMLError, ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError) as err:
        raise StatementError("yaml-invalid", f"not the YAML that is read here: {_yaml_reason(err)}",
                             location=_yaml_location(err, location), hint="correct the line") from err


def _refuse_values(value: Any) -> None:
    """What YAML can say and JSON cannot, or not everywhere: numbers without end, texts that are not Unicode."""
    _refuse_numbers(value)
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            item.encode("utf-8")
        elif isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            waiting += item


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor, yaml.Parser = _yaml_parts()
    return yaml


@cache
def _yaml_parts() -> tuple[Any, Any]:
    from ruamel.yaml.constructor import SafeConstructor
    from ruamel.yaml.parser import Parser

    class Constructor(SafeConstructor):
        """Leaves timestamps as the text that was written."""

    class StrictParser(Parser):
        """Refuses each event that is not read here before anything is built of it, in the one pass over the text."""

        nested = 0

        def __init__(self, loader: Any) -> None:
            super().__init__(loader)
            self.keys = _Keys()

        def get_event(self) -> Any:
            """The next event, if it may be one."""
            event = super().get_event()
            self.nested = _refuse_event(event, self.nested)
            self.keys.see(event)
            return event

    Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)
    return Constructor, StrictParser


class _Keys:
    """Refuses a key that stands twice in a mapping where it stands: the library first builds all of the mapping."""

    def __init__(self) -> None:
        self._open: list[tuple[set[str] | None, bool]] = []  # keys (None: a list), and whether a key comes next

    def see(self, event: Any) -> None:
        """The next event."""
        from ruamel.yaml.error import MarkedYAMLError

        kind = type(event).__name__
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._open.pop()
        if kind not in ("ScalarEvent", "MappingStartEvent", "SequenceStartEvent"):
            return
        keys, is_key = self._open.pop() if self._open else (None, False)
        if keys is not None and is_key and kind == "ScalarEvent":
            if event.value in keys:
                raise MarkedYAMLError(None, None, f"found duplicate key {brief(event.value)}", event.start_mark)
            keys.add(event.value)
        self._open.append((keys, not is_key))
        if kind != "ScalarEvent":
            self._open.append((set() if kind == "MappingStartEvent" else None, True))


def _refuse_event(event: Any, depth: int) -> int:
    """Aliases could be expanded without bound, tags could name objects. The depth after the event."""
    kind = type(event).__name__
    depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if kind == "AliasEvent" or getattr(event, "anchor", None):
        raise ValueError(f"line {event.start_mark.line + 1}: aliases are not read")
    if getattr(event, "tag", None) or getattr(event, "ctag", None):
        raise ValueError(f"line {event.start_mark.line + 1}: tags are not read")
    if kind == "ScalarEvent" and event.value == "<<" and event.style is None:
        raise ValueError(f"line {event.start_mark.line + 1}: merges are not read")
    # By YAML 1.1 `no` would be false.
    if kind == "DocumentStartEvent" and event.version not in (None, (1, 2)):
        raise ValueError(f"line {event.start_mark.line + 1}: only YAML 1.2 is read")
    return depth


def yaml_places(text: bytes) -> dict[tuple[str | int, ...], tuple[int, int]]:
    """Line and column, from 1, of everything in a YAML document that `parse_yaml` has read; for messages."""
    places: dict[tuple[str | int, ...], tuple[int, int]] = {}
    root = _yaml().compose(text.decode("utf-8"))
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), root)] if root is not None else []
    while waiting:
        path, node = waiting.pop()
        places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        if isinstance(node.value, str):
            continue
        for index, child in enumerate(node.value):
            key, below = (child[0].value, child[1]) if isinstance(child, tuple) else (index, child)
            if isinstance(child, tuple):  # a member is where its name stands
                places[*path, key] = (child[0].start_mark.line + 1, child[0].start_mark.column + 1)
            waiting.append(((*path, key), below))
    return places


def _yaml_reason(err: BaseException) -> str:
    told = str(getattr(err, "problem", None) or err).splitlines()
    return brief(told[0]) if told else type(err).__name__


def _yaml_location(err: BaseException, location: str) -> str:
    mark = getattr(err, "problem_mark", None)
    return f"{location}:{mark.line + 1}" if mark is not None else location


def validate(
    document: Any,
    schema: str,
    location: str,
    error: type[ProvenanceError] = StatementError,
    code: str = "schema-mismatch",
) -> None:
    """Hold a document against `schemas/<schema>.schema.json`; raises `error` with what deviates, and nearest names.

    A quick library decides, a slow one explains: only what the first accepts is valid, whatever the second says.
    """
    problems = deviations(document, schema)
    if not problems:
        return
    told = list(dict.fromkeys(sentence for _, sentences in problems[:5] for sentence in sentences))
    least = "at least " if len(problems) == _MAX_PROBLEMS else ""
    more = f" (and {least}{len(problems) - 5} more)" if len(problems) > 5 else ""
    raise error(code, "; ".join(told) + more, location=location, hint=f"see schemas/{schema}.schema.json")


def fits(document: Any, schema: str, part: str) -> bool:
    """Whether a document is what `$defs/<part>` of `schemas/<schema>.schema.json` describes."""
    return _is_valid(document, schema, part)


def deviations(document: Any, schema: str) -> list[tuple[tuple[str | int, ...], list[str]]]:
    """Where a document deviates from `schemas/<schema>.schema.json`, and how: nothing where it is valid."""
    if _is_valid(document, schema):
        return []
    # Bounded: an array of a million wrong items must not cost a million explanations.
    problems = list(islice(_explainer(schema).iter_errors(document), _MAX_PROBLEMS))
    if not problems:
        return [((), ["it holds a value that JSON cannot say, or a text that breaks a pattern"])]
    problems.sort(key=lambda problem: list(map(str, problem.absolute_path)))
    return [(tuple(problem.absolute_path), list(_explain(problem))) for problem in problems]


def _is_valid(document: Any, schema: str, part: str = "") -> bool:
    try:
        return _decider(schema, part).is_valid(document)
    except ValueError:  # no JSON: a text that is not Unicode, a member's name that is no text, another type
        return False


@cache
def _decider(schema: str, part: str) -> Validator:
    from jsonschema_rs import Draft202012Validator

    whole = _schema(schema)
    rules = {"$schema": whole["$schema"], "$defs": whole["$defs"], "$ref": f"#/$defs/{part}"} if part else whole
    return Draft202012Validator(rules, validate_formats=False)


@cache
def _explainer(schema: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_schema(schema))


def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(resources.read_text("schemas", f"{name}.schema.json"))
    return schema


def _explain(problem: ValidationError) -> Iterator[str]:
    import difflib  # only what deviates is waited for

    where = brief("/".join(map(str, problem.absolute_path))) or "the document"
    rule: Any = problem.validator_value
    instance: Any = problem.instance
    if problem.validator == "additionalProperties":
        schema: Any = problem.schema
        known = list(schema.get("properties", {}))
        for name in sorted(set(map(str, instance)) - set(known))[:5]:
            near = difflib.get_close_matches(brief(name), known, 1, cutoff=0.5)
            yield f"{where} has no field {brief(name)}" + (f"; did you mean {near[0]}?" if near else "")
    elif problem.validator == "required":
        yield f"{where} lacks {', '.join(name for name in rule if name not in instance)}"
    elif problem.validator == "enum":
        near = difflib.get_close_matches(instance, list(map(str, rule)), 1) if isinstance(instance, str) else []
        yield f"{where} must be one of {', '.join(map(said, rule))}" + (f"; did you mean {near[0]}?" if near else "")
    elif problem.validator == "const":
        yield f"{where} must be {said(rule)}"
    elif problem.validator == "type":
        yield f"{where} must be of type {' or '.join(rule) if isinstance(rule, list) else rule}"
    elif problem.validator in ("oneOf", "anyOf"):
        yield _explain_choice(where, rule, "exactly" if problem.validator == "oneOf" else "at least")
    else:
        yield f"{where} breaks the rule {problem.validator} {brief(json.dumps(rule))}"


def _explain_choice(where: str, forms: list[dict[str, Any]], count: str) -> str:
    if all(form.keys() == {"required"} for form in forms):
        return f"{where} must have {count} one of {', '.join(' and '.join(form['required']) for form in forms)}"
    return f"{where} has none of the forms that it may have"


def refuse_case_variants(document: Mapping[str, Any], known: frozenset[str], location: str) -> None:
    """Go reads members without regard to case, Python with: `Subject` beside `subject` must not be read at all.

    Case is folded as Unicode does, because Go takes U+017F for an s and U+212A for a k.
    """
    folded = {name.casefold(): name for name in known}
    for name in document:
        if name not in known and name.casefold() in folded:
            raise StatementError("member-case-variant", f"{name} differs from {folded[name.casefold()]} only in case",
                                 location=location, hint="the signer must write it as specified")
