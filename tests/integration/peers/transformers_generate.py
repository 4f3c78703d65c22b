"""Greedy generation by transformers, from a folder as it is.

transformers_generate.py FOLDER REQUESTS.json: requests are {"messages": […] | "ids": […], "tokens": N};
prints a JSON list of {"prompt_ids", "ids", "text"}."""
import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, requests = sys.argv[1], json.load(open(sys.argv[2], encoding="utf8"))
torch.set_num_threads(2)
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
answers = []
for request in requests:
    ids = request.get("ids")
    if ids is None:
        text = tokenizer.apply_chat_template(request["messages"], add_generation_prompt=True, tokenize=False)
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        out = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                             do_sample=False, max_new_tokens=request["tokens"])
    new = out[0, len(ids):].tolist()
    answers.append({"prompt_ids": ids, "ids": new, "text": tokenizer.decode(new, skip_special_tokens=True)})
print(json.dumps(answers))
