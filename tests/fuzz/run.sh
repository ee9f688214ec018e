#!/usr/bin/env bash
# Run every fuzz target of this folder for the same time; ends with 1 if one of them found something.
# Usage: tests/fuzz/run.sh PYTHON SECONDS. Each target keeps its corpus in tests/fuzz/corpus/, out of git.
set -uo pipefail
python=$1
seconds=$2
here=$(dirname "$0")
found=0

for target in "$here"/fuzz_*.py; do
  name=$(basename "$target" .py)
  corpus=$here/corpus/$name
  mkdir -p "$corpus"
  PYTHONPATH=$here "$python" -c 'import importlib, pathlib, sys
for number, seed in enumerate(importlib.import_module(sys.argv[1]).SEEDS):
    pathlib.Path(sys.argv[2], f"seed-{number}").write_bytes(seed)' "$name" "$corpus"
  if output=$("$python" "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
    -artifact_prefix="$corpus-" "$corpus" 2>&1 </dev/null); then
    done=$(grep -oE 'Done [0-9]+ runs in [0-9]+ second' <<<"$output" | tail -n 1)
    printf 'fuzz: %-18s nothing found. %ss\n' "$name" "$done"
  else
    found=1
    printf 'fuzz: %-18s FOUND\n%s\n' "$name" "$(tail -n 40 <<<"$output")"
  fi
done
exit "$found"
