"""transformers' greedy ids in fp32: greedy_ids.py FOLDER PROMPTS.json NEW; one JSON line."""
import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, prompts, new = sys.argv[1], json.load(open(sys.argv[2], encoding="utf8")), int(sys.argv[3])
tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left", pad_token="<|im_end|>")
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
batch = tokenizer([prompts["prefix"] + s for s in prompts["suffixes"]], return_tensors="pt", padding=True,
                  add_special_tokens=False)
with torch.no_grad():
    out = model.generate(**batch, max_new_tokens=new, min_new_tokens=new, do_sample=False)
print(json.dumps({"ids": out[:, batch["input_ids"].shape[1]:].tolist()}))
