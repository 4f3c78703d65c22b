#!/usr/bin/env bash
# From a fresh clone to a distilled, merged, evaluated model: sets up, builds, and runs the main job
# on a real PDF, the Filesystem Hierarchy Standard that Debian's debian-policy package carries.
#
#   tools/demo.sh [OUTPUT_DIR]     default: Output
set -euo pipefail
cd "$(dirname "$0")/.."
output=${1:-Output}

tools/setup.sh
cmake --preset release >/dev/null
cmake --build --preset release

documents=.cache/demo/documents
if [ ! -s "$documents/fhs-3.0.pdf" ]; then
  mkdir -p "$documents"
  packed=/usr/share/doc/debian-policy/fhs/fhs-3.0.pdf.gz
  if [ ! -e "$packed" ]; then  # images that leave documentation out when they install packages
    (cd .cache/demo && apt-get download -qq debian-policy && dpkg-deb -x debian-policy_*.deb policy)
    packed=.cache/demo/policy$packed
  fi
  gzip -dc "$packed" >"$documents/fhs-3.0.pdf.partial"
  mv "$documents/fhs-3.0.pdf.partial" "$documents/fhs-3.0.pdf"
fi

FOUNDRY_MODELS=${FOUNDRY_MODELS:-$PWD/models}
export FOUNDRY_MODELS
exec build/release/bin/foundry run tools/demo.yaml --set "output_dir=$(realpath -m "$output")"
