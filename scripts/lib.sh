# Shared by run, test and check: a supported Python, a virtual environment, and an install that is done once.
# Sourced by each. Written for bash 3.2, the version on macOS.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${LIVE_CAM_VENV:-$project/.venv}

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# Succeeds if the command $1 runs Python 3.11 to 3.13.
is_supported() {
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

# Prints the path of the first supported Python, or of the one named in PYTHON.
find_python() {
  local candidate
  if [ -n "${PYTHON:-}" ]; then
    is_supported "$PYTHON" || fail "PYTHON=$PYTHON does not run Python 3.11, 3.12 or 3.13"
    command -v "$PYTHON"
    return
  fi
  for candidate in python3.13 python3.12 python3.11 python3 python; do
    if is_supported "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  fail "found no Python 3.11, 3.12 or 3.13; install one, or name it: PYTHON=/path/to/python3 $0"
}

# Creates the virtual environment $VENV with the project and its extra $1 (or none), at the versions of
# constraints.txt. Does nothing if it is up to date.
prepare_venv() {
  local extra=$1 stamp=$VENV/.installed${1:+-$1} quiet python expected
  # On Debian, venv creates Python before it fails for want of pip's package, so pip is what to test for.
  if ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python) || exit 1
    echo "Creating a virtual environment in $VENV with $python"
    "$python" -m venv --clear "$VENV" >/dev/null ||
      fail "could not create $VENV with $python; on Debian and Ubuntu: apt-get install $(basename "$python")-venv"
  fi
  expected=$(echo "$VENV" && "$VENV/bin/python" -VV && cat "$project/pyproject.toml" "$project/constraints.txt")
  if [ "$(cat "$stamp" 2>/dev/null)" != "$expected" ]; then
    echo "Installing live_cam and its dependencies (2.9 GB on disk); this takes minutes, once"
    quiet=--quiet
    if [ -t 1 ]; then quiet=; fi # at a terminal, pip shows its progress
    "$VENV/bin/python" -m pip install $quiet --disable-pip-version-check \
      --constraint "$project/constraints.txt" --editable "$project${extra:+[$extra]}" ||
      fail "pip could not install live_cam; see its messages above"
    printf '%s\n' "$expected" > "$stamp"
  fi
}
