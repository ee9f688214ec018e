"""Step 1, data preparation: the raw verses -> a clean corpus in Parquet, split into train and validation.

    python prepare.py --input kjv.jsonl --output corpus/

What happens to the text, in this order:
1. each line of the input is read under a fixed schema; a line that does not fit stops the run;
2. Unicode is brought to NFC, typographic quotes to plain ones, and every run of white space to one space;
3. a verse without a single letter is left out (the source has one: an empty "[]" as 3 John 1:15);
4. every 20th verse that is left goes to the validation split, all others to the train split.

Nothing is random, nothing is fetched, and the same input gives the same bytes (with the same pyarrow).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset

VALIDATION_EVERY = 20
SHARDS = {"train": 2, "validation": 1}
PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})


def clean(text: str) -> str:
    """One verse in normal form: NFC, plain quotes, single spaces, none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).translate(PLAIN).split())


def has_letters(text: str) -> bool:
    """Whether there is anything to read in the verse."""
    return any(character.isalpha() for character in text)


def load_verses(source: Path, cache: Path) -> Dataset:
    """The JSON Lines file as a `datasets.Dataset`, without network, telemetry or a cache in anyone's home."""
    os.environ.update(
        HF_HUB_OFFLINE="1",
        HF_DATASETS_OFFLINE="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_DATASETS_DISABLE_PROGRESS_BARS="1",
        HF_HOME=str(cache),
    )
    from datasets import Features, Value, load_dataset  # reads the variables above when it is imported
    from datasets.exceptions import DatasetGenerationError

    schema = Features(
        {
            "citation": Value("string"),
            "text": Value("string"),
            "book": Value("string"),
            "chapter": Value("int32"),
            "verse": Value("int32"),
        }
    )
    try:
        verses = load_dataset(
            "json", data_files=str(source), features=schema, split="train", cache_dir=str(cache)
        )
    except DatasetGenerationError as err:
        raise SystemExit(f"{source}: a line is not a verse: {err.__cause__}") from err
    # The reader fills a field that a line lacks with null instead of refusing the line.
    for name in schema:
        if verses.data.column(name).null_count:
            raise SystemExit(f"{source}: a line has no {name!r}")
    return verses


def split_verses(verses: Dataset) -> dict[str, Dataset]:
    """Every 20th verse to validation, the others to train; both stay in the order of the book."""
    indices = range(len(verses))
    last = VALIDATION_EVERY - 1
    return {
        "train": verses.select([i for i in indices if i % VALIDATION_EVERY != last]),
        "validation": verses.select([i for i in indices if i % VALIDATION_EVERY == last]),
    }


def write_shards(verses: Dataset, split: str, output: Path) -> None:
    """One split as Parquet files `train-00000-of-00002.parquet`, ... with consecutive verses in each."""
    count = SHARDS[split]
    for index in range(count):
        path = output / f"{split}-{index:05d}-of-{count:05d}.parquet"
        verses.shard(count, index, contiguous=True).to_parquet(path)
        print(f"{path.name}: {path.stat().st_size:,} bytes")


def main() -> None:
    """Read the arguments and prepare the corpus, with a cache that is gone afterwards."""
    parser = argparse.ArgumentParser(description="Clean the verses and split them into train and validation.")
    parser.add_argument("--input", type=Path, required=True, help="the verses, as JSON Lines")
    parser.add_argument("--output", type=Path, required=True, help="folder for the Parquet shards")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
        raw = load_verses(arguments.input, Path(cache))
        cleaned = raw.map(lambda verse: {"text": clean(verse["text"])})
        kept = cleaned.filter(lambda verse: has_letters(verse["text"]))
        print(f"{len(raw):,} verses read, {len(raw) - len(kept):,} left out")
        for split, verses in split_verses(kept).items():
            print(f"{split}: {len(verses):,} verses")
            write_shards(verses, split, arguments.output)


if __name__ == "__main__":
    main()
