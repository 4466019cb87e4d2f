import { helperSource } from '../modal/python-helpers.ts';

/** Parts of the code that callers get, each only where it is used. */
export type ClientHelper = 'endpoint' | 'http' | 'replicate' | 'modal' | 'app';

const JOBS = `
class Job:
    """A job of RunPod, with a request in fal's queue behind it."""

    def __init__(self, app, request_input):
        payload = request_input if isinstance(request_input, dict) and "input" in request_input else {"input": request_input}
        ttl = (payload.get("policy") or {}).get("ttl")
        self.app, self.arguments = app, payload["input"]
        options = {"webhook_url": payload.get("webhook"), "start_timeout": ttl / 1000 if ttl else None}
        self.handle = fal_client.submit(app, arguments=self.arguments, **{k: v for k, v in options.items() if v is not None})
        self.job_id = self.handle.request_id

    @classmethod
    def known(cls, app, job_id):
        job = cls.__new__(cls)
        job.app, job.job_id, job.handle = app, job_id, fal_client.SyncClient().get_handle(app, job_id)
        return job

    def reply(self, wait=False):
        """What RunPod says of a job, as it says it."""
        status = None if wait else self.handle.status()
        if isinstance(status, fal_client.Queued):
            return {"id": self.job_id, "status": "IN_QUEUE"}
        if isinstance(status, fal_client.InProgress):
            return {"id": self.job_id, "status": "IN_PROGRESS"}
        try:
            return {"id": self.job_id, "status": "COMPLETED", "output": self.handle.get()}
        except fal_client.FalClientHTTPError as error:
            return {"id": self.job_id, "status": "FAILED", "error": str(error)}

    def status(self):
        return self.reply()["status"]

    def output(self, timeout=0):
        """Waits for the result; None when there is none in time, or the job failed."""
        end = time.monotonic() + timeout if timeout else None
        while end is not None and self.status() not in ("COMPLETED", "FAILED"):
            if time.monotonic() >= end:
                raise TimeoutError("Job timed out.")
            time.sleep(0.2)
        return self.reply(wait=True).get("output")

    def stream(self):
        """What the job gave, piece by piece, when all of it is there."""
        output = self.output()
        yield from output if isinstance(output, list) else [output]

    def cancel(self, timeout=3):
        self.handle.cancel()
`;

const ENDPOINT = `
class StreamedJob:
    """A job of which only the pieces are asked for: they come as they are made."""

    def __init__(self, app, request_input):
        self.app = app
        self.arguments = request_input.get("input", request_input) if isinstance(request_input, dict) else request_input

    def stream(self):
        yield from fal_client.stream(self.app, arguments=self.arguments)


class Endpoint:
    """RunPod's Endpoint, with the app at fal behind it."""

    def __init__(self, app):
        self.app = app

    def run(self, request_input):
        return Job(self.app, request_input)

    def run_streamed(self, request_input):
        return StreamedJob(self.app, request_input)

    def run_sync(self, request_input, timeout=86400):
        return Job(self.app, request_input).output(timeout=timeout)
`;

const HTTP = `
class Reply:
    """What requests and httpx give, as far as callers of RunPod read it."""

    def __init__(self, body, status_code=200):
        self.body, self.status_code, self.ok, self.headers = body, status_code, status_code < 400, {}

    @property
    def text(self):
        return json_module.dumps(self.body)

    def json(self):
        return self.body

    def raise_for_status(self):
        return self


def call_job(operation, app, job_id=None, json=None, data=None, **_):
    """POST /run and /runsync, GET /status, /stream and the like of RunPod's API, answered by the app at fal."""
    if operation in ("run", "runsync"):
        payload = json if json is not None else json_module.loads(data)
        job = Job(app, payload)
        return Reply({"id": job.job_id, "status": "IN_QUEUE"} if operation == "run" else job.reply(wait=True))
    job = Job.known(app, job_id)
    if operation == "cancel":
        job.cancel()
        return Reply({"id": job_id, "status": "CANCELLED"})
    reply = job.reply()
    if operation == "stream":
        output = reply.pop("output", [])
        reply["stream"] = [{"output": item} for item in (output if isinstance(output, list) else [output])]
    return Reply(reply)
`;

const REPLICATE = `
class FileOutput(str):
    """A file of a result: its URL, which can be read."""

    @property
    def url(self):
        return str(self)

    def read(self):
        with urllib.request.urlopen(self) as reply:
            return reply.read()


def to_argument(value):
    """An input as JSON: open files are uploaded."""
    if hasattr(value, "read"):
        return fal_client.upload(value.read(), "application/octet-stream")
    if isinstance(value, dict):
        return {name: to_argument(item) for name, item in value.items()}
    return [to_argument(item) for item in value] if isinstance(value, (list, tuple)) else value


def from_answer(value):
    """A result as Replicate's client gives it."""
    if isinstance(value, dict) and isinstance(value.get("url"), str) and "content_type" in value:
        return FileOutput(value["url"])
    if isinstance(value, dict):
        return {name: from_answer(item) for name, item in value.items()}
    return [from_answer(item) for item in value] if isinstance(value, list) else value


def run_model(app, input=None, **_):
    """replicate.run, with the app at fal behind it."""
    answer = fal_client.subscribe(app, arguments=to_argument(input or {}))
    return from_answer(answer["output"] if set(answer) == {"output"} else answer)
`;

/** Names that the helpers take in a file. */
export const CLIENT_NAMES = [
  'Job',
  'StreamedJob',
  'Endpoint',
  'Reply',
  'call_job',
  'FileOutput',
  'run_model',
  'FAL_APP',
];

/** Python of the helpers, with the imports that it needs. `app`: the app's name at fal. */
export function clientHelpers(helpers: ReadonlySet<ClientHelper>, app: string): { text: string; imports: string[] } {
  const parts: string[] = [];
  const imports = new Set(['import os', 'import fal_client']);
  const modal = helpers.has('modal') ? helperSource(new Set(['remote'])) : null;
  if (modal) {
    for (const name of modal.modules) imports.add(`import ${name}`);
    parts.push(
      '# Whose apps are called: your user name at fal, once they are deployed.\nFAL_USER = os.environ.get("FAL_USER", "local")',
      modal.text.trim(),
    );
  }
  if (helpers.has('app'))
    parts.push(
      `# The app that is called: "<you>/${app}", once it is deployed.\nFAL_APP = os.environ.get("FAL_USER", "local") + "/${app}"`,
    );
  if (helpers.has('endpoint') || helpers.has('http')) {
    parts.push(JOBS.trim());
    imports.add('import time');
  }
  if (helpers.has('endpoint')) parts.push(ENDPOINT.trim());
  if (helpers.has('http')) {
    parts.push(HTTP.trim());
    imports.add('import json as json_module');
  }
  if (helpers.has('replicate')) {
    parts.push(REPLICATE.trim());
    imports.add('import urllib.request');
  }
  return { text: parts.join('\n\n\n'), imports: [...imports] };
}
