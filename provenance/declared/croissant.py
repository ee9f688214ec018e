"""Croissant, the JSON-LD of ML Commons: versions 1.0 and 1.1, and 0.8 as far as it says the same.

    {"@context": {"@vocab": "https://schema.org/", "cr": "http://mlcommons.org/croissant/", ...}, "@type": "sc:Dataset",
     "conformsTo": "http://mlcommons.org/croissant/1.0", "name": "tales", "license": "cc0-1.0",
     "distribution": [{"@type": "cr:FileObject", "name": "tales.csv", "sha256": "..."}]}

It is read as JSON under the names that the specification gives: a context is never fetched, and one that gives a name
that is read here another meaning is refused, because a reader of JSON-LD would see another document. Much of what
writes Croissant puts a placeholder, or a shorter digest, where a sha256 belongs: that is told, and is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provenance.artifacts.names import brief
from provenance.declared.document import (
    Declared,
    Edge,
    Told,
    as_list,
    cut,
    facts_of,
    texts,
    unsupported,
)
from provenance.statements.dataset import Dataset
from provenance.statements.licence_words import joined_licence
from provenance.statements.statement import ResourceDescriptor

VERSIONS = ("1.0", "1.1")
_CONFORMS = "mlcommons.org/croissant/"
# What the prefixes stand for, where a context has them.
_PREFIXES = {"sc": "https://schema.org/", "cr": "http://mlcommons.org/croissant/", "dct": "http://purl.org/dc/terms/",
             "rai": "http://mlcommons.org/croissant/RAI/", "prov": "http://www.w3.org/ns/prov#",
             "ml": "http://mlcommons.org/schema/"}
# Where schema.org is not what is meant by a name; the other names that are read must be left to it.
_OWN = {"md5": ("cr:md5", "ml:md5"), "conformsTo": ("dct:conformsTo",), "isLiveDataset": ("cr:isLiveDataset",),
        **{name: (f"ml:{name}", f"cr:{name}", f"rai:{name}")  # where it stood in one draft after the other
           for name in ("dataCollection", "personalSensitiveInformation")}}
_READ = ("name", "description", "version", "license", "url", "creator", "publisher", "inLanguage", "distribution",
         "sha256", "contentUrl", "isAccessibleForFree", *_OWN)
_TYPES = {"sc:Dataset", "Dataset", "schema:Dataset", "https://schema.org/Dataset", "http://schema.org/Dataset"}
_VOCABULARIES = ("https://schema.org/", "http://schema.org/")


def is_croissant(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is meant as a Croissant file."""
    return "@context" in document and not _TYPES.isdisjoint(texts(document.get("@type")))


def read_croissant(document: Mapping[str, Any], file: str, sha256: str) -> Declared:
    """What a Croissant file declares; StatementError `declared-unsupported`."""
    told = Told(file)
    version = _version(document, file)
    _refuse_other_meanings(document["@context"], file)
    name = told.text(document, "name", "the dataset") or "unnamed"
    subjects = tuple(_files(document, told))
    facts = _facts(document, name, told)
    return Declared(file, sha256, f"Croissant {version}", (Dataset(subjects, facts),), (),
                    tuple(_edges(document, name)), tuple(told.findings))


def _version(document: Mapping[str, Any], file: str) -> str:
    named = texts(document.get("conformsTo"))
    for name in named:
        before, found, version = name.partition(_CONFORMS)
        if found and not version.startswith("RAI"):
            if version.rstrip("/") not in VERSIONS or before not in ("http://", "https://", "http://www."):
                raise unsupported(f"Croissant {brief(version)} is not read", file, f"read are {', '.join(VERSIONS)}")
            return version.rstrip("/")
    context = document["@context"]
    if not named and isinstance(context, dict) and context.get("ml") == "http://mlcommons.org/schema/":
        return "0.8"
    raise unsupported("it does not say which version of Croissant it follows", file, "write conformsTo")


def _refuse_other_meanings(context: object, file: str) -> None:
    if not isinstance(context, dict) or context.get("@vocab") not in _VOCABULARIES:
        raise unsupported("its context is not written out, with schema.org as its vocabulary", file,
                          "contexts are not fetched: write it into the file")
    for prefix, meaning in _PREFIXES.items():
        if context.get(prefix, meaning) != meaning:
            raise unsupported(f"its context gives the prefix {prefix} another meaning than Croissant does", file,
                              "leave the prefixes of the specification to it")
    for name in _READ:
        meant = context.get(name)
        if meant is not None and meant not in (*_OWN.get(name, ()), f"sc:{name}", f"https://schema.org/{name}"):
            raise unsupported(f"its context gives {name} another meaning than Croissant does", file,
                              "leave the names of the specification to it")


def _facts(document: Mapping[str, Any], name: str, told: Told) -> dict[str, Any]:
    rai = {key.removeprefix("rai:"): value for key, value in document.items()
           if key.startswith("rai:") and "rai" in document["@context"]}
    collection = cut("; ".join(texts(rai.get("dataCollection", document.get("dataCollection")))))
    personal = rai.get("personalSensitiveInformation", document.get("personalSensitiveInformation"))
    url = next(iter(texts(document.get("url"))), "")
    free = document.get("isAccessibleForFree") is True and url
    return facts_of(
        name=name, version=_plain(document.get("version")), description=told.text(document, "description", name),
        source={"uri": url, "publisher": _who(document), "obtained": collection},
        selection="; ".join(texts(rai.get("dataCollectionRawData"))),
        labelling="; ".join(texts(rai.get("dataAnnotationProtocol"))),
        processing=[*texts(rai.get("dataPreprocessingProtocol")), *texts(rai.get("dataManipulationProtocol"))],
        license=_licence(document.get("license"), name, told), languages=texts(document.get("inLanguage")),
        period="; ".join(texts(rai.get("dataCollectionTimeframe"))), personalData="; ".join(texts(personal)),
        availability={"class": "public", "locator": url} if free else {},
    )


def _plain(value: object) -> str:
    return cut(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _who(document: Mapping[str, Any]) -> str:
    named = [*as_list(document.get("publisher")), *as_list(document.get("creator"))]
    return ", ".join(cut(each["name"]) for each in named[:20]
                     if isinstance(each, dict) and isinstance(each.get("name"), str) and each["name"].strip())


def _licence(value: object, name: str, told: Told) -> str | None:
    found: list[str] = []
    for item in as_list(value):
        part = next((item[key] for key in ("url", "@id", "name") if isinstance(item.get(key), str)), None) \
            if isinstance(item, dict) else item
        if isinstance(part, str) and part.strip():
            found.append(cut(part))
        else:
            told.tell(f"a licence of {brief(name)} is no text and no address", "write an SPDX id or an address")
            found.append("unknown")  # a licence that cannot be read is not one fewer
    return joined_licence(found)


def _files(document: Mapping[str, Any], told: Told) -> Iterator[ResourceDescriptor]:
    for item in told.mappings(document.get("distribution"), "a distribution"):
        name = told.text(item, "name", "a file") or told.text(item, "@id", "a file") or "unnamed"
        digest = {**told.digest("sha256", item.get("sha256"), name), **told.digest("md5", item.get("md5"), name)}
        if digest:
            yield ResourceDescriptor(name, digest, uri=told.text(item, "contentUrl", name))


def _edges(document: Mapping[str, Any], name: str) -> Iterator[Edge]:
    for item in as_list(document.get("prov:wasDerivedFrom"))[:1000]:
        source = item.get("@id") or item.get("url") or item.get("prov:label") or item.get("name") \
            if isinstance(item, dict) else item
        if isinstance(source, str) and source.strip():
            yield Edge(cut(source), f"dataset {name}", "data that it was derived from")
