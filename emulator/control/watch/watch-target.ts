/** Something whose change concerns an app. */
export interface WatchTarget {
  /** Absolute path of a file (it need not exist yet), or of a folder with all that is in it. */
  path: string;
  /** What it is to the app, as the printed reason names it: `source of the app`, `environment file`, … */
  rule: string;
  /** `source` reaches the runner as it is; `input` only decides how runners are made. */
  kind: 'source' | 'input';
}
