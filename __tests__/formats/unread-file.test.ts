import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { unreadFile } from '../../src/formats/unread-file.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { runPipeline } from '../../src/pipeline.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'

const ZERO_3 = '{ "zero_optimization": { "stage": 3 }, "train_batch_size": "auto", "bf16": { "enabled": true } }'

describe('a file that is no training config', () => {
  test.each([
    ['ds.json', ZERO_3, 'a DeepSpeed config'],
    ['ds.json', '{ "train_batch_size": 32, "fp16": { "enabled": true } }', 'a DeepSpeed config'],
    ['fsdp.yaml', 'compute_environment: LOCAL_MACHINE\ndistributed_type: FSDP\n', 'an Accelerate config'],
    ['adapter_config.json', '{ "peft_type": "LORA", "r": 8 }', 'a PEFT adapter config'],
    ['config.json', '{ "architectures": ["LlamaForCausalLM"], "hidden_size": 4096 }', 'a config.json of a model'],
    ['grpo.yaml', 'defaults:\n  - ppo_trainer\n  - _self_\n', 'a Hydra config that is composed'],
    ['actor.yaml', '_target_: verl.workers.config.ActorConfig\nstrategy: fsdp\n', 'a part of a Hydra config'],
    [
      'evaluation.yaml',
      'model: { _component_: torchtune.models.qwen3.qwen3_0_6b_instruct }\ntasks: [truthfulqa_mc2]\n',
      'evaluation or generation',
    ],
    ['merge.yaml', 'model_name_or_path: Qwen/Qwen3-4B\nexport_dir: saves/merged\n', 'inference or export'],
    [
      'workflow.yml',
      'on: push\njobs: { a: { runs-on: ubuntu-latest, steps: [{ run: true }] } }\n',
      'a workflow of GitHub',
    ],
    ['.gitlab-ci.yml', 'preflop:\n  image: node:24\n  script: [preflop diff main HEAD]\n', 'a job of GitLab'],
    ['preflop.yml', 'version: 1\nbudget: { cost: { fail: 100 } }\n', 'a policy of Preflop'],
    ['task.dstack.yml', 'type: task\ncommands: [python cluster.py]\n', 'a cluster job'],
  ])('%s is told apart: %#', (path, text, what) => {
    const { severity, message } = unreadFile(parseDocument(path, text))
    expect(severity).toBe('notice')
    expect(message).toContain(what)
  })

  test('is a warning when nothing is known about it', () => {
    expect(unreadFile(parseDocument('a.yml', 'just: text\n'))).toMatchObject({ severity: 'warning', path: 'a.yml' })
    expect(unreadFile(parseDocument('a.yml', ''))).toMatchObject({ severity: 'warning' })
  })
})

test('a job that is called preflop is no plan', () => {
  const document = parseDocument('.gitlab-ci.yml', 'preflop:\n  image: node:24\n  script: [preflop diff main HEAD]\n')
  expect(FORMAT_READERS.filter(reader => reader.recognise(document))).toEqual([])
})

test('a companion that a run reads is not mentioned, one that none reads is a notice', async () => {
  const config = 'base_model: Qwen/Qwen2.5-0.5B\nadapter: lora\nlora_r: 8\nmicro_batch_size: 1\ndeepspeed: ds.json\n'
  const { findings, runs } = await runPipeline({
    head: memoryFileSource(
      new Map([
        ['a.yml', `${config}datasets: [{ path: d, type: alpaca }]\n`],
        ['ds.json', ZERO_3],
        ['other.json', ZERO_3],
      ]),
    ),
    base: null,
    changes: null,
    paths: ['*'],
    policy: createPolicySet(null, { gpu: 't4' }),
    policyPath: 'policy',
    models: createModelSource({ offline: true }),
  })
  expect(runs.map(({ path }) => path)).toEqual(['a.yml'])
  expect(findings.map(({ path, severity }) => [path, severity])).toEqual([['other.json', 'notice']])
})
