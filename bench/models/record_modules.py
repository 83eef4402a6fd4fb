"""Records the parameters of small models by module: python record_modules.py > ../../__tests__/models/fixtures/module-parameters.json

Needs torch, transformers 5 and peft; models are built on the meta device, nothing is downloaded. A row holds the config as written, the total,
the parameters of every nn.Linear (or Conv1D) by leaf name, of 3-D expert parameters by leaf name, of embeddings, of norms and of the rest, and
what PEFT trains on it: LoRA of rank 4 with `all-linear` and with the library's own targets (null: it has none for the type).
"""
import json
import re
import sys
import warnings

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from tiny_configs import CONFIGS
from transformers import AutoConfig

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()

HEADS = ["AutoModelForSpeechSeq2Seq", "AutoModelForSeq2SeqLM", "AutoModelForImageTextToText", "AutoModelForCausalLM"]


def build(model_type, given):
    fields = {key: value for key, value in given.items() if key != "head"}
    config = AutoConfig.for_model(model_type, **fields)
    heads = [f"AutoModelFor{given['head']}"] if "head" in given else HEADS
    for name in heads:
        auto = getattr(transformers, name)
        if type(config) in auto._model_mapping.keys():
            with torch.device("meta"):
                return auto.from_config(config)
    raise SystemExit(f"{model_type}: no class")


def modules(model):
    linear, experts, rest = {}, {}, {"embedding": 0, "norm": 0, "other": 0}
    # tables first: a tied head counts as its table, and only its bias as a parameter of its own
    tables = [(path, module) for path, module in model.named_modules() if isinstance(module, torch.nn.Embedding)]
    seen = set()
    for path, module in [*tables, *model.named_modules()]:
        kind = type(module).__name__
        is_tied = isinstance(module, torch.nn.Linear) and id(module.weight) in seen
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            leaf = path.rsplit(".", 1)[-1]
            if (isinstance(module, torch.nn.Linear) and not is_tied) or kind == "Conv1D":
                linear[leaf] = linear.get(leaf, 0) + parameter.numel()
            elif "xperts" in path and parameter.dim() >= 2:
                experts[name.removesuffix("_bias")] = experts.get(name.removesuffix("_bias"), 0) + parameter.numel()
            elif isinstance(module, torch.nn.Embedding):
                rest["embedding"] += parameter.numel()
            elif "norm" in kind.lower():
                rest["norm"] += parameter.numel()
            else:
                rest["other"] += parameter.numel()
    return {"linear": linear, "experts": experts, **rest}


def lora(model_type, given, targets):
    task = {"SequenceClassification": "SEQ_CLS", "TokenClassification": "TOKEN_CLS"}.get(given.get("head"))
    try:
        adapted = get_peft_model(build(model_type, given), LoraConfig(r=4, target_modules=targets, task_type=task))
    except Exception as error:
        return None
    return sum(p.numel() for p in adapted.parameters() if p.requires_grad)


def main():
    only = set(sys.argv[1:])
    rows = []
    for model_type, given in CONFIGS:
        if only and model_type not in only:
            continue
        model = build(model_type, given)
        config = {"model_type": model_type, **{key: value for key, value in given.items() if key != "head"}}
        if "head" in given or model_type in ("t5", "mt5", "umt5", "bart"):
            config["architectures"] = [type(model).__name__]
        total = sum(parameter.numel() for parameter in model.parameters())
        rows.append({"config": config, "total": total, **modules(model), "allLinear": lora(model_type, given, "all-linear"), "default": lora(model_type, given, None)})
    versions = f"transformers {transformers.__version__}, peft {peft.__version__}, torch {torch.__version__.split('+')[0]}"
    print(json.dumps({"recordedWith": versions, "rows": []}, separators=(", ", ": "))[:-2] + "\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]}")


main()
