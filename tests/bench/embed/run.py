"""Embeddings of 5,000 sentences: Foundry and sentence-transformers in turn, in one run.

    python3 tests/bench/embed/run.py [--rounds 3] [--texts 5000] [--compute auto float32]

The sentences are the first of $FOUNDRY_SHARED_DIR/data/qa/squad (default: ../shared); the model is
models/all-minilm-l6-v2. sentence-transformers comes with tools/setup.sh --bench, the program is
build/release/bin/embed_speed.
"""
import argparse
import array
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/bench"))
import machine  # noqa: E402

PYTHON = str(ROOT / ".deps/venv/bin/python")


def sentences(file: pathlib.Path, count: int) -> list[str]:
    texts: dict[str, None] = {}
    for article in json.loads(file.read_text(encoding="utf8"))["data"]:
        for paragraph in article["paragraphs"]:
            for sentence in re.split(r"(?<=[.!?])\s+", paragraph["context"]):
                texts.setdefault(sentence)
    if len(texts) < count:
        sys.exit(f"{file} has {len(texts)} sentences only")
    return list(texts)[:count]


def json_line(command: list[str]) -> dict:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return json.loads(lines[-1])


def floats(file: pathlib.Path) -> array.array:
    values = array.array("f")
    values.frombytes(file.read_bytes())
    return values


def main() -> None:
    shared = pathlib.Path(os.environ.get("FOUNDRY_SHARED_DIR", ROOT / "../shared"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=5000)
    parser.add_argument("--compute", nargs="+", default=["auto", "float32"])
    parser.add_argument("--model", default=str(ROOT / "models/all-minilm-l6-v2"))
    parser.add_argument("--program", default=str(ROOT / "build/release/bin/embed_speed"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        texts = work / "texts.json"
        texts.write_text(json.dumps(sentences(shared / "data/qa/squad/dev-v1.1.share.json", arguments.texts)))
        commands = {
            f"Foundry, {compute}": [arguments.program, "--model", arguments.model, "--texts", str(texts),
                                    "--compute", compute, "--out", str(work / f"{compute}.bin")]
            for compute in arguments.compute
        }
        commands["sentence-transformers, fp32"] = [PYTHON, str(ROOT / "tests/bench/embed/peer.py"), arguments.model,
                                                   str(texts), str(work / "peer.bin")]
        print(machine.describe())
        found: dict[str, list[dict]] = {}
        for _ in range(arguments.rounds):
            for name, command in commands.items():
                found.setdefault(name, []).append(json_line(command))
                print(name, json.dumps(found[name][-1]), file=sys.stderr)
        peer = floats(work / "peer.bin")
        print("\n| compute | greatest difference of a component | least cosine |\n|---|---|---|")
        for compute in arguments.compute:
            ours = floats(work / f"{compute}.bin")
            width = len(ours) // arguments.texts
            difference = max(abs(a - b) for a, b in zip(ours, peer, strict=True))
            cosine = min(sum(a * b for a, b in zip(ours[i:i + width], peer[i:i + width]))
                         for i in range(0, len(ours), width))
            print(f"| {compute} | {difference:.1e} | {cosine:.6f} |")
    speed = {name: [run["texts_per_second"] for run in runs] for name, runs in found.items()}
    peer_speed = speed["sentence-transformers, fp32"]
    print("\n| program | sentences/s, median | as a multiple of the peer | runs |\n|---|---|---|---|")
    for name, values in speed.items():
        print(machine.multiple_row(name, values, peer_speed, "/s"))
    print(f"\nMatrix products reach {found[f'Foundry, {arguments.compute[0]}'][-1]['matmul_gflops']:.0f} GFLOP/s in libtorch here.")


if __name__ == "__main__":
    main()
