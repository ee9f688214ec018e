"""What is taken out of command lines: each kind of secret and path, and nothing that is neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.workflows.recorder.cleaning import (
    HIDDEN,
    clean_command,
    clean_text,
    is_secret_name,
    secrets_of,
    without_credentials,
)
from tests.growth import ending

FOLDER = Path("/srv/jobs/alice/project")


def cleaned(*words: str) -> tuple[str, ...]:
    return clean_command(["run", *words], FOLDER, ["known-secret"]).words[1:]


@pytest.mark.parametrize(("words", "expected"), [
    (("--token", "abc"), ("--token", HIDDEN)),
    (("--hf-token", "abc"), ("--hf-token", HIDDEN)),
    (("--hfToken=abc",), (f"--hfToken={HIDDEN}",)),
    (("--password", "abc def"), ("--password", HIDDEN)),
    (("--api_key=abc",), (f"--api_key={HIDDEN}",)),
    (("--auth", "a:b"), ("--auth", HIDDEN)),
    (("--use-auth-token", "--steps", "3"), ("--use-auth-token", "--steps", "3")),
    (("WANDB_API_KEY=abc",), (f"WANDB_API_KEY={HIDDEN}",)),
    (("https://u:p@host.example/x",), (f"https://{HIDDEN}@host.example/x",)),
    (("https://u:p@ss@host.example/x",), (f"https://{HIDDEN}@host.example/x",)),
    (("https://host.example/x?a=1&token=abc&b=2",), (f"https://host.example/x?a=1&token={HIDDEN}&b=2",)),
    (("https://host.example/x?sig=abc",), (f"https://host.example/x?sig={HIDDEN}",)),
    (('{"api_key": "abc", "steps": 3}',), (f'{{"api_key": "{HIDDEN}", "steps": 3}}',)),
    (("X-Api-Key: abc",), (f"X-Api-Key: {HIDDEN}",)),
    (("train --secret abc --steps 3",), (f"train --secret {HIDDEN} --steps 3",)),
    (("hf_abcdefghijklmnopqrst",), (HIDDEN,)),
    (("ghp_abcdefghijklmnopqrst",), (HIDDEN,)),
    (("AKIAABCDEFGHIJKLMNOP",), (HIDDEN,)),
    (("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",), (HIDDEN,)),
    (("x=known-secret",), (f"x={HIDDEN}",)),
])
def test_a_secret_is_hidden(words: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert cleaned(*words) == expected
    assert clean_command(["run", *words], FOLDER, ["known-secret"]).hidden is (HIDDEN in "".join(expected))


@pytest.mark.parametrize("word", [
    "--tokenizer", "--max-tokens", "--pad-token=<pad>", "--eos-token", "tokens=5", "--keys", "--author=ACME",
    "https://host.example:8080/x?page=2", "--lr=1e-3", "a/b", "./a", "s/a/b/", "--pattern=a/b", "1/2", "--seed=1611",
    "print(a / b)", "~/x", "corpus/", "-", "--", "", "..", "s3://bucket/key",
])
def test_what_is_no_secret_and_no_absolute_path_stays(word: str) -> None:
    assert cleaned(word, "value") == (word, "value")


@pytest.mark.parametrize(("word", "expected"), [
    ("/srv/jobs/alice/project/corpus", "corpus"),
    ("/srv/jobs/alice/project", "."),
    ("--data=/srv/jobs/alice/project/corpus/a", "--data=corpus/a"),
    ("/mnt/data/corpus", "corpus"),
    ("--data=/mnt/data/corpus/", "--data=corpus"),
    ("-I/usr/include", "-Iinclude"),
    ("../corpus", "corpus"),
    ("a/../b", "a/../b"),
    ("/usr/lib:/usr/share/x", "lib:x"),
    ("file:///usr/share/x", "file://x"),
    ("{'path': '/usr/share/x'}", "{'path': 'x'}"),
    ("/home/alice", "~"),
    ("/", "/"),
])
def test_an_absolute_path_becomes_relative_or_keeps_its_last_part(word: str, expected: str) -> None:
    assert cleaned(word) == (expected,)
    assert clean_command(["run", word], FOLDER, ()).shortened is (word != expected)


def test_a_program_keeps_a_name_by_which_it_is_found_again(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "pyvenv.cfg").touch()

    def program(word: str) -> str:
        return clean_command([word], tmp_path, ()).words[0]

    assert program("python") == "python"
    assert program("/usr/bin/python3") == "python3"
    assert program(".venv/bin/python") == "python"
    assert program(f"{tmp_path}/.venv/bin/torchrun") == "torchrun"
    assert program(f"{tmp_path}/run.sh") == "./run.sh"
    assert program("./run.sh") == "./run.sh"
    assert program("tools/run.sh") == "tools/run.sh"


@pytest.mark.parametrize(
    "name", ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "DB_PASS", "apiKey", "PASSPHRASE"]
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["PATH", "TOKENIZERS_PARALLELISM", "SSH_AUTH_SOCK", "EOS_TOKEN", "KEYBOARD", "COMPASS"]
)
def test_names_of_other_things_are_not(name: str) -> None:
    assert not is_secret_name(name)


def test_values_of_secret_variables_are_searched_for_unless_they_are_too_short() -> None:
    assert secrets_of({"A_TOKEN": "abcdef", "B_TOKEN": "abc", "C": "abcdefgh"}) == ("abcdef",)
    assert clean_text("x-abcdef-y", FOLDER, ("abcdef",)) == f"x-{HIDDEN}-y"


def test_a_url_loses_its_user_and_its_tokens() -> None:
    assert without_credentials("https://u:p@host.example/x?token=abc") == f"https://host.example/x?token={HIDDEN}"


@pytest.mark.parametrize("word", ["a", "token", "/a", "a=", "--token "])
def test_the_search_for_secrets_in_a_long_word_ends(word: str) -> None:
    with ending():
        cleaned(word * (400_000 // len(word)))
