import { isAccelerateConfig } from '../launch/accelerate.ts'
import { isPeftAdapter } from '../launch/peft-adapter.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { type ConfigDocument, type ConfigNode, hasAnyKey, hasKeys, nodeAt } from './config-document.ts'

/** What a file is that starts no training by itself, and what reads it. */
interface KnownPart {
  readonly what: string
  /** null: nothing that Preflop estimates reads it. */
  readonly readWith: string | null
  readonly matches: (root: ConfigNode) => boolean
}

const NAMED_BY = 'the config or launch script that names it'
const LAUNCHED = 'its launch command, when a shell script of the repository holds that command'

/** The first row that matches a document's first root says what it is. */
const KNOWN_PARTS: readonly KnownPart[] = [
  { what: 'an Accelerate config', readWith: NAMED_BY, matches: isAccelerateConfig },
  { what: 'a PEFT adapter config', readWith: NAMED_BY, matches: isPeftAdapter },
  {
    // deepspeed runtime/constants.py
    what: 'a DeepSpeed config',
    readWith: NAMED_BY,
    matches: root =>
      hasKeys(root, 'zero_optimization') ||
      (hasAnyKey(root, 'train_batch_size', 'train_micro_batch_size_per_gpu') &&
        hasAnyKey(root, 'fp16', 'bf16', 'steps_per_print', 'gradient_clipping', 'optimizer')),
  },
  {
    what: 'a config.json of a model',
    readWith: 'the run of that model',
    matches: root => hasAnyKey(root, 'architectures', 'model_type') && hasAnyKey(root, 'hidden_size', 'n_embd'),
  },
  {
    // Hydra's defaults list
    what: 'a Hydra config that is composed with others (`defaults`)',
    readWith: LAUNCHED,
    matches: root => root.entries.get('defaults')?.kind === 'sequence',
  },
  {
    what: 'a part of a Hydra config (`_target_`)',
    readWith: LAUNCHED,
    matches: root => hasKeys(root, '_target_'),
  },
  {
    // torchtune recipes eleuther_eval and generate: a model, nothing that trains it
    what: 'a torchtune config of evaluation or generation',
    readWith: null,
    matches: root =>
      nodeAt(root, 'model._component_') !== undefined && hasAnyKey(root, 'tasks', 'prompt', 'max_new_tokens'),
  },
  {
    // LLaMA-Factory hparams/model_args.py ExportArguments, BaseModelArguments.infer_backend
    what: 'a LLaMA-Factory config of inference or export',
    readWith: null,
    matches: root => hasKeys(root, 'model_name_or_path') && hasAnyKey(root, 'export_dir', 'infer_backend'),
  },
  {
    // docs.github.com, workflow syntax; docs.gitlab.com, CI/CD YAML syntax
    what: 'a workflow of GitHub or a job of GitLab',
    readWith: null,
    matches: root =>
      hasKeys(root, 'jobs') ||
      [...root.entries.values()].some(job => hasAnyKey(job, 'script') && hasAnyKey(job, 'image', 'rules', 'stage')),
  },
  {
    what: 'a policy of Preflop',
    readWith: 'every run when it lies at `.github/preflop.yml` or is named',
    matches: root => hasKeys(root, 'version') && hasAnyKey(root, 'budget', 'hardware', 'configs', 'fail_on'),
  },
  {
    // docs.wandb.ai, sweep configuration
    what: 'a W&B sweep whose program is no trainer that Preflop knows',
    readWith: null,
    matches: root => hasKeys(root, 'method', 'parameters') && hasAnyKey(root, 'program', 'command', 'metric'),
  },
  {
    what: 'a cluster job whose commands start no trainer that Preflop knows',
    readWith: null,
    matches: root =>
      (hasKeys(root, 'type') && hasKeys(root, 'commands')) ||
      hasKeys(root, 'resources', 'run') ||
      /^(?:trainer\.)?kubeflow\.org\//.test(String(root.entries.get('apiVersion')?.scalar ?? '')),
  },
]

/** A file that no reader takes for a training config: known parts of runs are a notice, the rest a warning. */
export function unreadFile({ path, roots: [root] }: ConfigDocument): Finding {
  const part = root && KNOWN_PARTS.find(({ matches }) => matches(root))
  if (!part)
    return finding('unrecognised-config', {
      path,
      message: 'Not a training config of a framework that Preflop reads.',
    })
  return finding('unrecognised-config', {
    path,
    severity: 'notice',
    message: `This is ${part.what}, not a training config${part.readWith === null ? '' : `; it is read with ${part.readWith}`}.`,
    hint: 'Nothing to do; `!pattern` in `paths` leaves it out.',
  })
}
