#!/usr/bin/env bash
# Builds the fuzz harnesses of cpp/fuzz with clang and runs each of them for a while, as many at a
# time as there are CPUs: fuzz.sh SECONDS [NAME...]
#
# They start from tests/fuzz/corpus, and keep what they find in build/fuzz/corpus; an input that
# breaks something is left in build/fuzz/broken, to be repeated by build/fuzz/cpp/fuzz/fuzz_NAME
# FILE. The harness fuzz_config.py, of the Python settings, runs where `atheris` is installed.
#
# Exit status: 0 nothing broke, or there is no clang that can fuzz (it says so; with
# MICROJOULE_REQUIRE_BED set, that is an error); 1 something broke.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=$1
shift
build=build/fuzz
python=${PYTHON:-python3}
mkdir -p $build

# Clang may be there without the runtime of libFuzzer (Debian: libclang-rt-dev).
probe='extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }'
names=()
if clang++ -x c++ -fsanitize=fuzzer,address,undefined -o $build/probe - <<<"$probe" 2>/dev/null; then
    cmake --preset fuzz --log-level=WARNING
    cmake --build --preset fuzz
    for program in $build/cpp/fuzz/fuzz_*; do
        [ ! -x "$program" ] || [ -d "$program" ] || names+=("${program##*/fuzz_}")
    done
elif [ -n "${MICROJOULE_REQUIRE_BED:-}" ]; then
    echo "fuzzing needs clang++ with libFuzzer (make system), and nothing may be left out" >&2
    exit 1
else
    echo "fuzzing left out: there is no clang++ with libFuzzer (make system)"
fi
if "$python" -c 'import atheris' 2>/dev/null; then
    names+=(config)
else
    echo "fuzzing of the settings left out: atheris is not installed (it has no wheel for some" \
        "versions of Python)"
fi
[ $# -eq 0 ] || names=("$@")
[ ${#names[@]} -gt 0 ] || exit 0

# Address randomisation with more bits than ASan knows ends it at start: switched off where allowed.
no_aslr=$(setarch -R true 2>/dev/null && echo setarch -R || true)

run() {
    local name=$1 log=$build/$1.log
    local program=($no_aslr "$build/cpp/fuzz/fuzz_$name")
    [ "$name" != config ] || program=("$python" tests/fuzz/fuzz_config.py)
    mkdir -p "$build/corpus/$name" "$build/broken" "tests/fuzz/corpus/$name"
    if "${program[@]}" "-max_total_time=$seconds" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 "-artifact_prefix=$build/broken/$name-" \
        "$build/corpus/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
        echo "fuzz $name: $(sed -n 's/.*number_of_executed_units: //p' "$log") runs"
    else
        echo "fuzz $name: BROKEN, the log is $log" >&2
        tail -n 30 "$log" >&2
        return 1
    fi
}
export -f run
export build seconds python no_aslr
printf '%s\n' "${names[@]}" | xargs -P "$(nproc)" -I {} bash -c 'run {}' || exit 1
