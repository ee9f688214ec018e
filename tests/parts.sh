#!/usr/bin/env bash
# The tests that need programs from apt: installs those where it may (root, apt-get), runs the tests, and says and
# counts what it had to do without. Usage: tests/parts.sh PYTHON [pytest arguments]
set -uo pipefail
python=$1
shift

# program:package
parts=(chromium:chromium bwrap:bubblewrap softhsm2-util:softhsm2)

missing_parts() {
  local part
  for part in "${parts[@]}"; do
    command -v "${part%%:*}" >/dev/null || printf '%s\n' "${part##*:}"
  done
}

mapfile -t missing < <(missing_parts)
if [ "${#missing[@]}" -gt 0 ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "parts: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  install=(timeout 300 apt-get install -y -qq --no-install-recommends)
  for package in "${missing[@]}"; do # one by one: a package that is not there must not keep the others away
    "${install[@]}" "$package" >/dev/null 2>&1 ||
      { timeout 120 apt-get update -qq >/dev/null 2>&1 && "${install[@]}" "$package" >/dev/null 2>&1; } ||
      echo "parts: apt-get could not install $package"
  done
fi

"$python" -m pytest -m parts "$@"
code=$?

mapfile -t missing < <(missing_parts)
echo "parts: ${#missing[@]} of ${#parts[@]} missing${missing[*]:+ (apt-get install ${missing[*]})}"
exit "$code"
