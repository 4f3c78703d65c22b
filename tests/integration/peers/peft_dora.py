"""DoRA by PEFT on a small model, as JSON on stdout.

peft_dora.py init REQUEST.json:  a fresh adapter, moved from where it starts, saved to request["init"].
peft_dora.py train REQUEST.json: request["rates"] steps of AdamW from that adapter over request["examples"]
  ({"ids", "weights"}; weights[i] is that of predicting ids[i]), all of them in every step; saved to
  request["final"]. Prints losses, gradient norms, and the logits of request["prompt"] by the adapter in
  request["theirs"], attached and merged."""
import json
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

mode, request = sys.argv[1], json.load(open(sys.argv[2], encoding="utf8"))
torch.set_num_threads(1)
torch.manual_seed(5)


def base():
    return AutoModelForCausalLM.from_pretrained(request["base"], dtype=torch.float32, attn_implementation="eager")


def logits(model):
    with torch.no_grad():
        return model(torch.tensor([request["prompt"]])).logits[0].tolist()


if mode == "init":
    config = LoraConfig(r=4, lora_alpha=8, use_dora=True, use_rslora=request["rslora"], lora_dropout=0.0,
                        target_modules=request["targets"], task_type="CAUSAL_LM")
    model = get_peft_model(base(), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.05)
            elif "lora_magnitude" in name:
                parameter.mul_(1 + 0.1 * torch.randn_like(parameter))
    model.save_pretrained(request["init"])
    sys.exit()

model = PeftModel.from_pretrained(base(), request["init"], is_trainable=True)
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1.0, weight_decay=0.0)
total = sum(sum(e["weights"]) for e in request["examples"])
losses, norms = [], []
for rate in request["rates"]:
    optimizer.zero_grad()
    loss = 0.0
    for e in request["examples"]:
        ids, weights = torch.tensor(e["ids"]), torch.tensor(e["weights"])
        nll = torch.nn.functional.cross_entropy(model(ids[None]).logits[0, :-1], ids[1:], reduction="none")
        part = (nll * weights[1:]).sum() / total
        part.backward()
        loss += part.item()
    losses.append(loss)
    norms.append(torch.nn.utils.clip_grad_norm_(trained, 1.0).item())
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
model.save_pretrained(request["final"])

model = PeftModel.from_pretrained(base(), request["theirs"])
attached = logits(model)
print(json.dumps({"losses": losses, "norms": norms, "attached": attached,
                  "merged": logits(model.merge_and_unload())}))
