/** Class attributes that mean something to the SDK. Source: `fal.App` and `App.__init_subclass__` of fal 1.83. */
export const APP_ATTRIBUTES: readonly string[] = [
  'app_auth',
  'app_files',
  'app_files_context_dir',
  'app_files_ignore',
  'app_name',
  'concurrency_buffer',
  'concurrency_buffer_perc',
  'data_mounts',
  'host_kwargs',
  'image',
  'keep_alive',
  'kind',
  'local_python_modules',
  'machine_type',
  'max_concurrency',
  'max_multiplexing',
  'metrics_port',
  'min_concurrency',
  'num_gpus',
  'regions',
  'request_start_timeout',
  'request_timeout',
  'requirements',
  'requirements_context_dir',
  'retry_config',
  'scaling_delay',
  'secrets',
  'skip_retry_conditions',
  'startup_timeout',
  'termination_grace_period_seconds',
];

/** What is set elsewhere, or is named so by another platform: attribute → where it belongs. */
export const MISPLACED: Readonly<Record<string, string>> = {
  python_version: 'Write it as a class keyword: class App(fal.App, python_version="3.11").',
  machine_types: 'The attribute is machine_type, which takes a list too.',
  private_logs: 'Write it as a class keyword: class App(fal.App, private_logs=True).',
  gpu: 'fal names the machine: machine_type = "GPU-H100", and num_gpus for several.',
  gpus: 'fal names the machine: machine_type = "GPU-H100", and num_gpus for several.',
  timeout: 'The attribute is request_timeout (or startup_timeout).',
  min_containers: 'The attribute is min_concurrency.',
  max_containers: 'The attribute is max_concurrency.',
  scaledown_window: 'The attribute is keep_alive.',
};

/** Packages whose import takes seconds, and which a machine that only deploys need not have. */
export const HEAVY: ReadonlySet<string> = new Set(
  `accelerate bitsandbytes controlnet_aux cupy cv2 deepspeed diffusers faster_whisper flash_attn flax insightface jax keras
  librosa lightning mediapipe mmcv nemo onnxruntime open_clip paddle peft pytorch_lightning rapidocr safetensors
  sentence_transformers sglang spacy tensorflow tensorrt timm torch torchaudio torchvision transformers triton ultralytics
  vllm whisper xformers`.split(/\s+/),
);
