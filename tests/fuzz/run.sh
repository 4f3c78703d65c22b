#!/usr/bin/env bash
# Fuzzes one format for some seconds: tests/fuzz/run.sh FORMAT [SECONDS=60] [libFuzzer options]
# FORMAT: safetensors, gguf, tokenizer, config, template. What is found lies in build/fuzz/found; the inputs that
# reach new code are kept in build/fuzz/corpus, where the next run goes on.
set -euo pipefail
cd "$(dirname "$0")/../.."
format=${1:?which format: safetensors, gguf, tokenizer, config or template}
seconds=${2:-60}
shift; [ $# -eq 0 ] || shift
program=build/fuzz/bin/fuzz_$format
[ -x "$program" ] || { echo "no $program: cmake --preset fuzz && cmake --build --preset fuzz" >&2; exit 1; }
mkdir -p "build/fuzz/corpus/$format" build/fuzz/found
TMPDIR=$(mktemp -d); export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
# No reader may take memory beyond what its file justifies: inputs are below 64 KiB here.
"$program" -max_total_time="$seconds" -timeout=10 -malloc_limit_mb=256 -max_len=65536 \
  -artifact_prefix="build/fuzz/found/$format-" "$@" "build/fuzz/corpus/$format" "tests/fuzz/seeds/$format"
