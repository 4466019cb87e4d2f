/** How a handler gives its results. `unknown` when it is defined where it cannot be read. */
export type HandlerShape = 'plain' | 'async' | 'generator' | 'async-generator' | 'unknown';

export interface InputField {
  /** As callers write it. */
  name: string;
  /** Python annotation. */
  type: string;
  required: boolean;
  /** Python expression; null when there is no literal default. */
  default: string | null;
  description: string | null;
  /** What the field was read from. */
  from: 'schema' | 'code' | 'sample' | 'hub';
  line: number;
}

export interface InputModel {
  fields: InputField[];
  extra: 'allow' | 'forbid';
}

export interface Endpoint {
  /** Python expression of the callable that serves a job. */
  handler: string;
  shape: HandlerShape;
  /** The platform gave generators' results as one list too. */
  aggregates: boolean;
  /** Each job ends its runner. */
  stopsRunner: boolean;
  input: InputModel;
  example: string | null;
}

export type Environment =
  | { kind: 'requirements'; layers: string[][]; appFiles: string[]; variables: Record<string, string> }
  | { kind: 'image'; dockerfile: string };

/** A source app whatever the platform: what a fal app is written from. Expressions and names are Python text. */
export interface SourceApp {
  appName: string;
  className: string;
  /** Names under which the generated code finds the modules that it imports. */
  modules: { fal: string; fastapi: string; pydantic: string; typing: string; json: string; os: string; sys: string };
  endpoint: Endpoint;
  environment: Environment;
  machineTypes: string[];
  gpus: number;
  maxMultiplexing: number | null;
  /** Lines of `setup`, without indentation. */
  setup: string[];
}
