#!/usr/bin/env bash
# A launcher that carries the arguments itself: full fine-tuning with TRL on eight GPUs and ZeRO-3.
accelerate launch --num_processes 8 --config_file zero3 \
  -m trl.scripts.sft \
  --model_name_or_path Qwen/Qwen2.5-7B \
  --dtype bfloat16 \
  --dataset_name trl-lib/Capybara \
  --max_length 4096 \
  --per_device_train_batch_size 1 \
  --gradient_accumulation_steps 4 \
  --gradient_checkpointing \
  --max_steps 500 \
  --output_dir out
