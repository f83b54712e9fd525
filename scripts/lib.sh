# What scripts/run and scripts/test share: a fitting Python, a virtual environment, and an install that is done once.
# Sourced by both. Written for bash 3.2, which macOS brings.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${LIVE_CAM_VENV:-$project/.venv}

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# Tells whether the words given run a Python 3.11 to 3.13.
fits() {
  "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

# Prints the path of the first fitting Python, or of the one named in PYTHON.
find_python() {
  local candidate
  if [ -n "${PYTHON:-}" ]; then
    fits "$PYTHON" || fail "PYTHON=$PYTHON is no Python 3.11 to 3.13 that runs"
    command -v "$PYTHON"
    return
  fi
  for candidate in python3.13 python3.12 python3.11 python3 python; do
    if fits "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  fail "needs Python 3.11, 3.12 or 3.13, and found none; install one, or name it: PYTHON=/path/to/python3 $0"
}

# Makes the virtual environment $VENV hold the project with the extra named in $1 (or none), at the versions of
# constraints.txt. Does nothing when it does already.
prepare_venv() {
  local extra=$1 stamp=$VENV/.installed${1:+-$1} python wanted
  # Debian makes a Python before it finds that the package for pip is missing, so pip is what is asked for.
  if ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python) || exit 1
    echo "Making a virtual environment in $VENV with $python"
    "$python" -m venv --clear "$VENV" >/dev/null ||
      fail "could not make $VENV with $python; on Debian and Ubuntu: apt-get install $(basename "$python")-venv"
  fi
  wanted=$(echo "$VENV" && "$VENV/bin/python" -VV && cat "$project/pyproject.toml" "$project/constraints.txt")
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing live_cam and what it needs (about 2 GB on disk); this takes minutes, once"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
      --constraint "$project/constraints.txt" --editable "$project${extra:+[$extra]}" ||
      fail "pip could not install live_cam; its reason stands above"
    printf '%s\n' "$wanted" > "$stamp"
  fi
}
