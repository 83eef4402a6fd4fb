"""Records saved-for-backward bytes per token and layer of further block variants on a CPU.

    python saved_tensors.py > ../../__tests__/memory/fixtures/saved-tensors-blocks.json

Needs torch, transformers and peft; no network, random weights. Two layers minus one, each storage once, parameters excluded.
Rows with `kernels` run Axolotl's own LoRA functions and need its sources: AXOLOTL=path/of/src/axolotl.
"""
import json
import os
import sys
import types
from importlib.util import module_from_spec, spec_from_file_location

import peft
import torch
import transformers
from transformers import AutoConfig, AutoModel

SHAPES = [dict(h=128, heads=4, kv=2, d=32, f=352, b=1, s=128), dict(h=192, heads=6, kv=3, d=32, f=512, b=2, s=80)]


def config(kind, shape, layers, dropout=0.0):
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
        return AutoConfig.for_model("bert", hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout, **common)
    if kind.startswith("deepseek"):
        return AutoConfig.for_model(kind, q_lora_rank=48, kv_lora_rank=32, qk_rope_head_dim=16, qk_nope_head_dim=32, v_head_dim=32,
                                    first_k_dense_replace=layers, n_routed_experts=4, num_experts_per_tok=2, n_group=1, topk_group=1,
                                    num_key_value_heads=shape["heads"], **common)
    if kind == "qwen2_moe":
        return AutoConfig.for_model(kind, num_experts=8, num_experts_per_tok=2, moe_intermediate_size=96, decoder_sparse_step=1,
                                    shared_expert_intermediate_size=160, norm_topk_prob=True, num_key_value_heads=shape["kv"], **common)
    if kind == "starcoder2":
        return AutoConfig.for_model(kind, num_key_value_heads=shape["kv"], residual_dropout=0.0, embedding_dropout=0.0, **common)
    if kind in ("gpt_neox", "phi", "falcon"):
        return AutoConfig.for_model(kind, attention_dropout=0.0, hidden_dropout=0.0, resid_pdrop=0.0, embd_pdrop=0.0, **common)
    if kind in ("gemma2", "gemma3_text"):
        return AutoConfig.for_model(kind, attn_implementation="sdpa", layer_types=["full_attention"] * layers, **common, **grouped)
    if kind == "mixtral":
        return AutoConfig.for_model(kind, num_local_experts=4, num_experts_per_tok=2, **common, **grouped)
    if kind == "qwen3_moe":
        return AutoConfig.for_model(kind, num_experts=8, num_experts_per_tok=2, moe_intermediate_size=96, decoder_sparse_step=1, norm_topk_prob=True, **common, **grouped)
    return AutoConfig.for_model(kind, **common, **grouped)


def prepare_for_kbit(model):
    """What prepare_model_for_kbit_training leaves: frozen weights, float32 for all but the (here 16-bit) linear ones."""
    for parameter in model.parameters():
        parameter.requires_grad = False
    for module in model.modules():
        if not isinstance(module, torch.nn.Linear):
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.float()


def axolotl_functions():
    """kernels/lora.py of Axolotl with plain operations in the place of its Triton ones, which keep nothing either."""
    folder = os.path.join(os.environ["AXOLOTL"], "kernels")
    identity = lambda function: function  # noqa: E731

    def swiglu_backward(gradient, gate, up):
        product = torch.nn.functional.silu(gate) * up
        sigmoid = torch.sigmoid(gate)
        inner = gradient * up * sigmoid * (1 + gate * (1 - sigmoid))
        up.copy_(gradient * gate * sigmoid)
        gate.copy_(inner)
        gradient.copy_(product)
        return gradient, gate, up

    stubs = {
        "bitsandbytes": {},
        "bitsandbytes.functional": {"QuantState": object},
        "axolotl_kernels": {"__path__": [folder]},
        "axolotl_kernels.geglu": {"geglu_forward": None, "geglu_backward": None},
        "axolotl_kernels.swiglu": {
            "swiglu_forward": lambda gate, up: torch.nn.functional.silu(gate) * up,
            "swiglu_backward": swiglu_backward,
        },
        "axolotl_kernels.quantize": {"dequantize": lambda weight, _state: weight},
        "axolotl_kernels.utils": {"torch_amp_custom_fwd": identity, "torch_amp_custom_bwd": identity},
    }
    for name, members in stubs.items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(members)
    spec = spec_from_file_location("axolotl_kernels.lora", os.path.join(folder, "lora.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def patch_adapters(model):
    """What Axolotl's monkeypatch/lora_kernels.py does to every layer."""
    functions = axolotl_functions()
    for layer in model.get_base_model().layers:
        attention, later = layer.self_attn, {}

        def query(states, attention=attention, later=later):
            result, later["key"], later["value"] = functions.apply_lora_qkv(attention, states)
            return result

        attention.q_proj.forward = query
        attention.k_proj.forward = lambda _states, later=later: later.pop("key")
        attention.v_proj.forward = lambda _states, later=later: later.pop("value")
        attention.o_proj.forward = lambda states, attention=attention: functions.apply_lora_o(attention, states)
        layer.mlp.forward = types.MethodType(functions.apply_lora_mlp_swiglu, layer.mlp)


def saved(kind, shape, layers, dtype, attention, autocast=False, lora=None, adapter_fp32=False, lora_dropout=0.0,
          dropout=0.0, mask=False, kbit=False, kernels=False):
    torch.manual_seed(0)
    cfg = config(kind, shape, layers, dropout)
    model = AutoModel.from_config(cfg, attn_implementation=attention, dtype=dtype)
    if kbit:
        prepare_for_kbit(model)
    if lora:
        settings = peft.LoraConfig(r=8, lora_alpha=8, lora_dropout=lora_dropout, target_modules=lora)
        model = peft.get_peft_model(model, settings, autocast_adapter_dtype=adapter_fp32)
    if kernels:
        patch_adapters(model)
    model.train()
    owned = {p.untyped_storage().data_ptr() for p in model.parameters()}
    seen = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in owned:
            seen[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    inputs = torch.randn(shape["b"], shape["s"], shape["h"], dtype=torch.float32 if kbit else dtype, requires_grad=True)
    padding = {}
    if mask:
        padding["attention_mask"] = torch.ones(shape["b"], shape["s"], dtype=torch.long)
        padding["attention_mask"][:, -5:] = 0
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            model(inputs_embeds=inputs, use_cache=False, **padding)
    return sum(size for size, _ in seen.values())


ALL_LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
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
    dict(kind="deepseek_v3", attention="eager", dtype="bfloat16"),
    dict(kind="deepseek_v2", attention="eager", dtype="bfloat16"),
    dict(kind="bert", attention="eager", dtype="float32", dropout=0.1),
    dict(kind="phi", attention="sdpa", dtype="bfloat16", lora=["q_proj", "v_proj"]),
    dict(kind="phi", attention="sdpa", dtype="bfloat16", lora=["q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2"]),
    dict(kind="gpt2", attention="sdpa", dtype="bfloat16", lora=["c_attn"]),
    dict(kind="gpt2", attention="sdpa", dtype="float32", autocast=True),
    dict(kind="qwen3", attention="sdpa", dtype="float32", autocast=True),
    dict(kind="gemma3_text", attention="sdpa", dtype="float32", autocast=True),
    dict(kind="gemma3_text", attention="sdpa", dtype="bfloat16", lora=ALL_LINEAR),
    dict(kind="llama", attention="sdpa", dtype="bfloat16", mask=True),
    dict(kind="llama", attention="eager", dtype="bfloat16", mask=True),
    dict(kind="qwen2", attention="sdpa", dtype="bfloat16", mask=True),
    dict(kind="llama", attention="sdpa", dtype="bfloat16", kbit=True, autocast=True, adapter_fp32=True, lora=ALL_LINEAR),
    dict(kind="qwen3", attention="sdpa", dtype="bfloat16", kbit=True, autocast=True, adapter_fp32=True, lora=["q_proj", "v_proj"]),
    dict(kind="llama", attention="sdpa", dtype="bfloat16", lora=["q_proj", "v_proj"], lora_dropout=0.1),
    dict(kind="phi3", attention="sdpa", dtype="bfloat16", lora=["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]),
    dict(kind="mixtral", attention="sdpa", dtype="bfloat16", lora=["q_proj", "k_proj", "v_proj", "o_proj"]),
    dict(kind="qwen2_moe", attention="sdpa", dtype="bfloat16"),
    dict(kind="starcoder2", attention="sdpa", dtype="bfloat16"),
    dict(kind="olmo2", attention="sdpa", dtype="bfloat16"),
    dict(kind="granite", attention="sdpa", dtype="bfloat16"),
    dict(kind="llama", attention="sdpa", dtype="bfloat16", lora=ALL_LINEAR, kernels=True),
    dict(kind="llama", attention="sdpa", dtype="bfloat16", lora=ALL_LINEAR, kernels=True, lora_dropout=0.1),
    dict(kind="qwen3", attention="sdpa", dtype="bfloat16", lora=ALL_LINEAR, kernels=True, autocast=True, adapter_fp32=True),
    dict(kind="mistral", attention="eager", dtype="bfloat16", lora=ALL_LINEAR, kernels=True),
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
