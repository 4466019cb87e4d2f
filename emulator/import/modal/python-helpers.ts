import { AIO, remoteSource } from './remote-source.ts';
import { type SharedClass, sharedSource } from './shared-objects.ts';

/** Parts of the generated code that are written only where they are used. */
export type Helper =
  | 'to_json'
  | 'read_files'
  | 'upload'
  | 'remote'
  | 'aio'
  | 'not_at_fal'
  | 'link_volume'
  | SharedClass;

const TO_JSON = `
def to_json(value):
    """A result as JSON: bytes, images and pydantic's or numpy's objects as what they hold; content becomes a file."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, (bytes, bytearray)):
        return fal.toolkit.File.from_bytes(bytes(value), content_type=content_type(value))
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)) or inspect.isgenerator(value):
        return [to_json(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_json(dataclasses.asdict(value))
    if hasattr(value, "model_dump"):
        return value
    if hasattr(value, "tolist"):
        return to_json(value.tolist())
    if hasattr(value, "save") and hasattr(value, "getbands"):
        buffer = io.BytesIO()
        value.save(buffer, format="PNG")
        return to_json(buffer.getvalue())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return value


def content_type(content):
    """What the first bytes say."""
    for start, name in (
        (b"\\x89PNG", "image/png"),
        (b"\\xff\\xd8\\xff", "image/jpeg"),
        (b"RIFF", "image/webp" if bytes(content[8:12]) == b"WEBP" else "audio/wav"),
        (b"GIF8", "image/gif"),
        (b"%PDF", "application/pdf"),
        (b"ID3", "audio/mpeg"),
        (b"OggS", "audio/ogg"),
    ):
        if content[: len(start)] == start:
            return name
    return "video/mp4" if bytes(content[4:8]) == b"ftyp" else "application/octet-stream"
`;

const READ_FILES = `
def read_files(value):
    """The content of files that a caller sent, by URL or as data."""
    if isinstance(value, fal.toolkit.File):
        with tempfile.TemporaryDirectory() as folder:
            return pathlib.Path(value.save(os.path.join(folder, "file"))).read_bytes()
    if isinstance(value, (list, tuple)):
        return [read_files(item) for item in value]
    return value
`;

const UPLOAD = `
def upload(value):
    """A file that a caller sent, as FastAPI hands over an upload."""
    return fastapi.UploadFile(io.BytesIO(read_files(value)), filename=value.file_name or "file")
`;

const NOT_AT_FAL = `
def not_at_fal(what="This part of Modal"):
    """Stands where the source used something that has no counterpart; see IMPORT.md."""
    raise NotImplementedError(what + " has no counterpart at fal, see IMPORT.md")
`;

const LINK_VOLUME = `
def link_volume(target, mount):
    """Libraries look for their files at \`mount\`: it leads to the folder under /data."""
    os.makedirs(target, exist_ok=True)
    if os.path.isdir(mount) and not os.path.islink(mount) and not os.listdir(mount):
        os.rmdir(mount)
    if not os.path.lexists(mount):
        os.makedirs(os.path.dirname(mount), exist_ok=True)
        os.symlink(target, mount)
`;

/** Python source of the helpers, two blank lines before each, and the modules that they use. */
export function helperSource(helpers: ReadonlySet<Helper>): { text: string; modules: string[] } {
  let text = '';
  const modules = new Set<string>();
  const add = (part: string, ...needs: string[]) => {
    text += `\n${part}`;
    for (const name of needs) modules.add(name);
  };
  if (helpers.has('to_json')) add(TO_JSON, 'dataclasses', 'inspect', 'io', 'os');
  if (helpers.has('read_files') || helpers.has('upload')) add(READ_FILES, 'os', 'pathlib', 'tempfile');
  if (helpers.has('upload')) add(UPLOAD, 'io');
  if (helpers.has('not_at_fal')) add(NOT_AT_FAL);
  if (helpers.has('link_volume')) add(LINK_VOLUME, 'os');
  const shared = helpers.has('SharedDict') || helpers.has('SharedQueue');
  if (shared) {
    const source = sharedSource(helpers, helpers.has('aio'));
    for (const part of source.parts) add(part, ...source.modules);
  }
  if (helpers.has('aio')) add(AIO, 'asyncio');
  if (helpers.has('remote')) add(remoteSource(helpers.has('aio'), shared), 'dataclasses', 'os');
  return { text, modules: [...modules] };
}

/** Names that the helpers take in the module. */
export const HELPER_NAMES = [
  'to_json',
  'content_type',
  'read_files',
  'upload',
  'not_at_fal',
  'link_volume',
  'with_aio',
  'Waiting',
  'Remote',
  'RemoteClass',
  'Spawned',
  'to_argument',
  'from_answer',
  'result_of',
  'load_module',
  'SharedFiles',
  'SharedDict',
  'SharedQueue',
];
