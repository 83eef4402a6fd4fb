"""Writes plan rows, most telling first: python grid.py [--scale gpu|cpu] [--gib 80] > grid.jsonl

Each row differs from a neighbour in one knob, so that a wrong component shows in a difference. `--gib` leaves out plans whose
weights, gradients and states alone exceed the card; plans near its limit stay, since out of memory is a result too.
"""
import argparse
import json

from plan import complete

WIDE = 16384
"""A vocabulary that makes logits the largest part of a tiny model."""

LLAMA = {"model_type": "llama", "tie_word_embeddings": False, "max_position_embeddings": 8192}


def llama(hidden, layers, heads, kv, width, vocabulary=32000, **more):
    return {**LLAMA, "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
            "num_key_value_heads": kv, "head_dim": hidden // heads, "intermediate_size": width, "vocab_size": vocabulary, **more}


GPU_MODELS = {
    "smollm-135m": llama(576, 30, 9, 3, 1536, 49152, tie_word_embeddings=True),
    "qwen2-0.5b": llama(896, 24, 14, 2, 4864, 151936, model_type="qwen2", tie_word_embeddings=True),
    "llama-1b": llama(2048, 16, 32, 8, 8192, 128256, tie_word_embeddings=True),
    "gemma2-2b": llama(2304, 26, 8, 4, 9216, 256000, model_type="gemma2", head_dim=256, tie_word_embeddings=True,
                       query_pre_attn_scalar=256, sliding_window=4096),
    "phi3-mini": llama(3072, 32, 32, 32, 8192, 32064, model_type="phi3", pad_token_id=0),
    "qwen3-4b": llama(2560, 36, 32, 8, 9728, 151936, model_type="qwen3", head_dim=128, tie_word_embeddings=True),
    "llama-8b": llama(4096, 32, 32, 8, 14336, 128256),
    "qwen2-14b": llama(5120, 48, 40, 8, 13824, 152064, model_type="qwen2"),
    "moe-small": llama(1024, 16, 16, 4, 2816, 32000, model_type="mixtral", num_local_experts=8, num_experts_per_tok=2),
}
CPU_MODELS = {
    "llama": llama(256, 4, 8, 2, 704, 2048),
    "llama-wide": llama(256, 2, 8, 2, 704, WIDE),
    "qwen3": llama(256, 4, 8, 2, 704, 8192, model_type="qwen3"),
    "gemma2": llama(256, 4, 8, 2, 704, 8192, model_type="gemma2", tie_word_embeddings=True, query_pre_attn_scalar=32,
                    layer_types=["full_attention"] * 4),
    "phi3": llama(256, 4, 8, 8, 704, 8192, model_type="phi3", pad_token_id=0),
    "gpt2": {"model_type": "gpt2", "n_embd": 256, "n_layer": 4, "n_head": 8, "n_positions": 1024, "vocab_size": 8192,
             "attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0},
    "mixtral": llama(256, 4, 8, 2, 352, 8192, model_type="mixtral", num_local_experts=4, num_experts_per_tok=2),
}

FULL = {"gradient_checkpointing": "full"}
LORA = {"adapter": {"type": "lora", "rank": 16, "target_modules": "all-linear", "dtype": "float32", "dropout": 0}}
LORA_16 = {"adapter": {**LORA["adapter"], "dtype": "bfloat16"}}
LORA_QV = {"adapter": {**LORA_16["adapter"], "target_modules": ["q_proj", "v_proj"]}}
LORA_DROPOUT = {"adapter": {**LORA["adapter"], "dropout": 0.05}}
AUTOCAST = {"precision": {"weights": "bfloat16", "compute": "bfloat16", "autocast": True}}
MIXED = {"precision": {"weights": "float32", "compute": "bfloat16", "autocast": True}}
FLOAT32 = {"precision": {"weights": "float32", "compute": "float32"}}
EIGHT_BIT = {"precision": {"weights": "bfloat16", "compute": "bfloat16", "optimizer_states": "int8"}}
QLORA = {**LORA, "quantization": "nf4-double", "precision": {"weights": "float32", "compute": "bfloat16", "autocast": True}}
DPO = {"stage": "dpo", "framework": "trl"}
LIGER = {"fused_kernels": "liger", "loss": "fused_linear"}

# name → knobs beside the base: the knob that a row turns
METHODS = {
    "full": {},
    "full ckpt": FULL,
    "lora ckpt": {**LORA, **AUTOCAST, **FULL},
    "lora": {**LORA, **AUTOCAST},
    "qlora ckpt": {**QLORA, **FULL},
    "mixed ckpt": {**MIXED, **FULL},
    "mixed": MIXED,
    "lora16 ckpt": {**LORA_16, **FULL},
    "lora16": LORA_16,
    "lora16 qv": LORA_QV,
    "lora dropout": {**LORA_DROPOUT, **AUTOCAST},
    "float32 ckpt": {**FLOAT32, **FULL},
    "foreach": {**FULL, "optimizer_implementation": "foreach"},
    "loop": {**FULL, "optimizer_implementation": "loop"},
    "in backward": {**FULL, "optimizer_implementation": "in_backward"},
    "sgd": {**FULL, "optimizer": "sgd"},
    "sgd momentum": {**FULL, "optimizer": "sgd_momentum"},
    "adafactor": {**FULL, "optimizer": "adafactor", "optimizer_implementation": "loop"},
    "muon": {**FULL, "optimizer": "muon"},
    "adamw int8": {**FULL, **EIGHT_BIT},
    "eager": {"attention": "eager"},
    "eager ckpt": {**FULL, "attention": "eager"},
    "native loss": {**FULL, "loss": "full_logits_native"},
    "float32 loss": {**FULL, "loss": "full_logits_float32"},
    "chunked": {**FULL, "loss": "chunked"},
    "liger ckpt": {**FULL, **LIGER},
    "reentrant": {**FULL, "checkpointing_reentrant": True},
    "compile ckpt": {**FULL, "compile": True},
    "accumulate": {**FULL, "gradient_accumulation_steps": 4},
    "dpo lora ckpt": {**DPO, **LORA, **AUTOCAST, **FULL},
    "dpo full ckpt": {**DPO, **FULL},
}


def rows(models, lengths, batches):
    """Methods of the first model at one shape, then shapes, then the other models with the methods that differ most."""
    names = list(models)
    shape = {"sequence_length": lengths[0], "micro_batch_size": batches[0]}
    first = "llama-1b" if "llama-1b" in models else names[0]
    for method in METHODS:
        yield row(first, models, method, shape)
    for method in ("full ckpt", "lora ckpt", "full"):
        for length in lengths:
            for batch in batches:
                yield row(first, models, method, {"sequence_length": length, "micro_batch_size": batch})
    for name in names:
        for method in ("lora ckpt", "full ckpt", "full", "lora", "qlora ckpt", "eager", "accumulate", "dpo lora ckpt", "dpo full ckpt", "native loss"):
            yield row(name, models, method, shape)
    for name in names:
        for length in lengths:
            yield row(name, models, "lora ckpt", {**shape, "sequence_length": length})


def row(name, models, method, shape):
    plan = {"preflop": 1, "model": models[name], "framework": "other", **METHODS[method], **shape}
    identity = f"{name} {method} {shape['micro_batch_size']}x{shape['sequence_length']}".replace(" ", "-")
    return {"id": "kit-" + identity, "plan": plan}


def static_bytes(plan):
    """Weights, gradients and states of a Llama-like model: a lower bound, to leave out what cannot run."""
    model = plan["model"]
    hidden, width = model["hidden_size"], model["intermediate_size"]
    experts = model.get("num_local_experts", 1)
    attention = 2 * hidden * model["head_dim"] * (model["num_attention_heads"] + model["num_key_value_heads"])
    head = model["vocab_size"] * hidden * (1 if model["tie_word_embeddings"] else 2)
    parameters = model["num_hidden_layers"] * (attention + 3 * hidden * width * experts) + head
    if plan["adapter"]:
        return parameters * (0.6 if plan["quantization"] != "none" else 2)
    weight = 4 if plan["precision"]["weights"] == "float32" else 2
    states = {"adamw": 2, "sgd_momentum": 1, "muon": 1}.get(plan["optimizer"], 0)
    state = 1 if plan["precision"]["optimizer_states"] == "int8" else weight
    return parameters * (weight + weight + states * state)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--scale", choices=["gpu", "cpu"], default="gpu")
    arguments.add_argument("--gib", type=float, default=80, help="memory of the card")
    options = arguments.parse_args()
    cpu = options.scale == "cpu"
    chosen = rows(CPU_MODELS, [256, 128], [2, 1]) if cpu else rows(GPU_MODELS, [1024, 512, 2048, 4096, 8192], [2, 1, 4, 8])
    seen = set()
    for entry in chosen:
        if entry["id"] in seen or (not cpu and static_bytes(complete(entry["plan"])) > options.gib * 2**30):
            continue
        seen.add(entry["id"])
        print(json.dumps(entry))


if __name__ == "__main__":
    main()
