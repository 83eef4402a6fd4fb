/**
 * Variables that whoever starts a job sets inside it to the number of its nodes, processes or GPUs: a default that a script
 * gives one of them holds only outside such a job.
 */
const SCHEDULED: ReadonlySet<string> = new Set([
  // Slurm, sbatch(1) OUTPUT ENVIRONMENT VARIABLES
  ...['SLURM_NNODES', 'SLURM_JOB_NUM_NODES', 'SLURM_NTASKS', 'SLURM_NPROCS', 'SLURM_NTASKS_PER_NODE'],
  ...['SLURM_GPUS', 'SLURM_GPUS_ON_NODE', 'SLURM_GPUS_PER_NODE'],
  // Kubeflow PyTorchJob, training-operator pkg/controller.v1/pytorch/envvar.go; Alibaba PAI-DLC; Volcano and Volcengine
  ...['WORLD_SIZE', 'PET_NNODES', 'PET_NPROC_PER_NODE', 'KUBERNETES_CONTAINER_RESOURCE_GPU', 'VC_WORKER_NUM'],
  ...['MLP_WORKER_NUM', 'MLP_WORKER_GPU', 'ARNOLD_WORKER_NUM', 'ARNOLD_WORKER_GPU'],
  // SkyPilot, dstack, Amazon SageMaker
  ...['SKYPILOT_NUM_NODES', 'SKYPILOT_NUM_GPUS_PER_NODE', 'DSTACK_NODES_NUM', 'DSTACK_GPUS_PER_NODE'],
  ...['DSTACK_GPUS_NUM', 'SM_NUM_GPUS'],
  // what templates of such jobs and the programs themselves read (LLaMA-Factory launcher.py, ms-swift cli/main.py)
  ...['NNODES', 'NNODE', 'NUM_NODES', 'NODE_NUM', 'NODE_COUNT', 'NODES', 'NPROC_PER_NODE', 'NPROCS_PER_NODE'],
  ...['GPUS_PER_NODE', 'NGPUS_PER_NODE', 'NUM_GPUS_PER_NODE', 'NUM_GPU_PER_NODE', 'N_GPUS_PER_NODE'],
])

/** Those of the variables that a scheduler may set to another value. */
export function scheduledAmong(defaulted: readonly string[] = []): readonly string[] {
  return defaulted.filter(name => SCHEDULED.has(name))
}

/** What a number hangs on; none where the script itself sets it. */
export function defaultNotes(value: number, defaulted: readonly string[] = []): readonly string[] {
  if (defaulted.length === 0) return []
  const names = defaulted.map(name => `\`${name}\``).join(' or ')
  return [`the script takes ${value} where the environment does not set ${names}`]
}
