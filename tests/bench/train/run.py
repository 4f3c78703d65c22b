"""LoRA training, ours and transformers + PEFT in turn: examples/s, tokens/s, losses, peak memory.

    .deps/venv/bin/python tests/bench/train/run.py --mode tuned    (or default)

Both take the same steps over the same examples of knowledge/teacher_pairs.json from the same initial
adapter. Needs FOUNDRY_SHARED_DIR (data, peers) and FOUNDRY_MODELS (smollm2-135m-instruct), a build of
the target train_speed, and tools/setup.sh --tests for the venv. Exits 1 when the losses of the steps are over
1 % apart on average.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import machine  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[3]
SHARED = pathlib.Path(os.environ.get("FOUNDRY_SHARED_DIR", ROOT.parent / "shared"))
MODELS = pathlib.Path(os.environ.get("FOUNDRY_MODELS", ROOT / "models"))
PEER = SHARED / "peers/train_peft.py"
PAIRS = SHARED / "data/knowledge/teacher_pairs.json"


def run(command):
    """JSON of the last line of stdout, with the process's peak memory as the system counted it."""
    process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, text=True)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed: {status}")
    return {**json.loads(out.splitlines()[-1]), "peak_mib": usage.ru_maxrss / 1024}


def prepare(work, mode, steps, batch, rank):
    """The peer's examples in the peer's order, and the adapter that the peer starts from."""
    folder, examples, init = work / "smollm2", work / f"{mode}-{steps}x{batch}.jsonl", work / f"init-{rank}"
    if not folder.exists():
        gguf = MODELS / "smollm2-135m-instruct/model.gguf"
        subprocess.run([sys.executable, SHARED / "peers/convert_smollm2.py", gguf, folder], check=True)
    import random

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    random.seed(0)
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    data = []
    for pair in json.loads(PAIRS.read_text()):
        chat = [{"role": "user", "content": pair["input"]}]
        text = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        prompt = tokenizer(text, add_special_tokens=False)["input_ids"]
        answer = tokenizer(pair["target"] + "<|im_end|>", add_special_tokens=False)["input_ids"]
        data.append((prompt, answer))
    random.shuffle(data)
    data = data[: steps * batch]
    if mode == "tuned":
        data.sort(key=lambda d: len(d[0]) + len(d[1]))
    examples.write_text("".join(json.dumps({"ids": p + a, "prompt": len(p)}) + "\n" for p, a in data))
    if not init.exists():
        from peft import LoraConfig, get_peft_model

        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", lora_dropout=0.0)
        get_peft_model(model, config).save_pretrained(init)
    count = sum(len(p) + len(a) for p, a in data[batch:]) / len(data[batch:])
    return folder, examples, init, count


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--mode", choices=["default", "tuned"], default="tuned")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--steps", type=int, default=6)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--rank", type=int, default=32)
    p.add_argument("--binary", type=pathlib.Path, default=ROOT / "build/release/bin/train_speed")
    p.add_argument("--work", type=pathlib.Path, default=ROOT / "build/bench-train")
    p.add_argument("--ours", nargs=argparse.REMAINDER, default=[], help="more flags of train_speed")
    a = p.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    a.work.mkdir(parents=True, exist_ok=True)
    folder, examples, init, mean_tokens = prepare(a.work, a.mode, a.steps, a.batch, a.rank)

    ours, peer = [], []
    for _ in range(a.rounds):
        ours.append(run([a.binary, "--model", folder, "--examples", examples, "--init", init, "--batch",
                         a.batch, *a.ours]))
        result = run([sys.executable, PEER, folder, PAIRS, "--mode", a.mode, "--steps", a.steps, "--batch",
                      a.batch, "--rank", a.rank])
        result["examples_per_second"] = result["tokens_per_second"] / mean_tokens
        peer.append(result)

    def median(results, key):
        return statistics.median(r[key] for r in results)

    print(machine.describe())
    print(f"{a.rounds} rounds of {a.steps} steps of {a.batch} examples, the first step not timed; "
          f"{mean_tokens:.1f} tokens an example")
    print(f"{'':28}{'ours':>10}{'PEFT ' + a.mode:>14}{'ratio':>8}")
    for key, label in [("examples_per_second", "examples/s"), ("tokens_per_second", "tokens/s"),
                       ("peak_mib", "peak memory, MiB")]:
        x, y = median(ours, key), median(peer, key)
        print(f"{label:28}{x:10.2f}{y:14.2f}{x / y:8.2f}")
    rate, used = median(ours, "matmul_gflops"), median(ours, "gflops")
    print(f"{'rows computed/s':28}{median(ours, 'rows_per_second'):10.1f}")
    print(f"{'GFLOP/s of the products':28}{used:10.1f}   of {rate:.0f} that a plain product reaches here")
    apart = [abs(x - y) / y for o, q in zip(ours, peer) for x, y in zip(o["losses"], q["losses"])]
    mean = statistics.mean(apart)
    print("losses ours:", *(f"{x:.4f}" for x in ours[-1]["losses"]))
    print("losses PEFT:", *(f"{x:.4f}" for x in peer[-1]["losses"]), f" apart by {mean:.2%}, at most {max(apart):.2%}")
    print("all rounds, examples/s:", *(f"{o['examples_per_second']:.2f}/{q['examples_per_second']:.3f}"
                                       for o, q in zip(ours, peer)))
    return 0 if mean < 0.01 else 1


if __name__ == "__main__":
    sys.exit(main())
