"""`oci://host[:port]/name[:tag|@sha256:...]`: a model in an OCI registry, as ModelPack or ORAS put it there.

    1. the manifest, whose bytes must have the digest that the address, or the registry, names
    2. each layer that is one file, under the path in its annotations, streamed once and held against its digest

Only with `online`; in the clear only to this machine; anonymous, with the token that a registry gives to anybody. A
token goes to the host that asked for it and to no other that it redirects to. Layers that are archives of files are
not read, and say so.
"""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from typing import IO, Any

from provenance.artifacts.crew import Crew, Progress, in_threads
from provenance.artifacts.hashing import FILES_AND_TENSORS, FileRead, Wanted
from provenance.artifacts.manifest import is_index, manifest_of
from provenance.artifacts.names import brief, collisions, problem_with_name
from provenance.artifacts.sources.collecting import Collected, Total
from provenance.artifacts.sources.folder import FoundFile, Listing
from provenance.artifacts.sources.streamed import read_blocks
from provenance.errors import ArtifactError, Finding, UsageError

PREFIX = "oci://"
MAX_MANIFEST = 4 << 20  # the distribution specification's own limit
_BLOCK = 1 << 20
_TIMEOUT = 60  # seconds without a byte
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_PATHS = ("org.cncf.model.filepath", "org.opencontainers.image.title")
_NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = r"(?::(\w[\w.-]{0,127})|@(sha256:[0-9a-f]{64}))?"
_ADDRESS = re.compile(rf"([A-Za-z0-9.-]+(?::[0-9]+)?)/({_NAME}(?:/{_NAME})*){_REFERENCE}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class OciAddress:
    """A registry, a repository in it, and a tag or digest."""

    host: str
    repository: str
    reference: str

    @classmethod
    def parse(cls, uri: str) -> OciAddress:
        """Read the address; UsageError where it is none."""
        found = _ADDRESS.fullmatch(uri.removeprefix(PREFIX))
        if not uri.startswith(PREFIX) or found is None:
            raise UsageError("usage", "not the address of an OCI artefact", location=brief(uri),
                             hint="write oci://HOST/NAME:TAG, or oci://HOST/NAME@sha256:HEX")
        return cls(found[1], found[2], found[4] or found[3] or "latest")

    def url(self, kind: str, reference: str) -> str:
        """Where a manifest or blob is; `http` only on this machine."""
        scheme = "http" if self.host.rpartition(":")[0] in _LOOPBACK or self.host in _LOOPBACK else "https"
        return f"{scheme}://{self.host}/v2/{self.repository}/{kind}/{reference}"


@dataclass(frozen=True)
class Pulled:
    """What was read of a registry, and the digest of the manifest that named it."""

    digest: str
    collected: Collected


@dataclass(frozen=True)
class _Layer:
    path: str
    digest: str
    size: int


def scan_registry(
    uri: str, *, online: bool = False, wanted: Wanted = FILES_AND_TENSORS, progress: Progress | None = None,
    total: Total | None = None,
) -> Pulled:
    """Read every layer of an artefact once; other bytes than its digests name are an error finding."""
    address = OciAddress.parse(uri)
    if not online:
        raise ArtifactError("network-not-allowed", "the source is on a network", location=uri,
                            hint="--online allows it")
    client = _Client(address)
    digest, manifest = client.manifest()
    found, layers = _listing(manifest, uri)
    if total is not None:
        total(sum(file.size for file in found.files))

    def work(file: FoundFile, crew: Crew) -> FileRead:
        return client.read(layers[file.path], wanted.and_also("sha256"), crew)

    reads = in_threads(work, found.files, progress)
    name = address.repository.rpartition("/")[2]
    return Pulled(digest, Collected(manifest_of(name, found, reads, wanted), sum(read.taken for read in reads)))


def _listing(manifest: Mapping[str, Any], location: str) -> tuple[Listing, dict[str, _Layer]]:
    rows = manifest.get("layers")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise _invalid("its manifest has no layers", location)
    found, layers = Listing(), dict[str, _Layer]()
    for row in rows:
        notes = row["annotations"] if isinstance(row.get("annotations"), dict) else {}
        path = next((str(notes[name]) for name in _PATHS if name in notes), "")
        digest, size, media = row.get("digest"), row.get("size"), str(row.get("mediaType"))
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest) or type(size) is not int or size < 0:
            raise _invalid("a layer has no sha256 digest, or no size", location)
        if problem := problem_with_name(path):
            raise _invalid(f"a layer's path {problem}: {brief(path)}", location)
        if path in layers:
            raise _invalid(f"two layers are named {brief(path)}", location)
        if re.search(r"\.tar$|[.+](gzip|zstd)$", media) or notes.get("io.deis.oras.content.unpack") == "true":
            found.findings.append(Finding("oci-invalid", "error", "a layer that is an archive of files is not read",
                                          path, "pull it with a client of the registry, and give the folder"))
            continue
        layers[path] = _Layer(path, digest, size)
        found.files.append(FoundFile(path, size))
    found.files.sort(key=lambda file: file.path.encode("utf-8"))
    for group in collisions(layers):
        raise _invalid(f"these names are one name on other systems: {' and '.join(group)}", location)
    return found, layers


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a registry to its storage: without its token, and never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """The next request, or None."""
        try:
            _refuse_clear_text(newurl)
        except ArtifactError:
            fp.close()
            raise
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and urllib.parse.urlsplit(newurl).netloc != urllib.parse.urlsplit(req.full_url).netloc:
            following.remove_header("Authorization")
        return following


@dataclass
class _Client:
    """Asks one registry, anonymously, for one repository."""

    address: OciAddress
    token: str = ""
    opener: urllib.request.OpenerDirector = field(
        default_factory=lambda: urllib.request.build_opener(_Redirects()))  # proxies: as the environment says

    def manifest(self) -> tuple[str, dict[str, Any]]:
        """The manifest and the digest of its bytes; of an index that lists one manifest, that one."""
        digest, document = self._manifest(self.address.reference)
        if "manifests" not in document:
            return digest, document
        rows = document["manifests"]
        if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], dict):
            raise _invalid("an index of several manifests", str(self.address.repository))
        inner, document = self._manifest(str(rows[0].get("digest")))
        return inner, document

    def _manifest(self, reference: str) -> tuple[str, dict[str, Any]]:
        import jiter

        url = self.address.url("manifests", reference)
        with self._open(url, {"Accept": f"{_MANIFEST}, {_INDEX}"}) as answer:
            body = answer.read(MAX_MANIFEST + 1)
            named = answer.headers.get("Docker-Content-Digest")
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        wanted = reference if reference.startswith("sha256:") else named or digest
        if len(body) > MAX_MANIFEST or wanted != digest:
            raise ArtifactError("oci-digest-mismatch", f"the manifest has the digest {digest} and should have "
                                f"{brief(wanted)}", location=url, hint="ask for it by its digest, and try again")
        try:
            document = jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False)
        except ValueError as err:
            raise _invalid("its manifest is not strict JSON", url) from err
        if not isinstance(document, dict):
            raise _invalid("its manifest is not an object", url)
        return digest, document

    def read(self, layer: _Layer, wanted: Wanted, crew: Crew) -> FileRead:
        """Stream one layer and hold it against its digest."""
        try:
            with self._open(self.address.url("blobs", layer.digest), {}) as answer:
                read = read_blocks(_blocks(answer, layer.path), layer.size, layer.path, wanted,
                                   keep=is_index(FoundFile(layer.path, layer.size)), crew=crew)
        except ArtifactError as err:
            return FileRead(layer.size, problem=err)
        if f"sha256:{read.sha256}" != layer.digest:
            return FileRead(layer.size, problem=ArtifactError(
                "oci-digest-mismatch", f"the layer has the digest sha256:{read.sha256} and should have {layer.digest}",
                location=layer.path, hint="ask again; if it stays so, the registry is broken or lies"))
        return read

    def _open(self, url: str, headers: Mapping[str, str]) -> Any:
        try:
            return self._ask(url, headers)
        except urllib.error.HTTPError as err:
            err.close()
            if err.code != 401 or self.token:
                raise _unreachable(f"it answers {err.code}", url) from err
            challenge = err.headers.get("WWW-Authenticate", "")
        self.token = self._anonymous(challenge, url)
        try:
            return self._ask(url, headers)
        except urllib.error.HTTPError as err:
            err.close()
            raise _unreachable(f"it answers {err.code}", url) from err

    def _ask(self, url: str, headers: Mapping[str, str]) -> Any:
        _refuse_clear_text(url)
        request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310  checked above
        if self.token and urllib.parse.urlsplit(url).netloc == self.address.host:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            return self.opener.open(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError:
            raise
        except (OSError, HTTPException) as err:
            raise _unreachable(str(err), url) from err

    def _anonymous(self, challenge: str, url: str) -> str:
        """The token that the registry's own challenge leads to."""
        import jiter

        facts = dict(_CHALLENGE.findall(challenge)) if challenge.lower().startswith("bearer ") else {}
        if "realm" not in facts:
            raise _unreachable("it asks for credentials, and none are sent", url)
        query = {"service": facts.get("service", ""), "scope": f"repository:{self.address.repository}:pull"}
        try:
            with self._ask(f"{facts['realm']}?{urllib.parse.urlencode(query)}", {}) as answer:
                document = jiter.from_json(answer.read(1 << 20))
        except urllib.error.HTTPError as err:
            err.close()
            raise _unreachable("it gives no token to everybody", url) from err
        except ValueError as err:
            raise _unreachable("it gives no token to everybody", url) from err
        token = (document.get("token") or document.get("access_token")) if isinstance(document, dict) else None
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise _unreachable("it gives no token to everybody", url)
        return token


def _blocks(answer: Any, location: str) -> Iterator[bytes]:
    try:
        while block := answer.read(_BLOCK):
            yield block
    except (OSError, HTTPException) as err:
        raise _unreachable(str(err), location) from err


def _refuse_clear_text(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise _unreachable("it leads to an address that is not https", brief(url))


def _invalid(why: str, location: str) -> ArtifactError:
    return ArtifactError("oci-invalid", f"not a model that can be read: {why}", location=location,
                         hint="name one manifest by its digest, or pull it with a client of the registry")


def _unreachable(why: str, location: str) -> ArtifactError:
    return ArtifactError("source-unreachable", f"the registry cannot be read: {brief(why)}", location=location,
                         hint="check the address, the network and whether everybody may read it")
