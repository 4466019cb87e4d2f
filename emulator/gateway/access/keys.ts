/** Who a key belongs to. */
export interface Identity {
  kind: 'workspace' | 'exec' | 'runner' | 'user';
  /** User id that the app sees as the caller. */
  user: string;
}

/** The keys of this emulator: workspace, exec and runner keys, in the `id:secret` form that the clients send. */
export interface Keys {
  verify(key: string): Identity | null;
}
