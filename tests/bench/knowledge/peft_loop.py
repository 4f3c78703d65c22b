"""The plain loop that people write: transformers + PEFT over pairs, for as long as it is told.

    peft_loop.py MODEL_FOLDER PAIRS.json OUT --seconds 600 [--seed 0]

LoRA r=32 on all linears, AdamW at 1e-3, shuffled padded batches of 16, bf16 autocast, loss on the answer.
PAIRS holds [{"input", "target"}]; the inputs are used as they are. Writes a PEFT adapter to OUT; prints one JSON line.
"""
import argparse
import json
import os
import pathlib
import random
import time

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402


def encode(tokenizer, pair: dict) -> tuple[list[int], list[int]]:
    chat = [{"role": "user", "content": pair["input"]}]
    text = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    return (tokenizer(text, add_special_tokens=False)["input_ids"],
            tokenizer(pair["target"] + tokenizer.eos_token, add_special_tokens=False)["input_ids"])


def tensors(batch: list[tuple[list[int], list[int]]], padding: int) -> dict[str, torch.Tensor]:
    """[batch, longest] ids, mask and labels; labels only on answers."""
    width = max(len(prompt) + len(answer) for prompt, answer in batch)
    ids = torch.full((len(batch), width), padding)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for row, (prompt, answer) in enumerate(batch):
        end = len(prompt) + len(answer)
        ids[row, :end] = torch.tensor(prompt + answer)
        mask[row, :end] = 1
        labels[row, len(prompt):end] = torch.tensor(answer)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("pairs", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, required=True, help="wall time of the steps, loading not counted")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=16)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    torch.manual_seed(arguments.seed)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    data = [encode(tokenizer, pair) for pair in json.loads(arguments.pairs.read_text(encoding="utf8"))]
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32)
    config = LoraConfig(r=32, lora_alpha=64, target_modules="all-linear", lora_dropout=0.0)
    model = get_peft_model(model, config).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3, weight_decay=0.0)

    started, examples, tokens = time.perf_counter(), 0, 0
    while True:
        random.shuffle(data)
        for at in range(0, len(data), arguments.batch):
            if time.perf_counter() - started >= arguments.seconds:
                model.save_pretrained(arguments.out)
                print(json.dumps({"seconds": round(time.perf_counter() - started, 1), "examples": examples,
                                  "epochs": round(examples / len(data), 2), "tokens": tokens}))
                return
            batch = tensors(data[at:at + arguments.batch], tokenizer.eos_token_id)
            with torch.autocast("cpu", torch.bfloat16):
                loss = model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            examples += len(batch["input_ids"])
            tokens += int(batch["attention_mask"].sum())


if __name__ == "__main__":
    main()
