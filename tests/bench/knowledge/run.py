"""What each part of the training recipe teaches, and a plain PEFT loop given the same wall time.

    .deps/venv/bin/python tests/bench/knowledge/run.py [--passages 40] [--seeds 7 8 9] [--epochs 4]
        [--rows pairs recipe ...] [--no-peer]

The teacher pairs of the first passages of the shared knowledge set are handed in; people's questions about
those passages, on which nothing trains, are asked closed-book before and after, and general.jsonl beside them
(forgetting). Rows are the recipe with parts left out; the PEFT loop runs for as long as the row `recipe` took to
train. Every adapter is scored by `foundry evaluate`. One line of JSON a run goes to OUT/runs.jsonl at once (a
run that stands there is not repeated), the table to stdout. Needs a release build, and tools/setup.sh --tests.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/bench"))
import machine  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
MODEL = "smollm2-135m-instruct"
ANSWERS_ONLY = ["distillation.passage_items=false", "distillation.question_loss_weight=0",
                "distillation.replay_share=0", "models.soft_teacher=none"]
# Name of a row -> settings that differ from the defaults. The last of a kind wins.
ROWS = {
    "raw text": ANSWERS_ONLY,
    "pairs": ANSWERS_ONLY,
    "pairs + sentences": ANSWERS_ONLY + ["distillation.passages=true"],
    "pairs + sentences + question loss": ANSWERS_ONLY + ["distillation.passages=true",
                                                         "distillation.question_loss_weight=0.3"],
    "pairs + items": ["distillation.replay_share=0", "models.soft_teacher=none"],
    "recipe": ["models.soft_teacher=none"],
    "recipe, linear decay": ["models.soft_teacher=none", "distillation.schedule=linear"],
    "recipe, batches of 4": ["models.soft_teacher=none", "distillation.batch_size=4"],
    "recipe + sentences": ["models.soft_teacher=none", "distillation.passages=true"],
    "recipe + soft targets": [f"models.soft_teacher={MODEL}"],
}


def json_line(command: list) -> dict:
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def with_topic(pair: dict) -> str:
    title = pair["source"]["document"]
    return pair["input"] if title.lower() in pair["input"].lower() else f"Topic: {title}. {pair['input']}"


class Bench:
    def __init__(self, arguments) -> None:
        self.a = arguments
        self.out = arguments.out.resolve()
        self.knowledge = arguments.shared / "data/knowledge"
        self.foundry = arguments.bin / "foundry"
        self.records = self.out / "runs.jsonl"
        subprocess.run([sys.executable, HERE / "prepare.py", self.knowledge, self.out, "pairs", "--passages",
                        str(arguments.passages)], check=True)
        self.pairs = json.loads((self.out / "teacher_pairs.json").read_text(encoding="utf8"))
        self.runs = []
        if self.records.exists():
            self.runs = [json.loads(line) for line in self.records.read_text(encoding="utf8").splitlines()]

    def keep(self, run: dict) -> dict:
        self.runs.append(run)
        with self.records.open("a", encoding="utf8") as file:
            file.write(json.dumps(run) + "\n")
        print(json.dumps(run), file=sys.stderr, flush=True)
        return run

    def known(self, row: str, seed: int) -> dict | None:
        return next((r for r in self.runs if r["row"] == row and r["seed"] == seed), None)

    def score(self, adapter: pathlib.Path | None) -> dict:
        command = [self.foundry, "evaluate", "--model", MODEL, "--max-samples", "0", "--judges", "exact", "f1", "--output",
                   self.out / "scores", "--qa", self.out / "questions.jsonl", HERE / "general.jsonl"]
        result = json_line(command + (["--adapter", adapter] if adapter else []))
        named = {d["name"]: next(iter(d["models"].values()))["metrics"] for d in result["datasets"]}
        asked = named["questions"]
        return {"contains": asked["contains"]["mean"], "low": asked["contains"]["low"],
                "high": asked["contains"]["high"], "n": asked["contains"]["n"], "f1": asked["f1"]["mean"],
                "general": named["general"]["contains"]["mean"]}

    def pairs_file(self, row: str) -> pathlib.Path:
        if row != "raw text":
            return self.out / "teacher_pairs.json"
        passages = {pair["source"]["passage"]: pair["source"] for pair in self.pairs}
        raw = [{"input": f"What does the text about {s['document']} say?", "target": text, "source": s}
               for text, s in passages.items()]
        path = self.out / "raw_text.json"
        path.write_text(json.dumps(raw, ensure_ascii=False), encoding="utf8")
        return path

    def ours(self, row: str, seed: int) -> dict:
        if found := self.known(row, seed):
            return found
        output = self.out / f"{row.replace(' ', '-')}-{seed}"
        settings = ROWS[row] + [f"seed={seed}", f"distillation.epochs={self.a.epochs}", f"models.student={MODEL}"]
        started = time.perf_counter()
        result = json_line([self.foundry, "train", "--pairs", self.pairs_file(row), "--output", output]
                           + [part for setting in settings for part in ("--set", setting)])
        seconds = time.perf_counter() - started
        return self.keep({"row": row, "seed": seed, "seconds": round(seconds, 1), "tokens": result["counts"]["tokens"],
                          **self.score(output / "best_checkpoint")})

    def peer(self, seconds: float, seed: int) -> dict:
        if found := self.known("PEFT loop", seed):
            return found
        folder, pairs = self.out / "smollm2", self.out / "peer_pairs.json"
        if not folder.exists():
            gguf = pathlib.Path(os.environ.get("FOUNDRY_MODELS", ROOT / "models")) / MODEL / "model.gguf"
            subprocess.run([sys.executable, self.a.shared / "peers/convert_smollm2.py", gguf, folder], check=True)
        plain = [{"input": with_topic(p), "target": p["target"]} for p in self.pairs]
        pairs.write_text(json.dumps(plain, ensure_ascii=False), encoding="utf8")
        adapter = self.out / f"peft-{seed}"
        run = json_line([sys.executable, HERE / "peft_loop.py", folder, pairs, adapter, "--seconds", seconds,
                         "--seed", seed])
        return self.keep({"row": "PEFT loop", "seed": seed, "seconds": run["seconds"], "tokens": run["tokens"],
                          "epochs": run["epochs"], **self.score(adapter)})

    def print_row(self, row: str) -> None:
        runs = [r for r in self.runs if r["row"] == row]
        if not runs:
            return

        def mean(key: str) -> float:
            return statistics.mean(r[key] for r in runs)

        print(f"| {row} | {100 * mean('contains'):.1f} % ({100 * mean('low'):.1f}–{100 * mean('high'):.1f}) "
              f"| {' '.join(format(100 * r['contains'], '.1f') for r in runs)} | {100 * mean('f1'):.1f} "
              f"| {100 * mean('general'):.1f} % | {mean('seconds'):.0f} s | {mean('tokens') / 1000:.0f} k |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=40)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9])
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/bench-knowledge")
    parser.add_argument("--shared", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("FOUNDRY_SHARED_DIR", ROOT.parent / "shared")))
    bench = Bench(parser.parse_args())
    os.environ.setdefault("FOUNDRY_MODELS", str(ROOT / "models"))
    print(machine.describe(), flush=True)
    if not bench.known("base", 0):
        bench.keep({"row": "base", "seed": 0, "seconds": 0, "tokens": 0, **bench.score(None)})
    for seed in bench.a.seeds:
        for row in bench.a.rows:
            bench.ours(row, seed)
        if not bench.a.no_peer and (recipe := bench.known("recipe", seed)):
            bench.peer(recipe["seconds"], seed)
    print("| row | contains (95 %) | each seed | F1 | general questions | training | tokens |\n|---|---|---|---|---|---|---|")
    for row in ["base", *ROWS, "PEFT loop"]:
        bench.print_row(row)


if __name__ == "__main__":
    main()
