import type { Tool } from './library-uses.ts';

// Long: the Python of worker_tools.py, a part for each module of runpod that workers use.

const HEAD = `"""What this app's handler used of its former platform, on fal's terms. Written by \`windtunnel import\`."""
`;

/** Imports and code of each part; a worker gets those that it uses. */
const PARTS: Record<Tool['part'], { imports: string[]; code: string }> = {
  progress: {
    imports: [],
    code: `
def progress_update(job, progress):
    """Prints: a fal caller sees progress in the request's logs."""
    print("progress:", progress, flush=True)
`,
  },
  validator: {
    imports: ['from types import SimpleNamespace'],
    code: `
def validate(raw_input, schema):
    """{"validated_input": ...} with defaults filled in, or {"errors": [...]}."""
    values = dict(raw_input)
    errors = ["Unexpected input. %s is not a valid input option." % key for key in values if key not in schema]
    for key, rules in schema.items():
        if key not in values and rules.get("required"):
            errors.append("%s is a required input." % key)
            continue
        if key not in values:
            values[key] = rules.get("default")
        value, wanted = values[key], rules.get("type", object)
        wanted = tuple(wanted) if isinstance(wanted, list) else wanted
        if wanted is float and type(value) is int:
            value = values[key] = float(value)
        if value is not None and not isinstance(value, wanted):
            errors.append("%s should be %s type, not %s." % (key, wanted, type(value)))
            continue
        check = rules.get("constraints")
        if check is not None and not check(value):
            errors.append("%s does not meet the constraints." % key)
    return {"errors": errors} if errors else {"validated_input": values}


rp_validator = SimpleNamespace(validate=validate)
`,
  },
  download: {
    imports: [
      'import os',
      'import uuid',
      'import zipfile',
      'from concurrent.futures import ThreadPoolExecutor',
      'from pathlib import Path',
      'from types import SimpleNamespace',
      'from urllib.parse import urlparse',
    ],
    code: `
def _fetch(url, folder):
    from fal.toolkit import download_file as fetch

    Path(folder).mkdir(parents=True, exist_ok=True)
    return os.path.abspath(str(fetch(url, target_dir=folder)))


def download_files_from_urls(job_id, urls):
    """Absolute paths, None where there was no URL or it could not be had."""

    def one(url):
        if url is None:
            return None
        try:
            return _fetch(url, os.path.join("jobs", str(job_id), "downloaded_files", uuid.uuid4().hex))
        except Exception as error:
            print("Failed to download %s: %s" % (url, error), flush=True)
            return None

    with ThreadPoolExecutor() as pool:
        return list(pool.map(one, [urls] if isinstance(urls, str) else urls))


def download_file(file_url):
    """One file, with its type and original name; an archive is unpacked beside it."""
    path = _fetch(file_url, os.path.join("job_files", uuid.uuid4().hex))
    name = os.path.basename(urlparse(file_url).path) or os.path.basename(path)
    kind = os.path.splitext(name)[1].lstrip(".")
    unpacked = None
    if kind == "zip":
        unpacked = os.path.splitext(path)[0]
        with zipfile.ZipFile(path) as archive:
            archive.extractall(unpacked)
    return {"file_path": path, "type": kind, "original_name": name, "extracted_path": unpacked}


rp_download = SimpleNamespace(file=download_file, download_files_from_urls=download_files_from_urls)
`,
  },
  upload: {
    imports: ['import mimetypes', 'from types import SimpleNamespace'],
    code: `
def _url(data, name):
    from fal.toolkit import File

    kind = mimetypes.guess_type(str(name))[0] or "application/octet-stream"
    return File.from_bytes(data, content_type=kind, file_name=str(name).rsplit("/", 1)[-1]).url


def upload_image(job_id, image_location, result_index=0, results_list=None):
    """URL of the file on fal's CDN."""
    with open(image_location, "rb") as source:
        url = _url(source.read(), image_location)
    if results_list is not None:
        results_list[result_index] = url
    return url


def upload_files(job_id, file_list):
    return [upload_image(job_id, path) for path in file_list]


def upload_file_to_bucket(file_name, file_location, bucket_creds=None, bucket_name=None, prefix=None, extra_args=None):
    with open(file_location, "rb") as source:
        return _url(source.read(), file_name)


def upload_in_memory_object(file_name, file_data, bucket_creds=None, bucket_name=None, prefix=None):
    return _url(file_data, file_name)


rp_upload = SimpleNamespace(
    upload_image=upload_image,
    files=upload_files,
    upload_file_to_bucket=upload_file_to_bucket,
    upload_in_memory_object=upload_in_memory_object,
)
`,
  },
  cleanup: {
    imports: ['import os', 'import shutil', 'from types import SimpleNamespace'],
    code: `
def clean(folder_list=None):
    """Empties the folders that jobs leave behind."""
    for folder in [*(folder_list or []), "input_objects", "output_objects", "job_files"]:
        shutil.rmtree(folder, ignore_errors=True)
    if os.path.exists("output.zip"):
        os.remove("output.zip")


rp_cleanup = SimpleNamespace(clean=clean)
`,
  },
  cuda: {
    imports: ['import shutil', 'import subprocess', 'from types import SimpleNamespace'],
    code: `
def cuda_is_available():
    """Whether the machine has an NVIDIA GPU whose driver answers."""
    if shutil.which("nvidia-smi") is None:
        return False
    return subprocess.run(["nvidia-smi"], capture_output=True).returncode == 0


rp_cuda = SimpleNamespace(is_available=cuda_is_available)
`,
  },
  debugger: {
    imports: ['from contextlib import ContextDecorator', 'from types import SimpleNamespace'],
    code: `
class Checkpoints:
    """Measures nothing: a request's timing is in fal's logs and metrics."""

    def add(self, name):
        pass

    start = stop = add

    def clear(self):
        pass


class LineTimer(ContextDecorator):
    def __init__(self, name):
        self.name = name

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


def FunctionTimer(function):
    return function


def get_debugger_output():
    return {}


def clear_debugger_output():
    pass


rp_debugger = SimpleNamespace(
    Checkpoints=Checkpoints,
    LineTimer=LineTimer,
    FunctionTimer=FunctionTimer,
    get_debugger_output=get_debugger_output,
    clear_debugger_output=clear_debugger_output,
)
`,
  },
  logger: {
    imports: ['import logging'],
    code: `
class JobLogger:
    """The methods of the former logger, over \`logging\`."""

    def __init__(self):
        self._log = logging.getLogger("worker")
        if not logging.getLogger().handlers:
            logging.basicConfig(level=logging.INFO)

    def set_level(self, level):
        self._log.setLevel(level.upper() if isinstance(level, str) else level)

    def log(self, message, message_level="INFO", job_id=None):
        level = logging.getLevelName(str(message_level).upper())
        text = message if job_id is None else "%s | %s" % (job_id, message)
        self._log.log(level if isinstance(level, int) else logging.INFO, "%s", text)

    def debug(self, message, request_id=None, job_id=None):
        self.log(message, "DEBUG", request_id or job_id)

    def info(self, message, request_id=None, job_id=None):
        self.log(message, "INFO", request_id or job_id)

    def warn(self, message, request_id=None, job_id=None):
        self.log(message, "WARNING", request_id or job_id)

    def error(self, message, request_id=None, job_id=None):
        self.log(message, "ERROR", request_id or job_id)

    def tip(self, message):
        self.log(message)

    def secret(self, secret_name, secret):
        self.log("%s: %s" % (secret_name, "*" * 8))
`,
  },
};

/** Text of `worker_tools.py` with the given parts. */
export function workerTools(parts: ReadonlySet<Tool['part']>): string {
  const used = (Object.keys(PARTS) as Tool['part'][]).filter((part) => parts.has(part));
  const imports = [...new Set(used.flatMap((part) => PARTS[part].imports))].sort((a, b) => {
    return Number(a.startsWith('from')) - Number(b.startsWith('from')) || (a < b ? -1 : 1);
  });
  const code = used.map((part) => PARTS[part].code.trim()).join('\n\n\n');
  return `${HEAD}${imports.length > 0 ? `\n${imports.join('\n')}\n` : ''}\n\n${code}\n`;
}
