#!/usr/bin/env bash
# The one script that installs Debian packages. It says what it will install before it does, and
# runs apt-get only when something is missing.
#
#   scripts/system.sh [build|bed|test] [--dry-run]
#
#   build      what `make demo` needs: a compiler, and Python with venv and headers
#   bed        that, and what the simulated sensors need: libfuse
#   test       that, and what the rest of `make test` needs (the default)
#   --dry-run  print the missing packages, one line, and install nothing
#
# Environment: NO_SYSTEM=1 forbids installing; PYTHON names the interpreter (python3).
# Exit status: 0 everything is there; 1 something is missing and was not installed.
set -euo pipefail

profile=test
dry_run=0
for argument in "$@"; do
    case $argument in
        build | bed | test) profile=$argument ;;
        --dry-run) dry_run=1 ;;
        *)
            echo "system.sh: unknown argument '$argument'; say build, bed, test or --dry-run" >&2
            exit 2
            ;;
    esac
done
python=${PYTHON:-python3}

# package | a probe: a package is missing when neither Debian nor its probe knows it, so that an
# interpreter from elsewhere or a non-Debian system is not told to install what it has.
build_packages="
build-essential | g++ --version
python3         | $python --version
python3-venv    | $python -c 'import venv, ensurepip'
python3-dev     | $python -c 'import os, sysconfig; os.stat(sysconfig.get_path(\"include\") + \"/Python.h\")'
"
bed_packages="
pkg-config      | pkg-config --version
fuse3           | fusermount3 --version
libfuse3-dev    | pkg-config --exists fuse3
"
test_packages="
doctest-dev     | test -e /usr/include/doctest/doctest.h
clang           | clang++ --version
libclang-rt-dev | ls \$(clang++ -print-runtime-dir)/libclang_rt.fuzzer*
strace          | strace --version
util-linux      | setarch --version
"
packages=$build_packages
[ "$profile" = build ] || packages+=$bed_packages
[ "$profile" != test ] || packages+=$test_packages

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
while IFS='|' read -r package probe; do
    package=${package//[[:space:]]/}
    [ -n "$package" ] || continue
    installed "$package" || bash -c "$probe" >/dev/null 2>&1 || missing+=("$package")
done <<<"$packages"

if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
if [ "$dry_run" = 1 ]; then
    echo "${missing[*]}"
    exit 1
fi

line="apt-get install --no-install-recommends ${missing[*]}"
why=
if [ "${NO_SYSTEM:-0}" != 0 ]; then
    why="NO_SYSTEM is set"
elif ! command -v apt-get >/dev/null; then
    why="this is not a Debian-family system"
elif [ "$(id -u)" != 0 ]; then
    why="not root"
    line="sudo $line"
fi
if [ -n "$why" ]; then
    echo "system packages are missing and nothing is installed ($why). The line to type:" >&2
    echo "    $line" >&2
    for package in "${missing[@]}"; do
        case $package in
            fuse3 | libfuse3-dev | pkg-config)
                echo "  without $package: the tests against simulated sensors (marked bed) are left out" >&2 ;;
            doctest-dev) echo "  without doctest-dev: the native tests are left out" >&2 ;;
            strace) echo "  without strace: the tests that count system calls are left out" >&2 ;;
            util-linux) echo "  without util-linux: the native tests under TSan may not start" >&2 ;;
            clang | libclang-rt-dev) echo "  without $package: fuzzing is left out" >&2 ;;
            *) echo "  without $package: nothing can be built" >&2 ;;
        esac
    done
    exit 1
fi

echo "installing system packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}"; } \
    >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
