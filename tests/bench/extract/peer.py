"""Text of PDFs by one of the usual libraries, for run.py.

    peer.py pymupdf|pypdf|pdfplumber FOLDER FILE.pdf…

Writes FOLDER/<name>.txt and prints {"seconds", "pages"}; loading the library is not counted.
"""
import importlib
import json
import pathlib
import sys
import time


def pages(library, name: str, file: str) -> list[str]:
    if name == "pymupdf":
        return [page.get_text() for page in library.open(file)]
    if name == "pypdf":
        return [page.extract_text() for page in library.PdfReader(file).pages]
    with library.open(file) as document:
        return [page.extract_text() or "" for page in document.pages]


def main() -> None:
    name, folder, files = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    library = importlib.import_module(name)
    count, texts = 0, {}
    start = time.perf_counter()
    for file in files:
        text = pages(library, name, file)
        texts[pathlib.Path(file).stem] = "\n".join(text)
        count += len(text)
    seconds = time.perf_counter() - start
    for stem, text in texts.items():
        (folder / f"{stem}.txt").write_text(text, encoding="utf8", errors="replace")
    print(json.dumps({"seconds": seconds, "pages": count, "version": getattr(library, "__version__", "")}))


if __name__ == "__main__":
    main()
