#!/usr/bin/env bash
# Sets up, builds and runs every test.
#
#   tests/run_tests.sh                 everything
#   tests/run_tests.sh -L unit         arguments go to ctest
#
# Tests that need the shared reference data look for it in $FOUNDRY_SHARED_DIR, else ../shared, and
# are skipped with a word when it is not there.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${FOUNDRY_SHARED_DIR:-}" ] && [ -d ../shared/data ]; then
  FOUNDRY_SHARED_DIR=$(cd ../shared && pwd)
  export FOUNDRY_SHARED_DIR
fi
tools/setup.sh --tests
cmake --preset dev >build.log 2>&1 || { cat build.log; exit 1; }
rm -f build.log
cmake --build --preset dev
# Two at once: some tests start databases and train models, and the machine may have two cores.
exec ctest --preset dev --parallel "${FOUNDRY_TEST_JOBS:-2}" --no-tests=error "$@"
