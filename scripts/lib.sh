# What scripts/run and scripts/test share: a fitting Python, a virtual environment, and an install that is done once.
# Sourced by both, from the project's root. Written for bash 3.2, which macOS brings.

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# Prints the path of the first Python 3.11 to 3.13 that runs.
find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail "needs Python 3.11, 3.12 or 3.13, and found none; install one, or name it: PYTHON=/path/to/python3 $0"
}

# Makes the virtual environment $VENV hold the project with the extra named in $1 (or none), at the versions of
# constraints.txt. Does nothing when it does already.
prepare_venv() {
  local extra=$1 stamp=$VENV/.installed${1:+-$1} wanted
  if [ ! -x "$VENV/bin/python" ]; then
    local python
    python=$(find_python) || exit 1
    echo "Making a virtual environment in $VENV with $python"
    "$python" -m venv "$VENV" || fail "could not make $VENV; on Debian and Ubuntu: apt-get install python3-venv"
  fi
  wanted=$("$VENV/bin/python" -c 'import sys; print(sys.version)' && cat pyproject.toml constraints.txt) ||
    fail "$VENV does not work any more; remove it and start again"
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing live_cam and what it needs (about 2 GB on disk); this takes minutes, once"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
      --editable ".${extra:+[$extra]}" || fail "pip could not install live_cam; its reason stands above"
    printf '%s\n' "$wanted" > "$stamp"
  fi
}

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
VENV=${LIVE_CAM_VENV:-.venv}
