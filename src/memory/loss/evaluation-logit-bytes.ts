import type { TrainingPlan } from '../../plan/training-plan.ts'
import type { Framework, Loss } from '../../plan/vocabulary.ts'
import { TRL_TRAINERS } from './trl-trainers.ts'

interface EvaluationLoss {
  /** Bytes per logit that coexist without autograd beside the logits themselves. */
  readonly beside: number
  /** The logits are never whole. */
  readonly never?: true
  readonly source: string
}

const WHOLE: EvaluationLoss = {
  beside: 4 + 4,
  source: 'transformers 5.18 trainer.py prediction_step, loss/loss_utils.py: float32 copy and log-softmax',
}

/** What each loss holds where nothing is kept for backward. Liger's takes training only (Liger-Kernel 0.8 transformers/model/llama.py: `self.training`). */
const EVALUATION_LOSS: Record<Loss, EvaluationLoss> = {
  full_logits: WHOLE,
  full_logits_float32: WHOLE,
  full_logits_native: {
    beside: 2,
    source: 'torch 2.13 nn/functional.py cross_entropy: log-softmax in the logits’ dtype',
  },
  in_place: WHOLE,
  chunked: {
    beside: (4 + 4) / 8,
    source: 'torchtune @bd2a0fc modules/loss/ce_chunked_output_loss.py: float32 copy and log-softmax of one chunk of 8',
  },
  chunked_linear: {
    beside: (2 + 4 + 4) / 8,
    never: true,
    source: 'torchtune modules/loss/cross_entropy_loss.py LinearCrossEntropyLoss: one chunk of 8',
  },
  fused_linear: WHOLE,
  cut_cross_entropy: {
    beside: 0,
    never: true,
    source: 'apple/ml-cross-entropy @d42911f transformers/utils.py PatchOptions.use_lce takes evaluation too',
  },
  vocab_parallel: {
    beside: 4,
    source:
      'Megatron-LM core/tensor_parallel/cross_entropy.py calculate_predicted_logits: exponentials in the place of the float32 copy',
  },
}

const TRL_CHUNKS: EvaluationLoss = {
  beside: 0,
  never: true,
  source: 'trl 1.13 trainer/sft_trainer.py: the patched forward takes evaluation too',
}

/** Frameworks whose evaluation runs another implementation than their training. */
const EXCEPTIONS: Partial<Record<Framework, Partial<Record<Loss, EvaluationLoss>>>> = {
  litgpt: { chunked: { ...WHOLE, source: 'LitGPT finetune/lora.py validate: chunked_cross_entropy(chunk_size=0)' } },
  ...Object.fromEntries([...TRL_TRAINERS].map(name => [name, { chunked: TRL_CHUNKS }])),
  torchtitan: {
    vocab_parallel: {
      ...WHOLE,
      source: 'torch 2.13 distributed/tensor/parallel/loss.py _log_softmax of a float32 copy',
    },
  },
}

/** Bytes per logit of an evaluation step. `element`: bytes of the logits as the head emits them. */
export function evaluationLogitBytes(
  { framework, loss }: TrainingPlan,
  element: number,
): { readonly bytes: number; readonly source: string } {
  const { beside, never, source } = EXCEPTIONS[framework]?.[loss] ?? EVALUATION_LOSS[loss]
  return { bytes: never ? beside : element + beside, source }
}
