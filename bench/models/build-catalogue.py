"""Builds data/models.json from a list of model facts: python3 build-catalogue.py FACTS.json > data/models.json

A fact is {hf_id, model_type, <config.json fields>, moe, mla, extra, vision, aliases, siblings, modelscope, source}.
Rows keep only fields of a Hugging Face config.json; siblings and mirrors become aliases of one row.
"""
import json
import sys

KEEP = """num_hidden_layers hidden_size intermediate_size num_attention_heads num_key_value_heads head_dim vocab_size
tie_word_embeddings max_position_embeddings attention_bias mlp_bias sliding_window""".split()
MLA = "q_lora_rank kv_lora_rank qk_nope_head_dim qk_rope_head_dim v_head_dim".split()


def convert(fact):
    config = {"model_type": fact.get("text_model_type") or fact["model_type"]}
    config.update({key: fact[key] for key in KEEP if key in fact})
    config.update(fact.get("extra") or {})
    mla = fact.get("mla") or {}
    if mla:
        config.update({key: mla.get(key) for key in MLA})
    moe = fact.get("moe")
    if moe:
        config["num_experts"] = moe["num_experts"]
        config["num_experts_per_tok"] = moe["top_k"]
        config["moe_intermediate_size"] = moe["expert_intermediate_size"]
        if "shared_experts" in moe:
            config["n_shared_experts"] = moe["shared_experts"]
        if "shared_expert_intermediate_size" in moe:
            config["shared_expert_intermediate_size"] = moe["shared_expert_intermediate_size"]
        if "first_k_dense_replace" in moe:
            config["first_k_dense_replace"] = moe["first_k_dense_replace"]
        if moe.get("interleave_step", 1) != 1:
            config["interleave_moe_layer_step"] = moe["interleave_step"]
    if config["model_type"] == "stablelm" and config.get("attention_bias"):
        config["use_qkv_bias"] = True
    if fact.get("vision"):
        config = {"model_type": fact["model_type"], "text_config": config, "vision_config": {k: v for k, v in fact["vision"].items() if isinstance(v, (int, float, str)) and k not in ("initializer_range", "layer_norm_eps", "hidden_act")}}
        if "tie_word_embeddings" in config["text_config"]:
            config["tie_word_embeddings"] = config["text_config"]["tie_word_embeddings"]
    return config


FIELDS = ["model_type", *KEEP]
ABSENT = ""


def pack(fact):
    """[id, parameters, source, aliases, values of FIELDS ("" when absent), other config fields]"""
    names = [fact.get("modelscope"), *fact.get("aliases", []), *fact.get("siblings", []), *fact.get("modelscope_siblings", [])]
    aliases = sorted({name for name in names if name and name != fact["hf_id"]})
    config = convert(fact)
    flat = config.get("text_config", config)
    values = [flat.get(field, ABSENT) for field in FIELDS]
    while values and values[-1] == ABSENT:
        values.pop()
    other = {key: value for key, value in flat.items() if key not in FIELDS}
    row = [fact["hf_id"], fact.get("params_full_model") or fact.get("params_text"), fact["source"].split(";")[0][:80], aliases, values]
    if "text_config" in config:
        outer = {key: value for key, value in config.items() if key != "text_config"}
        return [*row, other, outer]
    return [*row, other] if other else row


def main():
    facts = json.load(open(sys.argv[1]))["models"]
    print(json.dumps({"asOf": "2026-11-23", "fields": FIELDS}, separators=(",", ":"))[:-1] + ',"models":[')
    print(",\n".join(json.dumps(pack(fact), separators=(",", ":"), ensure_ascii=False) for fact in facts))
    print("]}")


main()
