"""Cuts the shared knowledge set into the files that one learning run reads.

    prepare.py KNOWLEDGE OUT pairs --passages 12      teacher pairs and questions of the first passages
    prepare.py KNOWLEDGE OUT pdfs --articles A B C    PDFs and questions of some articles

Writes OUT/pipeline.yaml, with questions.jsonl and either teacher_pairs.json or pdf/ beside it.
questions.jsonl is for evaluation only: nothing of it reaches training.
"""
import argparse
import json
import pathlib
import shutil

COMMON = """\
name: knowledge-{kind}
output_dir: {out}/Output
profile: laptop
models:
  student: smollm2-135m-instruct
  teachers: [extractive]
  soft_teacher: none
{body}
self_study: {{iterations: {rounds}}}
evaluation:
  datasets:
    - qa: questions.jsonl
    - builtin: heldout_pairs
"""


def lines(path: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines() if line.strip()]


def write_lines(path: pathlib.Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf8")


def with_passages(pairs: list[dict], passages: list[dict]) -> list[dict]:
    """Adds the passage's text and title to each pair's source, as Foundry's own pairs carry them."""
    known = {p["id"]: p for p in passages}
    return [{"input": p["input"], "target": p["target"],
             "source": {"document": known[p["source"]]["title"], "passage": known[p["source"]]["text"]}}
            for p in pairs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("knowledge", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("kind", choices=["pairs", "pdfs"])
    parser.add_argument("--passages", type=int, default=12)
    parser.add_argument("--articles", nargs="+", default=["genghis-khan", "doctor-who", "oxygen"])
    parser.add_argument("--rounds", type=int, default=0, help="self-study rounds")
    arguments = parser.parse_args()

    passages = lines(arguments.knowledge / "passages.jsonl")
    questions = lines(arguments.knowledge / "questions.jsonl")
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    if arguments.kind == "pairs":
        chosen = passages[: arguments.passages]
        ids = {p["id"] for p in chosen}
        pairs = json.loads((arguments.knowledge / "teacher_pairs.json").read_text(encoding="utf8"))
        pairs = with_passages([p for p in pairs if p["source"] in ids], chosen)
        (out / "teacher_pairs.json").write_text(json.dumps(pairs, ensure_ascii=False, indent=1), encoding="utf8")
        body = "inputs: {teacher_pairs: teacher_pairs.json}"
    else:
        files = {f"{name}.pdf" for name in arguments.articles}
        ids = {p["id"] for p in passages if p["document"] in files}
        (out / "pdf").mkdir(exist_ok=True)
        for name in sorted(files):
            shutil.copyfile(arguments.knowledge / "pdf" / name, out / "pdf" / name)
        body = "sources:\n  - pdf: pdf/"
    write_lines(out / "questions.jsonl", [q for q in questions if q["passage"] in ids])
    (out / "pipeline.yaml").write_text(
        COMMON.format(kind=arguments.kind, out=out, body=body, rounds=arguments.rounds), encoding="utf8")


if __name__ == "__main__":
    main()
