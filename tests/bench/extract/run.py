"""Text of PDFs: Foundry and its peers in turn, in one run; pages a second, and agreement with the sources.

    python3 tests/bench/extract/run.py [--rounds 3] [--peers pdftotext pymupdf pypdf pdfplumber]

The files are those of $FOUNDRY_SHARED_DIR/data/pdf/pairs (default: ../shared) that have a text from the
document's own tool chain beside them. pdftotext comes with Debian's poppler-utils, the libraries with
tools/setup.sh --bench; the programs are build/release/bin/foundry and foundry-pdf.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/bench"))
import machine  # noqa: E402

NAMES = {"pdftotext": "pdftotext", "pymupdf": "PyMuPDF", "pypdf": "pypdf", "pdfplumber": "pdfplumber"}


def words(text: str) -> list[str]:
    """Words, and single characters where words are not spaced."""
    if re.search(r"[\u3040-\u9fff]", text):
        return [c for c in text if c.isalnum()]
    return re.findall(r"[^\W_]+", text.lower())


def word_f1(a: list[str], b: list[str]) -> float:
    return 2 * sum((collections.Counter(a) & collections.Counter(b)).values()) / max(1, len(a) + len(b))


def order_f1(a: list[str], b: list[str]) -> float:
    """F1 of the longest common subsequence (bit-parallel: Hyyrö 2004)."""
    places: dict[str, int] = collections.defaultdict(int)
    for i, word in enumerate(a):
        places[word] |= 1 << i
    full = row = (1 << len(a)) - 1
    for word in b:
        if match := row & places.get(word, 0):
            row = (row + match | row - match) & full
    return 2 * (len(a) - row.bit_count()) / max(1, len(a) + len(b))


def checked(command: list[str]) -> subprocess.CompletedProcess:
    done = subprocess.run(command, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr.decode('utf8', 'replace')[-2000:]}")
    return done


def foundry(program: str, jobs: int, files: list[pathlib.Path], folder: pathlib.Path) -> dict:
    """The whole command, its start and the writing of its records included."""
    outcomes = folder / "outcomes.jsonl"
    start = time.perf_counter()
    done = checked([program, "extract", "-q", "--ocr", "never", "--jobs", str(jobs), "--outcomes", str(outcomes),
                    *map(str, files)])
    seconds = time.perf_counter() - start
    for line in done.stdout.decode("utf8").splitlines():
        record = json.loads(line)
        (folder / f"{pathlib.Path(record['metadata']['file']).stem}.txt").write_text(record["text"], encoding="utf8")
    rows = map(json.loads, outcomes.read_text(encoding="utf8").splitlines())
    return {"seconds": seconds, "pages": sum(row["pages"] for row in rows)}


def pdftotext(files: list[pathlib.Path], folder: pathlib.Path) -> dict:
    """One process a file, pages counted by the form feeds between them."""
    start = time.perf_counter()
    texts = {file.stem: checked(["pdftotext", "-q", str(file), "-"]).stdout.decode("utf8", "replace") for file in files}
    seconds = time.perf_counter() - start
    for stem, text in texts.items():
        (folder / f"{stem}.txt").write_text(text, encoding="utf8")
    return {"seconds": seconds, "pages": sum(text.count("\f") for text in texts.values())}


def main() -> None:
    shared = pathlib.Path(os.environ.get("FOUNDRY_SHARED_DIR", ROOT / "../shared"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="*", choices=list(NAMES), default=["pdftotext", "pymupdf", "pypdf"])
    parser.add_argument("--folder", type=pathlib.Path, default=shared / "data/pdf/pairs")
    parser.add_argument("--program", default=str(ROOT / "build/release/bin/foundry"))
    parser.add_argument("--python", default=str(ROOT / ".deps/venv/bin/python"), help="that has the libraries")
    arguments = parser.parse_args()
    files = sorted(file for file in arguments.folder.glob("*.pdf") if file.with_suffix(".txt").exists())
    if not files:
        sys.exit(f"no PDF with a text beside it in {arguments.folder}")
    if "pdftotext" in arguments.peers and shutil.which("pdftotext") is None:
        sys.exit("pdftotext is missing: apt-get install poppler-utils")
    sources = {file.stem: words(file.with_suffix(".txt").read_text(encoding="utf8")) for file in files}
    cores = os.cpu_count() or 1

    def run(name: str, folder: pathlib.Path) -> dict:
        if name.startswith("Foundry"):
            return foundry(arguments.program, 1 if name == "Foundry, 1 job" else cores, files, folder)
        if name == "pdftotext":
            return pdftotext(files, folder)
        peer = str(ROOT / "tests/bench/extract/peer.py")
        return json.loads(checked([arguments.python, peer, name, str(folder), *map(str, files)]).stdout)

    ours = ["Foundry, 1 job", f"Foundry, {cores} jobs"]
    speed: dict[str, list[float]] = {}
    scores: dict[str, dict[str, tuple[float, float]]] = {}
    print(machine.describe())
    for _ in range(arguments.rounds):
        for name in [*ours, *arguments.peers]:
            with tempfile.TemporaryDirectory() as temporary:
                found = run(name, pathlib.Path(temporary))
                speed.setdefault(name, []).append(found["pages"] / found["seconds"])
                print(name, json.dumps(found), file=sys.stderr)
                if name in scores:
                    continue
                texts = {stem: words((pathlib.Path(temporary) / f"{stem}.txt").read_text(encoding="utf8")) for stem in sources}
                scores[name] = {stem: (word_f1(texts[stem], source), order_f1(texts[stem], source))
                                for stem, source in sources.items()}
    for peer in arguments.peers:
        print(f"\n| against {NAMES[peer]} | pages/s, median | multiple | runs |\n|---|---|---|---|")
        for name in [*ours, peer]:
            print(machine.multiple_row(NAMES.get(name, name), speed[name], speed[peer], "pages/s"))
    print("\n| word F1 / in order | " + " | ".join(sources) + " |\n|---" * 1 + "|---" * len(sources) + "|")
    for name in [ours[0], *arguments.peers]:
        cells = " | ".join(f"{f1:.3f} / {order:.3f}" for f1, order in scores[name].values())
        print(f"| {NAMES.get(name, 'Foundry')} | {cells} |")


if __name__ == "__main__":
    main()
