"""House rules that a program can check: check_sources.py SOURCE_DIR. Exit code 1 names every breach."""
import pathlib
import re
import subprocess
import sys

LONGEST_FILE = 800  # lines
CODE = (".cc", ".h", ".proto", ".py", ".sh")
# (pattern, what is wrong)
FORBIDDEN = [
    (re.compile(r"#include [<\"](torch|ATen|c10)/"), "libtorch outside common/lm"),
]


def tracked(root: pathlib.Path) -> list[pathlib.Path]:
    listed = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True, check=True)
    return [root / name for name in listed.stdout.decode().split("\0") if name]


def main() -> None:
    root = pathlib.Path(sys.argv[1])
    breaches = []
    sources = [p for p in tracked(root) if p.suffix in CODE and p.is_file()]
    for path in sources:
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf8")
        if text.count("\n") > LONGEST_FILE:
            breaches.append(f"{name}: longer than {LONGEST_FILE} lines")
        torch = FORBIDDEN[0][0].search(text)
        if torch and not name.startswith("common/lm/"):
            breaches.append(f"{name}: {FORBIDDEN[0][1]}")
        if torch and re.search(r"#include [<\"](google/protobuf|grpc|foundry/)", text):
            breaches.append(f"{name}: sees libtorch together with protobuf")
    formatted = [str(p) for p in sources if p.suffix in (".cc", ".h")]
    result = subprocess.run(["clang-format", "--dry-run", "-Werror", *formatted], capture_output=True, text=True)
    breaches += sorted({line.split(":", 1)[0] + ": not formatted (clang-format -i)"
                        for line in result.stderr.splitlines() if "code should be clang-formatted" in line})
    print("\n".join(breaches) or f"{len(sources)} files hold the rules")
    sys.exit(bool(breaches))


if __name__ == "__main__":
    main()
