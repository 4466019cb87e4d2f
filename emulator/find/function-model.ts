import type { FoundEndpoint, LineRange } from '../contract/index.ts';
import type { Maybe, Value } from './value.ts';

/** A `def` at module or class level with what its decorators make of it. */
export interface FunctionModel {
  name: string;
  lines: LineRange;
  /** Set by `fal.endpoint` and `fal.realtime`; 'unresolved' when its path is not a constant. */
  endpoint: FoundEndpoint | 'unresolved' | null;
  /** Its `health_check=`, where it is given. */
  healthCheck?: Maybe<Value>;
  /** Arguments of `fal.function`, when it carries that decorator. */
  options: Map<string, Maybe<Value>> | null;
}
