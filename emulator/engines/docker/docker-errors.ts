import { type AppId, WindtunnelError } from '../../contract/index.ts';
import { messageOf, statusOf } from './dial.ts';

const CONNECTION = /^(ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|UND_ERR_SOCKET)$/;
const NO_SPACE = /no space left on device|ENOSPC|disk quota exceeded/i;
const GPU =
  /could not select device driver|nvidia-container|unresolvable CDI|unknown or invalid runtime name: nvidia|libnvidia-ml|nvidia\.com\/gpu|amd\.com\/gpu/i;

/** Whether a call failed because the daemon is not there (any more). */
export function isDaemonGone(error: unknown): boolean {
  if (error instanceof WindtunnelError) return /^E_DOCKER_(DOWN|CONTEXT|MISSING)$/.test(error.code);
  if (!(error instanceof Error) || statusOf(error) !== null) return false;
  const code = 'code' in error ? String(error.code) : '';
  return CONNECTION.test(code) || /socket hang up|aborted/.test(error.message);
}

export function daemonLost(what: string, cause?: unknown): WindtunnelError {
  return new WindtunnelError('E_DOCKER_DOWN', `The Docker daemon went away while ${what}.`, {
    hint: 'Start it again; what waits is served when it is back.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Why a container could not be made or started. */
export function startError(app: AppId, error: unknown): WindtunnelError {
  if (error instanceof WindtunnelError) return error;
  if (isDaemonGone(error)) return daemonLost(`a runner of ${app} was started`, error);
  const message = messageOf(error);
  if (NO_SPACE.test(message)) {
    return new WindtunnelError('E_DISK_FULL', `The disk of the Docker daemon is full: ${message}`, {
      hint: 'Free some space: `docker system df` shows what uses it, `windtunnel clean` removes images of ours.',
      cause: error,
    });
  }
  if (GPU.test(message)) return gpuError(message, error);
  if (statusOf(error) === 404 && /no such image/i.test(message)) {
    return new WindtunnelError('E_IMAGE_BASE', `The image of ${app} was removed while its runner started.`, {
      hint: 'Send the request again: the image is built anew.',
      cause: error,
    });
  }
  return new WindtunnelError('E_DOCKER', `The Docker daemon did not start a runner of ${app}: ${message}`, {
    cause: error,
  });
}

/** The daemon's words about a GPU, with what mends it. */
export function gpuError(message: string, cause?: unknown): WindtunnelError {
  const details = { cause, detail: message };
  if (/could not select device driver|invalid runtime name/i.test(message)) {
    return new WindtunnelError('E_DOCKER_GPU', 'The Docker daemon has no NVIDIA toolkit: it cannot pass a GPU on.', {
      ...details,
      hint: 'Install nvidia-container-toolkit, run `sudo nvidia-ctk runtime configure --runtime=docker`, and restart Docker.',
      actions: ['sudo nvidia-ctk runtime configure --runtime=docker', 'sudo systemctl restart docker'],
    });
  }
  if (/unresolvable CDI/i.test(message)) {
    return new WindtunnelError('E_DOCKER_GPU', `The Docker daemon does not know that GPU: ${message}`, {
      ...details,
      hint: 'Write the CDI specification anew: `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`.',
      actions: ['sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml'],
    });
  }
  return new WindtunnelError('E_DOCKER_GPU', `The GPU cannot be given to the container: ${message}`, {
    ...details,
    hint: 'Look whether `nvidia-smi` works on the machine of the daemon; after a driver update a restart is needed.',
  });
}
