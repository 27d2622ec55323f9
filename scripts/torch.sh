#!/usr/bin/env bash
# Makes an environment with torch and transformers in the folder that is given, for `make test-torch`.
set -euo pipefail
folder=$1
"${PYTHON:-python3}" -m venv --clear "$folder"
pip=("$folder/bin/pip" --disable-pip-version-check -q install)
"${pip[@]}" --no-deps --retries 1 --extra-index-url https://download.pytorch.org/whl/cpu \
    "torch==2.13.0+cpu"
"${pip[@]}" filelock typing-extensions sympy networkx jinja2 fsspec transformers accelerate
touch "$folder/done"
