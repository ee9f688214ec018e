"""An identity signs, from wherever it comes: a browser, a code that is copied, a CI job; and what each failure says."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.sigstore_instance import Instance
from tests.sigstore_instance.fixtures import *  # noqa: F403  the instances

NAME = "https://ci.example/train.yml@refs/heads/main"
SIGNATURE = Path("model.provenance/model.sig")
SIGN = ("sign", "model", "--trust-config", "config.json", "--online")
# sigstore-python leaves the socket that the browser comes back to for the garbage collector to close.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
]
REKOR = pytest.mark.parametrize("rekor", ["1", "2"])


@pytest.fixture(autouse=True)
def config(run: Run, served: Instance, model: Path) -> Iterator[None]:
    """The instance's trust config and root, in the working folder; what a test made to fail works again after it."""
    Path("config.json").write_bytes(served.trust_config())
    Path("root.json").write_text(json.dumps(served.trusted_root()))
    yield
    served.failing.clear()


def is_valid(run: Run, served: Instance) -> bool:
    ran = run("bundle", "verify", str(SIGNATURE), "--model", "model", "--identity", NAME, "--issuer", served.url,
              "--trusted-root", "root.json", "--format", "json")
    return bool(ran.code == 0 and ran.json["status"] == "VALID")


def refusal(run: Run, *by: str) -> tuple[str, str]:
    """The code, and what was said; nothing was written."""
    ran = run(*SIGN, *by)
    assert ran.code == 2, ran.out
    assert not Path("model.provenance").exists()
    assert "object at 0x" not in ran.err
    assert "Error(" not in ran.err
    assert "  next:  " in ran.err
    return ran.err.partition("[")[2].partition("]")[0], ran.err


# A browser


class Browser:
    """A user who agrees: it opens the page that the client serves, and goes where it is sent."""

    def __init__(self) -> None:
        self.pages: list[threading.Thread] = []

    def open(self, url: str) -> bool:
        self.pages.append(threading.Thread(target=self._follow, args=(url,)))
        self.pages[-1].start()
        return True

    @staticmethod
    def _follow(url: str) -> None:
        with urllib.request.urlopen(url, timeout=10) as page:
            page.read()


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    browser = Browser()
    monkeypatch.setattr("webbrowser.open", browser.open)
    yield browser
    for page in browser.pages:
        page.join(timeout=10)


@REKOR
def test_by_way_of_a_browser(run: Run, browser: Browser, served: Instance, rekor: str) -> None:
    ran = run(*SIGN, "--identity", "interactive", "--rekor", rekor)
    assert ran.code == 0, ran.err
    assert len(browser.pages) == 1
    assert is_valid(run, served)


def test_without_a_browser_a_code_is_copied(run: Run, served: Instance, monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[str] = []

    def user(_: str = "") -> str:
        link = next(word for word in capsys.readouterr().err.split() if word.startswith(served.url))
        shown.append(link)
        with urllib.request.urlopen(link, timeout=10) as page:
            return str(page.read().decode())

    monkeypatch.setattr("webbrowser.open", lambda _: False)
    monkeypatch.setattr("builtins.input", user)
    ran = run(*SIGN, "--identity", "interactive")
    assert ran.code == 0, ran.err
    assert shown
    assert is_valid(run, served)


def test_a_code_that_is_none_signs_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    monkeypatch.setattr("builtins.input", lambda _: "guess")
    assert refusal(run, "--identity", "interactive")[0] == "identity-token-invalid"


def test_nobody_at_the_keyboard_is_no_identity(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("webbrowser.open", lambda _: False)
    monkeypatch.setattr("builtins.input", nobody)
    assert refusal(run, "--identity", "interactive")[0] == "identity-token-invalid"


ISSUER = {
    "down": ("/.well-known/openid-configuration", (503, "text/plain", b"")),
    "no configuration": ("/.well-known/openid-configuration", (200, "application/json", b"[]")),
    "refuses the code": ("/token", (401, "application/json", b"{}")),
    "gives no token": ("/token", (200, "application/json", b"{}")),
    "gives a list": ("/token", (200, "application/json", b"[]")),
}


@pytest.mark.parametrize("what", ISSUER)
def test_an_identity_provider_that_does_not_do_it(run: Run, what: str, browser: Browser, served: Instance) -> None:
    place, answer = ISSUER[what]
    served.failing[place] = answer
    assert refusal(run, "--identity", "interactive")[0] == "identity-token-invalid"


@pytest.mark.parametrize("back", ["error=access_denied", "code=x&state=forged", "x=y"])
def test_a_browser_that_comes_back_with_something_else(run: Run, back: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any page that the user looks at can send the browser there."""
    browser = Browser()
    monkeypatch.setattr("webbrowser.open", lambda url: browser.open(f"{url}/auth/callback?{back}"))
    assert refusal(run, "--identity", "interactive")[0] == "identity-token-invalid"


# A CI job


@pytest.fixture
def job(served: Instance, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A job at GitHub; what is given is otherwise."""
    for name in ("GITLAB_CI", "BUILDKITE", "CIRCLECI", "SIGSTORE_ID_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def starts(**other: str) -> None:
        for name, value in {"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": f"{served.url}/job?api=2",
                            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": served.oidc.job, **other}.items():
            monkeypatch.setenv(name, value)

    return starts


@REKOR
def test_as_a_job_at_github(run: Run, job: Callable[..., None], served: Instance, rekor: str) -> None:
    job()
    ran = run(*SIGN, "--identity", "ambient", "--rekor", rekor)
    assert ran.code == 0, ran.err
    assert served.oidc.job not in ran.out + ran.err
    assert is_valid(run, served)


@pytest.mark.parametrize("other", [
    {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": ""}, {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "guess"},
    {"ACTIONS_ID_TOKEN_REQUEST_URL": ""}, {"ACTIONS_ID_TOKEN_REQUEST_URL": "ftp://127.0.0.1/job"},
    {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1/job"},
], ids=["may not", "another's", "no address", "no URL", "nobody there"])
def test_a_job_that_gets_no_identity(run: Run, job: Callable[..., None], other: dict[str, str]) -> None:
    job(**other)
    code, said = refusal(run, "--identity", "ambient")
    assert (code, "id-token: write" in said) == ("identity-token-invalid", True)


# A token in a file, and the services behind


TOKENS: dict[str, Callable[[Instance], str]] = {
    "expired": lambda it: it.oidc.token(lifetime=timedelta(minutes=-5)),
    "not yet valid": lambda it: it.oidc.token(nbf=4102444800),
    "of another audience": lambda it: it.oidc.token(aud="someone-else"),
    "without a subject": lambda it: it.oidc.token(sub=None),
    "none at all": lambda it: "",
}


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_that_cannot_sign(run: Run, token: str, served: Instance) -> None:
    Path("token").write_text(TOKENS[token](served))
    assert refusal(run, "--identity-token", "token")[0] == "identity-token-invalid"


def test_why_a_token_cannot_be_used_is_said(run: Run, served: Instance) -> None:
    for name, why in (("expired", "expired"), ("of another audience", "audience")):
        Path("token").write_text(TOKENS[name](served))
        assert why in refusal(run, "--identity-token", "token")[1].lower()


FULCIO, REKOR1, REKOR2, TSA = ("/api/v2/signingCert", "/api/v1/log/entries", "/v2/api/v2/log/entries",
                               "/api/v1/timestamp")
DOWN = (503, "text/plain", b"down for repairs")
SERVICES = {
    "Fulcio down": ((), {FULCIO: DOWN}),
    "Fulcio refuses": ((), {FULCIO: (403, "application/json", b'{"code": 7, "message": "not you"}')}),
    "Fulcio says nonsense": ((), {FULCIO: (200, "application/json", b"{}")}),
    "Rekor v1 down": (("--rekor", "1"), {REKOR1: DOWN}),
    "Rekor v1 says nonsense": (("--rekor", "1"), {REKOR1: (201, "application/json", b"[]")}),
    "Rekor v2 down": (("--rekor", "2"), {REKOR2: DOWN}),
    "Rekor v2 says nonsense": (("--rekor", "2"), {REKOR2: (201, "application/json", b"{}")}),
}


@pytest.mark.parametrize("what", SERVICES)
def test_a_service_that_does_not_do_it(run: Run, what: str, served: Instance) -> None:
    more, failing = SERVICES[what]
    served.failing.update(failing)
    Path("token").write_text(served.oidc.token())
    code, said = refusal(run, "--identity-token", "token", *more)
    assert (code, what != "Fulcio refuses" or "not you" in said) == ("signing-failed", True)


def test_without_a_clock_a_log_that_tells_no_time_proves_none(run: Run, served: Instance) -> None:
    served.failing[TSA] = DOWN
    Path("token").write_text(served.oidc.token())
    code, said = refusal(run, "--identity-token", "token", "--rekor", "2")
    assert (code, TSA in said) == ("signing-failed", True)
    assert run(*SIGN, "--identity-token", "token", "--rekor", "1").code == 0


def test_a_bundle_that_is_there_stays_as_it_is(run: Run, served: Instance) -> None:
    Path("token").write_text(served.oidc.token())
    assert run(*SIGN, "--identity-token", "token").code == 0
    before = SIGNATURE.read_bytes()
    served.failing[FULCIO] = DOWN
    assert run(*SIGN, "--identity-token", "token").code == 2
    assert (SIGNATURE.read_bytes(), [path.name for path in SIGNATURE.parent.iterdir()]) == (before, ["model.sig"])


def test_an_instance_where_nobody_listens(run: Run, served: Instance) -> None:
    config: Any = json.loads(Path("config.json").read_bytes())
    for service in ("caUrls", "oidcUrls"):
        config["signingConfig"][service][0]["url"] = "http://127.0.0.1:1"
    Path("config.json").write_text(json.dumps(config))
    Path("token").write_text(served.oidc.token())
    assert refusal(run, "--identity-token", "token")[0] == "signing-failed"
    assert refusal(run, "--identity", "interactive")[0] == "identity-token-invalid"
