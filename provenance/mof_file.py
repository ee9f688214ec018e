"""MOF configuration files: what the Model Openness Tool's YAML says of a model, in nobody's name.

    framework: {name: Model Openness Framework, version: '1.0', date: '2024-12-15'}
    release:
      name: tiny
      license: {distribution: {name: Apache-2.0, path: LICENSE}}    # of everything; code, data, document: of a kind
      components:
        - {name: Model card, license: CC-BY-4.0, license_path: LICENSE-CARD, component_path: README.md}

Such a file is a declaration that anyone could have written: it is read strictly, and shows nothing. What cannot be read
as meant (an unknown component, a licence that is no text) is a finding and never something else: in particular an
unknown component name is never taken for the datasets.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from provenance.artifacts.names import brief
from provenance.errors import Finding, StatementError
from provenance.statements.reader import parse_yaml
from provenance.statements.release import Component, Release
from provenance.statements.statement import ResourceDescriptor

FRAMEWORK, VERSION = "Model Openness Framework", "1.0"
UNLICENSED = "unlicensed"  # the tool's own word for a component without a licence
ContentType = Literal["code", "data", "document"]
_TOP = ("framework", "release")
_RELEASE = ("name", "version", "date", "license", "type", "architecture", "treatment", "origin", "producer", "contact",
            "repository", "huggingface", "description", "components")
_COMPONENT = ("name", "description", "license", "license_path", "component_path")
_SCOPES = ("code", "data", "document", "distribution")


@dataclass(frozen=True)
class MofComponent:
    """One component of MOF 1.0: its id in release statements, its name, its type, and the class that asks for it."""

    id: str
    name: str
    type: ContentType
    mof_class: int
    required: bool = True


COMPONENTS = (
    MofComponent("model-architecture", "Model architecture", "code", 3),
    MofComponent("model-parameters-final", "Model parameters (Final)", "data", 3),
    MofComponent("technical-report", "Technical report", "document", 3),
    MofComponent("evaluation-results", "Evaluation results", "document", 3),
    MofComponent("model-card", "Model card", "document", 3),
    MofComponent("data-card", "Data card", "document", 3),
    MofComponent("sample-model-outputs", "Sample model outputs", "document", 3, required=False),
    MofComponent("training-code", "Training code", "code", 2),
    MofComponent("inference-code", "Inference code", "code", 2),
    MofComponent("evaluation-code", "Evaluation code", "code", 2),
    MofComponent("evaluation-data", "Evaluation data", "data", 2),
    MofComponent("supporting-libraries-and-tools", "Supporting libraries and tools", "code", 2, required=False),
    MofComponent("research-paper", "Research paper", "document", 1),
    MofComponent("datasets", "Datasets", "data", 1),
    MofComponent("data-preprocessing-code", "Data preprocessing code", "code", 1),
    MofComponent("model-parameters-intermediate", "Model parameters (Intermediate)", "data", 1),
    MofComponent("model-metadata", "Model metadata", "data", 1, required=False),
)
"""Least open class first; Class III asks for the first seven."""

BY_NAME: Mapping[str, MofComponent] = {component.name: component for component in COMPONENTS}
BY_ID: Mapping[str, MofComponent] = {component.id: component for component in COMPONENTS}


@dataclass(frozen=True)
class DeclaredComponent:
    """A component that the file names; `license` is None where none is written there, "" where it says "without"."""

    component: MofComponent
    license: str | None
    license_paths: tuple[str, ...] = ()
    component_paths: tuple[str, ...] = ()


@dataclass(frozen=True)
class EffectiveLicence:
    """The licence of a component ("": none), and where it stands: `component`, `global:data` and the like, `none`."""

    component: MofComponent
    license: str
    source: str


@dataclass(frozen=True)
class MofFile:
    """A MOF configuration file; `licences` are the global ones, by scope."""

    name: str
    version: str
    producer: str
    framework_version: str
    licences: Mapping[str, str]
    components: tuple[DeclaredComponent, ...]
    findings: tuple[Finding, ...]

    def effective(self) -> Iterator[EffectiveLicence]:
        """The licence of each component that the file names: its own, else that of its type, else that of everything.

        A component that says to have none has none: the global licences are for components that say nothing. Of a
        component that stands there twice, the last licence counts, as the Model Openness Tool reads it.
        """
        own: dict[str, str | None] = {}
        for declared in self.components:
            known = own.get(declared.component.id)
            own[declared.component.id] = known if declared.license is None else declared.license
        for component in COMPONENTS:
            if component.id in own:
                yield self._effective(component, own[component.id])

    def _effective(self, component: MofComponent, own: str | None) -> EffectiveLicence:
        if own is not None:
            return EffectiveLicence(component, own, "component")
        for scope in (component.type, "distribution"):
            if scope in self.licences:
                return EffectiveLicence(component, self.licences[scope], f"global:{scope}")
        return EffectiveLicence(component, "", "none")

    def to_release(self, subjects: Sequence[ResourceDescriptor]) -> Release:
        """The same as a release of these subjects, so that policies can be asked of it; nobody signs it."""
        rows = [
            Component(row.component.id, ResourceDescriptor(row.component.name), row.license or None)
            for row in self.effective()
        ]
        return Release(tuple(subjects), self.name or "unnamed", self.version, self.producer, components=tuple(rows))


def is_mof(document: object) -> bool:
    """Whether a YAML document is meant as a MOF configuration file: one of its two parts is there."""
    return isinstance(document, dict) and any(part in document for part in _TOP)


def read_mof_file(data: bytes, location: str) -> MofFile:
    """A file from its bytes; StatementError `yaml-invalid`, `document-too-large`, or what `mof_file` raises."""
    return mof_file(parse_yaml(data, location), location)


def mof_file(document: object, location: str) -> MofFile:
    """A file from its YAML value; StatementError `schema-mismatch` where there is no release to read."""
    if not isinstance(document, dict) or not isinstance(document.get("release"), dict):
        raise _unreadable("there is no release in it", location)
    release = document["release"]
    rows = release.get("components") or []
    if not isinstance(rows, list):
        raise _unreadable("its components are not a list", location)
    told = _Told(location)
    if not rows:
        told.tell("the release names no component", "list the components that are released")
    told.unknown(document, _TOP, "the file")
    told.unknown(release, _RELEASE, "the release")
    framework = told.framework(document.get("framework"))
    name, version, producer = (told.text(release, key) for key in ("name", "version", "producer"))
    licences = dict(told.global_licences(release.get("license")))
    components = tuple(told.components(rows))
    return MofFile(name, version, producer, framework, licences, components, tuple(told.findings))


class _Told:
    """Reads the parts of one file, and keeps what is to be told of them."""

    def __init__(self, location: str) -> None:
        self.location = location
        self.findings: list[Finding] = []

    def tell(self, message: str, hint: str, code: str = "schema-mismatch") -> None:
        self.findings.append(Finding(code, "warning", message, self.location, hint))

    def unknown(self, part: Mapping[Any, Any], known: Sequence[str], what: str) -> None:
        for key in part:
            if key not in known:
                # A misspelt `licence` would otherwise be a component without one, and nobody would know why.
                name = str(key)
                self.tell(f"{what} has an unknown member {brief(name)}, which is not read", nearest(name, known),
                          "member-case-variant" if name.casefold() in known else "schema-mismatch")

    def framework(self, value: object) -> str:
        found = value if isinstance(value, dict) else {}
        version = _plain(found.get("version"))
        if found.get("name") != FRAMEWORK or version != VERSION:
            self.tell(f"it does not say that it follows {FRAMEWORK} {VERSION}; it is read as if it did",
                      "write `framework: {name: Model Openness Framework, version: '1.0'}`")
        return version

    def text(self, part: Mapping[Any, Any], key: str) -> str:
        value = part.get(key)
        text = _plain(value)
        if value is not None and not isinstance(value, str | int | float):
            self.tell(f"{key} is not text", "write it as text")
        return text

    def global_licences(self, value: object) -> Iterator[tuple[str, str]]:
        """The global licences by scope; one without a name is none, so that the next wider one applies."""
        if value in (None, [], ""):
            return
        if not isinstance(value, dict):
            self.tell("the global licence is not a mapping, and is not read", f"write it under {' or '.join(_SCOPES)}")
            return
        self.unknown(value, _SCOPES, "the global licence")
        for scope in _SCOPES:
            row = value.get(scope)
            if row is not None and not isinstance(row, dict):
                self.tell(f"the global licence for {scope} is not a mapping, and is not read",
                          "write `name:` and `path:`")
            elif row and (name := self.licence(row.get("name"), f"the global licence for {scope}")):
                yield scope, "" if name == UNLICENSED else name

    def components(self, rows: Iterable[object]) -> Iterator[DeclaredComponent]:
        seen: set[str] = set()
        for number, row in enumerate(rows, start=1):
            name = row.get("name") if isinstance(row, dict) else None
            if not isinstance(row, dict) or not isinstance(name, str):
                self.tell(f"component {number} has no name, and is not read", "name it as MOF does")
            elif name not in BY_NAME:
                self.tell(f"{brief(name)} is no component of MOF {VERSION}, and is not read",
                          nearest(name, list(BY_NAME)))
            else:
                if name in seen:
                    self.tell(f"{name} is named twice; the last licence counts", "keep one of them")
                seen.add(name)
                self.unknown(row, _COMPONENT, name)
                yield self.component(BY_NAME[name], row)

    def component(self, component: MofComponent, row: Mapping[Any, Any]) -> DeclaredComponent:
        own = self.licence(row.get("license"), component.name)
        paths = [self.paths(row.get(key), f"{key} of {component.name}") for key in ("license_path", "component_path")]
        return DeclaredComponent(component, "" if own == UNLICENSED else own, *paths)

    def licence(self, value: object, what: str) -> str | None:
        """What is written for a licence: None where nothing is; what is no text is kept as it is spelled, unknown."""
        if value is None or isinstance(value, str):
            return value
        if not value:
            return ""
        self.tell(f"the licence of {what} is not text", "write one licence id; of several, the most restrictive")
        return brief(json.dumps(value, default=str))

    def paths(self, value: object, what: str) -> tuple[str, ...]:
        if value in (None, ""):
            return ()
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in values):
            self.tell(f"{what} is not text, and is not read", "write a path or an address")
            return ()
        return tuple(values)


def _plain(value: object) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def nearest(name: str, known: Sequence[str]) -> str:
    """The hint of a finding about a name that is not known."""
    near = difflib.get_close_matches(brief(name).casefold(), [each.casefold() for each in known], 1, cutoff=0.6)
    meant = next((each for each in known if near and each.casefold() == near[0]), "")
    return f"did you mean {meant}?" if meant else f"it is one of {', '.join(known)}"


def _unreadable(why: str, location: str) -> StatementError:
    return StatementError("schema-mismatch", f"not a MOF configuration file: {why}", location=location,
                          hint="see docs/mof.md for its form")
