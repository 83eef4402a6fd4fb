"""Records saved-for-backward bytes per token and layer of further block variants on a CPU.

    python saved_tensors.py > ../../__tests__/memory/fixtures/saved-tensors-blocks.json

Needs torch, transformers and peft; no network, random weights. Two layers minus one, each storage once, parameters excluded.
"""
import json

import peft
import torch
import transformers
from transformers import AutoConfig, AutoModel

SHAPES = [dict(h=128, heads=4, kv=2, d=32, f=352, b=1, s=128), dict(h=192, heads=6, kv=3, d=32, f=512, b=2, s=80)]


def config(kind, shape, layers):
    common = dict(
        hidden_size=shape["h"], num_hidden_layers=layers, num_attention_heads=shape["heads"],
        intermediate_size=shape["f"], vocab_size=64, max_position_embeddings=512,
        pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )
    grouped = dict(num_key_value_heads=shape["kv"], head_dim=shape["d"])
    if kind == "gpt2":
        return AutoConfig.for_model("gpt2", n_embd=shape["h"], n_layer=layers, n_head=shape["heads"], n_inner=shape["f"],
                                    vocab_size=64, n_positions=512, attn_pdrop=0.0, resid_pdrop=0.0, embd_pdrop=0.0)
    if kind == "bert":
        return AutoConfig.for_model("bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **common)
    if kind in ("gpt_neox", "phi", "falcon"):
        return AutoConfig.for_model(kind, attention_dropout=0.0, hidden_dropout=0.0, resid_pdrop=0.0, embd_pdrop=0.0, **common)
    if kind in ("gemma2", "gemma3_text"):
        return AutoConfig.for_model(kind, attn_implementation="sdpa", layer_types=["full_attention"] * layers, **common, **grouped)
    if kind == "mixtral":
        return AutoConfig.for_model(kind, num_local_experts=4, num_experts_per_tok=2, **common, **grouped)
    if kind == "qwen3_moe":
        return AutoConfig.for_model(kind, num_experts=8, num_experts_per_tok=2, moe_intermediate_size=96, decoder_sparse_step=1, norm_topk_prob=True, **common, **grouped)
    return AutoConfig.for_model(kind, **common, **grouped)


def saved(kind, shape, layers, dtype, attention, autocast=False, lora=None, adapter_fp32=False):
    torch.manual_seed(0)
    cfg = config(kind, shape, layers)
    model = AutoModel.from_config(cfg, attn_implementation=attention, dtype=dtype)
    if lora:
        model = peft.get_peft_model(model, peft.LoraConfig(r=8, lora_alpha=8, target_modules=lora), autocast_adapter_dtype=adapter_fp32)
    model.train()
    owned = {p.untyped_storage().data_ptr() for p in model.parameters()}
    seen = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in owned:
            seen[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    inputs = torch.randn(shape["b"], shape["s"], shape["h"], dtype=dtype, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            model(inputs_embeds=inputs, use_cache=False)
    return sum(size for size, _ in seen.values())


VARIANTS = [
    dict(kind="gpt2", attention="sdpa", dtype="bfloat16"),
    dict(kind="gpt2", attention="eager", dtype="float32"),
    dict(kind="gpt_neox", attention="sdpa", dtype="bfloat16"),
    dict(kind="phi", attention="sdpa", dtype="bfloat16"),
    dict(kind="phi3", attention="sdpa", dtype="bfloat16"),
    dict(kind="gemma2", attention="eager", dtype="bfloat16"),
    dict(kind="gemma3_text", attention="sdpa", dtype="bfloat16"),
    dict(kind="mixtral", attention="sdpa", dtype="bfloat16"),
    dict(kind="qwen3_moe", attention="sdpa", dtype="bfloat16"),
    dict(kind="bert", attention="eager", dtype="float32"),
    dict(kind="bert", attention="sdpa", dtype="bfloat16"),
    dict(kind="llama", attention="eager", dtype="float32"),
    dict(kind="llama", attention="sdpa", dtype="float32", autocast=True),
    dict(kind="qwen3", attention="eager", dtype="bfloat16"),
    dict(kind="llama", attention="sdpa", dtype="bfloat16", lora=["q_proj", "v_proj"]),
    dict(kind="gpt_neox", attention="sdpa", dtype="bfloat16", lora=["query_key_value"]),
]

rows = []
for variant in VARIANTS:
    for shape in SHAPES:
        options = dict(variant)
        dtype = getattr(torch, options.pop("dtype"))
        kind = options.pop("kind")
        try:
            one, two = (saved(kind, shape, layers, dtype, **options) for layers in (1, 2))
        except Exception as problem:  # noqa: BLE001
            print(f"{variant}: {problem}", file=__import__("sys").stderr)
            continue
        rows.append({**variant, **shape, "bytes_per_token_layer": (two - one) / (shape["b"] * shape["s"])})
print(json.dumps({
    "what": "Saved-for-backward bytes per token and layer on a CPU (saved_tensors.py of bench/memory-lab).",
    "libraries": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__},
    "rows": rows,
}, indent=1))
