"""Small configs, one a model type, with sizes that differ from each other so that a swapped dimension shows."""

BASE = dict(hidden_size=64, num_hidden_layers=4, num_attention_heads=4, vocab_size=160)
GROUPED = dict(BASE, num_key_value_heads=2, intermediate_size=96)
MOE = dict(GROUPED, moe_intermediate_size=24, num_experts_per_tok=2)
LATENT = dict(q_lora_rank=20, kv_lora_rank=12, qk_nope_head_dim=10, qk_rope_head_dim=6, v_head_dim=14)
DELTA = dict(
    linear_num_key_heads=2, linear_num_value_heads=4, linear_key_head_dim=12, linear_value_head_dim=14, linear_conv_kernel_dim=4
)
ENCODER = dict(BASE, pad_token_id=0, intermediate_size=96, max_position_embeddings=80)
SIGLIP = dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=72, image_size=28, patch_size=14)
PIXTRAL = dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=72, image_size=28, patch_size=14)
QWEN_VISION = dict(depth=3, num_heads=4, patch_size=14, spatial_merge_size=2, temporal_patch_size=2, in_channels=3)
T5 = dict(d_model=64, d_kv=12, d_ff=96, num_layers=3, num_decoder_layers=2, num_heads=4, vocab_size=160)

CONFIGS = [
    # dense decoders
    ("llama", GROUPED), ("llama", dict(GROUPED, head_dim=20, attention_bias=True, mlp_bias=True, tie_word_embeddings=True)),
    ("mistral", dict(BASE, intermediate_size=96, num_attention_heads=8)), ("ministral", dict(GROUPED, head_dim=20)), ("ministral3", GROUPED), ("cwm", GROUPED), ("qwen2", GROUPED), ("qwen3", GROUPED),
    ("gemma", GROUPED), ("gemma2", GROUPED), ("gemma3_text", GROUPED),
    ("phi3", dict(GROUPED, pad_token_id=0)), ("phi", dict(GROUPED)), ("glm", dict(GROUPED, pad_token_id=0)), ("glm4", dict(GROUPED, pad_token_id=0)), ("olmo", GROUPED), ("olmo2", GROUPED), ("olmo3", dict(GROUPED)),
    ("granite", GROUPED), ("smollm3", dict(GROUPED, pad_token_id=0)), ("cohere", dict(GROUPED)), ("cohere", dict(GROUPED, use_qk_norm=True)), ("cohere2", GROUPED),
    ("stablelm", dict(GROUPED, use_qkv_bias=True, qk_layernorm=True)), ("stablelm", GROUPED), ("starcoder2", GROUPED), ("exaone4", GROUPED), ("hunyuan_v1_dense", dict(GROUPED, head_dim=20)),
    ("ernie4_5", GROUPED), ("seed_oss", GROUPED), ("arcee", GROUPED), ("apertus", GROUPED), ("nemotron", GROUPED), ("helium", dict(GROUPED, head_dim=16)), ("bitnet", GROUPED),
    ("gpt2", dict(n_embd=64, n_layer=4, n_head=4, vocab_size=160, n_positions=80)), ("gpt_bigcode", dict(n_embd=64, n_layer=4, n_head=4, vocab_size=160, n_positions=80)),
    ("gptj", dict(n_embd=64, n_layer=4, n_head=4, vocab_size=160, rotary_dim=8)), ("codegen", dict(n_embd=64, n_layer=4, n_head=4, vocab_size=160, rotary_dim=8)),
    ("gpt_neo", dict(hidden_size=64, num_layers=4, num_heads=4, vocab_size=160, attention_types=[[["global", "local"], 2]], max_position_embeddings=80)),
    ("gpt_neox", dict(BASE, intermediate_size=96)), ("bloom", dict(hidden_size=64, n_layer=4, n_head=4, vocab_size=160)),
    ("opt", dict(BASE, ffn_dim=96, word_embed_proj_dim=32, max_position_embeddings=80)), ("opt", dict(BASE, ffn_dim=96, word_embed_proj_dim=64, max_position_embeddings=80)),
    ("falcon", dict(BASE, new_decoder_architecture=False)), ("falcon", dict(BASE, new_decoder_architecture=True, num_kv_heads=2)), ("mpt", dict(d_model=64, n_layers=4, n_heads=4, vocab_size=160)),
    ("diffllama", GROUPED),
    # mixtures of experts
    ("mixtral", dict(GROUPED, num_local_experts=4)), ("minimax_m2", dict(GROUPED, num_local_experts=4, head_dim=20)), ("qwen2_moe", dict(MOE, num_experts=4, shared_expert_intermediate_size=40, mlp_only_layers=[1])),
    ("qwen3_moe", dict(MOE, num_experts=4, head_dim=20, decoder_sparse_step=2)), ("phimoe", dict(GROUPED, num_local_experts=4, attention_bias=True, lm_head_bias=True)),
    ("deepseek_v2", dict(MOE, **LATENT, n_routed_experts=4, n_shared_experts=2, first_k_dense_replace=1, n_group=2, topk_group=1)),
    ("deepseek_v3", dict(MOE, **LATENT, n_routed_experts=4, n_shared_experts=1, first_k_dense_replace=2, n_group=2, topk_group=1)),
    ("deepseek_v32", dict(MOE, **LATENT, n_routed_experts=4, n_shared_experts=1, first_k_dense_replace=2, n_group=2, topk_group=1, index_n_heads=3, index_head_dim=8)),
    ("glm4_moe", dict(MOE, n_routed_experts=4, n_shared_experts=1, head_dim=20, use_qk_norm=True, attention_bias=True)), ("glm_moe_dsa", dict(MOE, **LATENT, n_routed_experts=4, n_shared_experts=1, n_group=1, topk_group=1, index_n_heads=3, index_head_dim=8)), ("glm4_moe_lite", dict(MOE, **LATENT, n_routed_experts=4, n_shared_experts=1)),
    ("dots1", dict(MOE, n_routed_experts=4, n_shared_experts=2, first_k_dense_replace=1, n_group=1, topk_group=1)),
    ("gpt_oss", dict(GROUPED, num_local_experts=4, num_experts_per_tok=2)), ("olmoe", dict(GROUPED, num_experts=4)), ("flex_olmo", dict(GROUPED, num_experts=4, pad_token_id=0)),
    ("granitemoe", dict(GROUPED, num_local_experts=4)), ("granitemoeshared", dict(GROUPED, num_local_experts=4, shared_intermediate_size=40)),
    ("llama4_text", dict(GROUPED, intermediate_size_mlp=72, num_local_experts=4, interleave_moe_layer_step=2, head_dim=20)),
    ("ernie4_5_moe", dict(MOE, moe_num_experts=4, moe_num_shared_experts=2, moe_k=2, moe_layer_start_index=1, moe_layer_end_index=2, moe_layer_interval=1)),
    ("hunyuan_v1_moe", dict(GROUPED, head_dim=20, num_experts=4, moe_topk=2)), ("minicpm3", dict(BASE, **LATENT, intermediate_size=96)), ("dbrx", dict(d_model=64, n_layers=4, n_heads=4, vocab_size=160, attn_config=dict(kv_n_heads=2, clip_qkv=8, rope_theta=1e4), ffn_config=dict(ffn_hidden_size=96, moe_num_experts=4, moe_top_k=2))),

    ("mistral4", dict(MOE, **LATENT, n_routed_experts=4, n_shared_experts=1, first_k_dense_replace=1, n_group=1, topk_group=1, pad_token_id=0)), ("solar_open", dict(MOE, n_routed_experts=4, n_shared_experts=1, head_dim=20, n_group=1, topk_group=1)),
    ("hy_v3", dict(MOE, num_experts=4, num_shared_experts=1, head_dim=20, mlp_layer_types=["dense", "sparse", "sparse", "sparse"], pad_token_id=0)),
    # state-space and linear-attention hybrids
    ("mamba", dict(hidden_size=64, num_hidden_layers=4, vocab_size=160, state_size=8, expand=2, conv_kernel=4)),
    ("mamba2", dict(hidden_size=64, num_hidden_layers=4, vocab_size=160, state_size=8, expand=2, conv_kernel=4, num_heads=8, head_dim=16, n_groups=2)),
    ("falcon_mamba", dict(hidden_size=64, num_hidden_layers=4, vocab_size=160, state_size=8, expand=2, conv_kernel=4)),
    ("jamba", dict(GROUPED, num_experts=4, num_experts_per_tok=2, attn_layer_period=4, attn_layer_offset=2, expert_layer_period=2, expert_layer_offset=1, mamba_d_state=8, use_mamba_kernels=False)),
    ("bamba", dict(GROUPED, attn_layer_indices=[1, 3], mamba_n_heads=8, mamba_d_head=16, mamba_n_groups=2, mamba_d_state=8)),
    ("granitemoehybrid", dict(GROUPED, shared_intermediate_size=40, num_local_experts=4, layer_types=["mamba", "attention", "mamba", "mamba"], mamba_n_heads=8, mamba_d_head=16, mamba_n_groups=2, mamba_d_state=8)),
    ("granitemoehybrid", dict(GROUPED, shared_intermediate_size=40, num_local_experts=0, layer_types=["mamba", "attention", "mamba", "mamba"], mamba_n_heads=8, mamba_d_head=16, mamba_n_groups=2, mamba_d_state=8)),
    ("falcon_h1", dict(GROUPED, mamba_d_ssm=96, mamba_n_heads=6, mamba_d_head=16, mamba_n_groups=2, mamba_d_state=8)), ("falcon_h1", dict(GROUPED, head_dim=20, mamba_d_ssm=96, mamba_n_heads=6, mamba_d_head=16, mamba_n_groups=2, mamba_d_state=8, mamba_rms_norm=False, projectors_bias=True)),
    ("nemotron_h", dict(BASE, num_key_value_heads=2, intermediate_size=96, head_dim=20, layers_block_type=["mamba", "moe", "attention", "mlp"], mamba_num_heads=6, mamba_head_dim=16, n_groups=2, ssm_state_size=8, n_routed_experts=4, n_shared_experts=1, moe_intermediate_size=24, moe_shared_expert_intermediate_size=40, num_experts_per_tok=2, n_group=1, topk_group=1)),
    ("lfm2", dict(GROUPED, layer_types=["conv", "conv", "full_attention", "conv"], block_multiple_of=8)), ("lfm2_moe", dict(GROUPED, layer_types=["conv", "conv", "full_attention", "conv"], moe_intermediate_size=24, num_experts=4, num_experts_per_tok=2, num_dense_layers=2)),
    ("qwen3_next", dict(MOE, **DELTA, num_experts=4, shared_expert_intermediate_size=40, head_dim=20)), ("qwen3_5_text", dict(GROUPED, **DELTA, head_dim=20)),
    ("qwen3_5_moe_text", dict(MOE, **DELTA, num_experts=4, shared_expert_intermediate_size=40, head_dim=20)),
    ("kimi_linear", dict(MOE, num_hidden_layers=6, kv_lora_rank=12, qk_nope_head_dim=10, qk_rope_head_dim=6, v_head_dim=14, num_local_experts=4, n_shared_experts=1, linear_head_dim=12, linear_num_heads=3, pad_token_id=0)),
    ("minimax", dict(GROUPED, num_local_experts=4, head_dim=20, layer_types=["linear_attention", "full_attention", "linear_attention", "full_attention"])),
    ("olmo_hybrid", dict(GROUPED, **DELTA, pad_token_id=0)),
    # Gemma 3n and 4
    ("gemma3n_text", dict(GROUPED, head_dim=20, intermediate_size=[96] * 4, num_kv_shared_layers=2, hidden_size_per_layer_input=10, vocab_size_per_layer_input=120, altup_num_inputs=3, laurel_rank=6, activation_sparsity_pattern=[0.0] * 4, layer_types=["sliding_attention", "full_attention"] * 2)),
    ("gemma4_text", dict(GROUPED, head_dim=20, global_head_dim=36, num_global_key_value_heads=1, attention_k_eq_v=True, hidden_size_per_layer_input=0, num_kv_shared_layers=0, layer_types=["sliding_attention", "full_attention"] * 2)),
    ("gemma4_unified", dict(text_config=dict(GROUPED, head_dim=20, global_head_dim=36, num_global_key_value_heads=1, attention_k_eq_v=True, layer_types=["sliding_attention", "full_attention"] * 2, model_type="gemma4_unified_text"), vision_config=None, audio_config=None)),
    ("gemma4_text", dict(GROUPED, head_dim=20, global_head_dim=36, hidden_size_per_layer_input=10, vocab_size_per_layer_input=120, num_kv_shared_layers=2, use_double_wide_mlp=True, layer_types=["sliding_attention", "full_attention"] * 2)),
    ("gemma4_text", dict(GROUPED, head_dim=20, global_head_dim=36, hidden_size_per_layer_input=0, num_kv_shared_layers=0, enable_moe_block=True, num_experts=4, top_k_experts=2, moe_intermediate_size=24, layer_types=["sliding_attention", "full_attention"] * 2)),
    # encoders and encoder-decoders
    *[(name, dict(ENCODER, head=head)) for name in ["bert", "roberta", "xlm-roberta", "modernbert", "deberta-v2", "electra", "camembert"] for head in ["SequenceClassification", "MaskedLM", "TokenClassification"] if (name, head) != ("electra", "MaskedLM")],
    ("deberta-v2", dict(ENCODER, relative_attention=True, position_biased_input=False, share_att_key=True, pos_att_type=["p2c", "c2p"], type_vocab_size=0, position_buckets=16, norm_rel_ebd="layer_norm", max_relative_positions=-1, head="SequenceClassification")),
    *[("mpnet", dict(ENCODER, head=head)) for head in ["SequenceClassification", "MaskedLM"]],
    ("distilbert", dict(dim=64, n_layers=4, n_heads=4, hidden_dim=96, vocab_size=160, max_position_embeddings=80, head="SequenceClassification")),
    ("llama", dict(GROUPED, head="SequenceClassification", num_labels=1)), ("qwen2", dict(GROUPED, head="SequenceClassification", num_labels=3)), ("llama", dict(GROUPED, head="TokenClassification", num_labels=5)),
    ("t5", dict(T5, feed_forward_proj="relu")), ("t5", dict(T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False)), ("mt5", dict(T5, feed_forward_proj="gated-gelu")), ("umt5", dict(T5, feed_forward_proj="gated-gelu")),
    ("bart", dict(d_model=64, encoder_layers=3, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=96, decoder_ffn_dim=80, vocab_size=160, max_position_embeddings=80)),
    ("whisper", dict(d_model=64, encoder_layers=3, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=96, decoder_ffn_dim=80, vocab_size=160, num_mel_bins=20, max_source_positions=60, max_target_positions=40, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1)),
    # vision-language
    ("gemma3", dict(text_config=dict(GROUPED, model_type="gemma3_text"), vision_config=dict(SIGLIP, model_type="siglip_vision_model"), mm_tokens_per_image=4)),
    ("paligemma", dict(text_config=dict(GROUPED, model_type="gemma"), vision_config=dict(SIGLIP, model_type="siglip_vision_model"), projection_dim=64)),
    ("llava", dict(text_config=dict(GROUPED, model_type="llama"), vision_config=dict(SIGLIP, model_type="clip_vision_model"))),
    ("llava_next", dict(text_config=dict(GROUPED, model_type="mistral"), vision_config=dict(SIGLIP, model_type="clip_vision_model"))),
    ("mistral3", dict(tie_word_embeddings=False, text_config=dict(GROUPED, model_type="mistral"), vision_config=dict(PIXTRAL, model_type="pixtral"))),
    ("llava", dict(text_config=dict(GROUPED, model_type="mistral"), vision_config=dict(PIXTRAL, model_type="pixtral"))),
    ("qwen2_vl", dict(text_config=dict(GROUPED, model_type="qwen2_vl_text"), vision_config=dict(QWEN_VISION, embed_dim=48, mlp_ratio=4, hidden_size=64))),
    ("qwen2_5_vl", dict(text_config=dict(GROUPED, model_type="qwen2_5_vl_text"), vision_config=dict(QWEN_VISION, hidden_size=48, intermediate_size=72, out_hidden_size=64, fullatt_block_indexes=[1]))),
    ("qwen3_vl", dict(text_config=dict(GROUPED, head_dim=20, model_type="qwen3_vl_text"), vision_config=dict(QWEN_VISION, hidden_size=48, intermediate_size=72, out_hidden_size=64, num_position_embeddings=36, deepstack_visual_indexes=[0, 2]))),
    ("qwen3_vl_moe", dict(text_config=dict(MOE, num_experts=4, head_dim=20, model_type="qwen3_vl_moe_text"), vision_config=dict(QWEN_VISION, hidden_size=48, intermediate_size=72, out_hidden_size=64, num_position_embeddings=36, deepstack_visual_indexes=[0, 2]))),
    ("qwen3_5", dict(text_config=dict(GROUPED, **DELTA, head_dim=20, model_type="qwen3_5_text"), vision_config=dict(QWEN_VISION, hidden_size=48, intermediate_size=72, out_hidden_size=64, num_position_embeddings=36))),
    ("qwen3_5_moe", dict(text_config=dict(MOE, **DELTA, num_experts=4, shared_expert_intermediate_size=40, head_dim=20, model_type="qwen3_5_moe_text"), vision_config=dict(QWEN_VISION, hidden_size=48, intermediate_size=72, out_hidden_size=64, num_position_embeddings=36))),
    ("idefics3", dict(text_config=dict(GROUPED, model_type="llama", pad_token_id=0), vision_config=dict(SIGLIP), scale_factor=2)), ("smolvlm", dict(text_config=dict(GROUPED, model_type="llama", pad_token_id=0), vision_config=dict(SIGLIP), scale_factor=2)),
    ("internvl", dict(tie_word_embeddings=False, text_config=dict(GROUPED, model_type="qwen2"), vision_config=dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=72, image_size=[28, 28], patch_size=[14, 14], model_type="internvl_vision"), downsample_ratio=0.5)),
    ("llama4", dict(text_config=dict(GROUPED, intermediate_size_mlp=72, num_local_experts=4, model_type="llama4_text", pad_token_id=0), vision_config=dict(SIGLIP, model_type="llama4_vision_model", vision_output_dim=56, projector_input_dim=56, projector_output_dim=56))),
    ("mllama", dict(text_config=dict(GROUPED, num_hidden_layers=5, cross_attention_layers=[1, 3], model_type="mllama_text_model", pad_token_id=0), vision_config=dict(hidden_size=48, num_hidden_layers=2, num_global_layers=1, attention_heads=4, intermediate_size=72, image_size=28, patch_size=14, vision_output_dim=144, intermediate_layers_indices=[0, 1], max_num_tiles=4, supported_aspect_ratios=[[1, 1], [1, 2], [2, 1], [2, 2]], model_type="mllama_vision_model"))),
    ("voxtral", dict(text_config=dict(GROUPED, head_dim=16, model_type="llama", tie_word_embeddings=False), audio_config=dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=192, num_mel_bins=20, max_source_positions=60, model_type="voxtral_encoder"))),
    ("qwen2_audio", dict(text_config=dict(GROUPED, model_type="qwen2"), audio_config=dict(d_model=48, encoder_layers=2, encoder_attention_heads=4, encoder_ffn_dim=72, num_mel_bins=20, max_source_positions=60, model_type="qwen2_audio_encoder"))),
    ("qwen2_5_omni_thinker", dict(text_config=dict(GROUPED, model_type="qwen2_5_omni_text", pad_token_id=0, tie_word_embeddings=False), vision_config=dict(QWEN_VISION, hidden_size=48, intermediate_size=72, out_hidden_size=64, fullatt_block_indexes=[1], model_type="qwen2_5_omni_vision_encoder"), audio_config=dict(d_model=32, encoder_layers=2, encoder_attention_heads=4, encoder_ffn_dim=72, num_mel_bins=20, max_source_positions=60, output_dim=64, model_type="qwen2_5_omni_audio_encoder"), pad_token_id=0)),
    ("gemma4", dict(text_config=dict(GROUPED, head_dim=20, global_head_dim=36, hidden_size_per_layer_input=0, num_kv_shared_layers=0, layer_types=["sliding_attention", "full_attention"] * 2, model_type="gemma4_text"), vision_config=dict(hidden_size=48, intermediate_size=72, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4, head_dim=12, patch_size=16, position_embedding_size=50), audio_config=None)),
    ("paddleocr_vl", dict(text_config=dict(GROUPED, head_dim=20, pad_token_id=0, model_type="paddleocr_vl_text"), vision_config=dict(SIGLIP, spatial_merge_size=2, model_type="paddleocr_vl_vision"))),
    ("muse_glimmer", dict(tie_word_embeddings=False, text_config=dict(GROUPED, head_dim=20, pad_token_id=0, model_type="muse_glimmer_text"), vision_config=dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=72, patch_size=14, pos_emb_height=4, pos_emb_width=4, patch_temporal=2, merge_size=2, model_type="muse_glimmer_vision"), out_hidden_size=192, projector_hidden_size=56)),
    ("glm4v", dict(text_config=dict(GROUPED, model_type="glm4v_text", pad_token_id=0), vision_config=dict(depth=3, hidden_size=48, num_heads=4, image_size=28, patch_size=14, out_hidden_size=64, intermediate_size=72, spatial_merge_size=2, temporal_patch_size=2))),
]
