#!/bin/sh
# Fill .venv from a lock: `tools/venv.sh run` for what the program needs, `tools/venv.sh dev` for the tests and checks too.
# PYTHON=… chooses the interpreter; UV= (empty) does without uv.
set -eu
cd "$(dirname "$0")/.."
lock="requirements/$1.txt"
venv=.venv
uv="${UV-$(command -v uv || true)}"

say() { printf '%s\n' "ossature: $*" >&2; }

is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# A name on PATH may be a shim that refuses to run, so each candidate is run, not only looked up.
find_python() {
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
        if is_recent "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    say "Python 3.11 or newer is needed and was not found (looked for: ${PYTHON:-python3.13, python3.12, python3.11, python3}); install one, or name it: make PYTHON=/path/to/python3."
    exit 1
}

is_usable() {
    is_recent "$venv/bin/python" && { [ -n "$uv" ] || "$venv/bin/python" -m pip --version >/dev/null 2>&1; }
}

create_venv() {
    python=$(find_python)
    rm -rf "$venv"
    if [ -n "$uv" ] && "$uv" venv --quiet --python "$python" "$venv"; then return; fi
    if "$python" -m venv "$venv" >/dev/null 2>&1; then return; fi
    rm -rf "$venv"  # venv leaves half a folder behind where ensurepip is missing
    if "$python" -m virtualenv --quiet "$venv" >/dev/null 2>&1; then return; fi
    rm -rf "$venv"
    say "$python can make no virtual environment; install the package for it (Debian, Ubuntu: apt install python3-venv; elsewhere: $python -m pip install --user virtualenv) and run make again."
    exit 1
}

if ! is_usable; then create_venv; fi

# The lock holds every hash, the build backend's too, so nothing is fetched that is not in it.
if [ -n "$uv" ]; then
    "$uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock"
    "$uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation -e .
else
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes -r "$lock"
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
fi
