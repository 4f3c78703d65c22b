"""Many greedy answers about one document: Foundry and its peers in turn, in one run.

    python3 tests/bench/generate/run.py [--rounds 3] [--peers llama hf] [--check 8]

Every program answers the prompts of the shared peers folder (900 tokens that all share, then 32
questions) with 64 tokens each. --check compares the greedy ids with transformers' in fp32. The peers'
scripts lie in $FOUNDRY_SHARED_DIR/peers (default: ../shared), their packages in .deps/venv
(tools/setup.sh --bench); the program in build/release/bin.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/bench"))
import machine  # noqa: E402

PYTHON = str(ROOT / ".deps/venv/bin/python")
NAMES = {"llama": "llama.cpp", "hf": "transformers"}


def json_line(command: list[str]) -> dict:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return json.loads(lines[-1])


def same_until(a: list[int], b: list[int]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def check(arguments, folder: pathlib.Path, work: pathlib.Path) -> None:
    """How far our greedy ids, in fp32 and in bf16, are transformers' ids in fp32."""
    prompts = json.loads(arguments.prompts.read_text(encoding="utf8"))
    prompts["suffixes"] = prompts["suffixes"][: arguments.check]
    few = work / "few.json"
    few.write_text(json.dumps(prompts), encoding="utf8")
    reference = json_line([PYTHON, str(ROOT / "tests/bench/generate/greedy_ids.py"), str(folder), str(few), str(arguments.new)])["ids"]
    print("| compute | answers equal to transformers in fp32 | tokens before the first other one |\n|---|---|---|")
    for compute in ("float32", "bfloat16"):
        ids = work / f"{compute}.json"
        json_line([arguments.program, "--model", arguments.model, "--prompts", str(few), "--new", str(arguments.new),
                   "--compute", compute, "--ids", str(ids)])
        same = [same_until(a, b) for a, b in zip(json.loads(ids.read_text()), reference)]
        print(f"| {compute} | {sum(n == arguments.new for n in same)} of {len(same)} | {' '.join(map(str, same))} |")
    print()


def main() -> None:
    shared = pathlib.Path(os.environ.get("FOUNDRY_SHARED_DIR", ROOT / "../shared"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="*", choices=list(NAMES), default=list(NAMES))
    parser.add_argument("--check", type=int, default=0, help="answers to compare with transformers in fp32")
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--compute", default="auto")
    parser.add_argument("--model", default=str(ROOT / "models/smollm2-135m-instruct/model.gguf"))
    parser.add_argument("--prompts", type=pathlib.Path, default=shared / "peers/prompts.json")
    parser.add_argument("--program", default=str(ROOT / "build/release/bin/generate_speed"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        folder = work / "transformers"
        if "hf" in arguments.peers or arguments.check:
            subprocess.run([PYTHON, str(shared / "peers/convert_smollm2.py"), arguments.model, str(folder)],
                           check=True, capture_output=True)
        if arguments.check:
            check(arguments, folder, work)
        commands = {
            "Foundry": [arguments.program, "--model", arguments.model, "--prompts", str(arguments.prompts),
                        "--new", str(arguments.new), "--compute", arguments.compute],
            "llama": [PYTHON, str(shared / "peers/generate_llama.py"), arguments.model, str(arguments.prompts),
                      str(arguments.new), str(os.cpu_count())],
            "hf": [PYTHON, str(shared / "peers/generate_hf.py"), str(folder), str(arguments.prompts), str(arguments.new)],
        }
        print(machine.describe())
        found: dict[str, list[dict]] = {}
        for _ in range(arguments.rounds):
            for name in ["Foundry", *arguments.peers]:
                found.setdefault(name, []).append(json_line(commands[name]))
                print(name, json.dumps(found[name][-1]), file=sys.stderr)
    speed = {name: [run["tokens_per_second"] for run in runs] for name, runs in found.items()}
    ours, last = speed["Foundry"], found["Foundry"][-1]
    for peer in arguments.peers:
        print(f"\n| against {NAMES[peer]} | generated tokens/s, median | multiple | runs |\n|---|---|---|---|")
        print(machine.multiple_row("Foundry", ours, speed[peer], "tok/s"))
        print(machine.multiple_row(NAMES[peer], speed[peer], speed[peer], "tok/s"))
    print(f"\nMatrix products reach {last['matmul_gflops']:.0f} GFLOP/s in libtorch here; at that rate this work "
          f"would run at {last['limit_tokens_per_second']:.0f} tok/s.")


if __name__ == "__main__":
    main()
