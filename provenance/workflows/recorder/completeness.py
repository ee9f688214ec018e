"""The completeness part of a recorded step: sentences that name what the recorder could not see, or left out."""

from __future__ import annotations

from dataclasses import dataclass

_ALWAYS = (
    "Network access by the command was not observed.",
    "Files that the command read and that were not declared as inputs were not observed.",
    "Other processes and services that the command may have used were not observed.",
    "Inputs were digested before and after the command; a change that was undone in between was not observed.",
    "The recorder ran as the same user as the command, which could have deceived it: SLSA Build L1 at most.",
)


@dataclass(frozen=True)
class Circumstances:
    """What was there to see, and what was left out of the statement on purpose."""

    has_checkout: bool
    has_lock_file: bool
    has_packages: bool
    is_silent_about_start: bool
    hidden_secrets: bool
    shortened_paths: bool
    outside: tuple[str, ...]
    without_tensors: tuple[str, ...]
    unlisted: tuple[str, ...]
    stale_files: int
    signals: tuple[str, ...]


def sentences(seen: Circumstances) -> tuple[str, ...]:
    """What is to be said, in a fixed order."""
    outside, signals = ", ".join(dict.fromkeys(seen.outside)), ", ".join(dict.fromkeys(seen.signals))
    unlisted = ", ".join(dict.fromkeys(seen.unlisted))
    without_tensors = ", ".join(dict.fromkeys(seen.without_tensors))
    conditional = (
        (seen.has_checkout, "Files that git does not track are not part of the repository's dirty state."),
        (not seen.has_checkout, "The code's repository was not seen: there is no git checkout, or git did not answer."),
        (not seen.has_lock_file, "No lock file lies in the working folder."),
        (not seen.has_packages, "The installed packages were not seen: the program is not a Python that answered."),
        (seen.is_silent_about_start, "It is not stated with which parameters the model began."),
        (seen.hidden_secrets, "Secrets in the command line were replaced by ***."),
        (seen.shortened_paths,
         "Absolute paths in the command line were replaced by relative ones or by their last part."),
        (bool(outside), f"These lie outside the working folder and keep the last part of their path: {outside}."),
        (bool(without_tensors), f"These hold several tensors of one name, so no tensor tree: {without_tensors}."),
        (bool(unlisted), f"These have too many files to list one by one, and only a digest of all: {unlisted}."),
        (bool(seen.stale_files), f"{seen.stale_files} files of the outputs were there before and were not written."),
        (bool(signals), f"The command was sent {signals} and ended well."),
    )
    return (*_ALWAYS, *(sentence for applies, sentence in conditional if applies))
