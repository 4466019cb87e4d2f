/** The one way out of a page: messages to the extension that opened it. */
interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

/** A page's end of the messages; `In` and `Out` are the contract's unions for that page. */
export class Host<In, Out> {
  private readonly api = acquireVsCodeApi();

  send(message: Out): void {
    this.api.postMessage(message);
  }

  /** Calls `take` for each message; returns what ends that. */
  listen(take: (message: In) => void): () => void {
    const listener = ({ data }: MessageEvent<In>) => take(data);
    window.addEventListener('message', listener);
    return () => window.removeEventListener('message', listener);
  }

  /** What the panel is given back after its window was reloaded. */
  keep(state: unknown): void {
    this.api.setState(state);
  }
}
