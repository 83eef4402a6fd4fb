"""Records the class defaults of transformers configs: python record_defaults.py > ../../data/model-defaults.json

A key that config.json leaves out takes the value of its class. Only keys that decide shapes, and only where the class has a value.
"""
import json
import sys
import warnings

import transformers
from transformers import AutoConfig

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()

KEYS = """vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads head_dim max_position_embeddings
tie_word_embeddings attention_bias mlp_bias use_bias bias use_qkv_bias qkv_bias qk_layernorm use_qk_norm attention_out_bias hidden_act hidden_activation activation_function
num_experts num_local_experts n_routed_experts moe_num_experts num_experts_per_tok moe_intermediate_size n_shared_experts shared_expert_intermediate_size
shared_intermediate_size moe_shared_expert_intermediate_size first_k_dense_replace decoder_sparse_step moe_layer_freq interleave_moe_layer_step intermediate_size_mlp
num_shared_experts moe_num_shared_experts moe_k moe_layer_start_index moe_layer_end_index moe_layer_interval moe_topk num_shared_expert expert_layer_period expert_layer_offset num_dense_layers top_k_experts
q_lora_rank kv_lora_rank qk_nope_head_dim qk_rope_head_dim v_head_dim index_n_heads index_head_dim
n_embd n_layer n_head n_inner n_positions d_model n_layers n_heads num_layers num_heads num_kv_heads multi_query new_decoder_architecture parallel_attn ffn_dim
word_embed_proj_dim enable_bias do_layer_norm_before use_parallel_residual expansion_ratio type_vocab_size d_kv d_ff num_decoder_layers feed_forward_proj relative_attention_num_buckets is_gated_act
encoder_layers decoder_layers encoder_attention_heads decoder_attention_heads encoder_ffn_dim decoder_ffn_dim max_source_positions max_target_positions num_mel_bins
mamba_expand mamba_d_state mamba_d_conv mamba_dt_rank mamba_conv_bias mamba_proj_bias mamba_n_heads mamba_d_head mamba_n_groups mamba_d_ssm mamba_rms_norm projectors_bias
mamba_num_heads mamba_head_dim n_groups ssm_state_size conv_kernel use_conv_bias expand state_size time_step_rank attn_layer_period attn_layer_offset
linear_num_key_heads linear_num_value_heads linear_key_head_dim linear_value_head_dim linear_conv_kernel_dim full_attention_interval conv_L_cache conv_bias block_ff_dim block_auto_adjust_ff_dim
block_ffn_dim_multiplier block_multiple_of altup_num_inputs laurel_rank hidden_size_per_layer_input vocab_size_per_layer_input num_kv_shared_layers
global_head_dim num_global_key_value_heads attention_k_eq_v use_double_wide_mlp enable_moe_block sliding_window_pattern attn_logit_softcapping final_logit_softcapping
resid_pdrop embd_pdrop attn_pdrop hidden_dropout_prob attention_probs_dropout_prob hidden_dropout attention_dropout dropout_rate lm_head_bias embedding_size
dim hidden_dim position_biased_input relative_attention position_buckets mlp_expansion_factor residual_dropout embedding_dropout dropout""".split()


def main():
    types = {}
    for model_type in sys.argv[1:]:
        config = AutoConfig.for_model(model_type)
        # the class's own value: an instance has resolved what depends on other keys
        written = {key: getattr(type(config), key, None) for key in KEYS if key not in config.attribute_map}
        types[model_type] = {key: value for key, value in written.items() if isinstance(value, (bool, int, float, str))}
    source = f"transformers {transformers.__version__} configuration classes"
    rows = ",\n".join(json.dumps(name) + ":" + json.dumps(own, separators=(",", ":")) for name, own in types.items())
    print(f'{{"source":"{source}","types":{{\n{rows}\n}}}}')


main()
