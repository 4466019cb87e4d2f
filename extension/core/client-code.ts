import type { AppId, ClientLanguage } from '../../emulator/contract/index.ts';

export interface ClientCall {
  app: AppId;
  /** Below the app; `/` for the app itself. */
  path: string;
  /** The emulator's public URL, for curl. */
  url: string;
  /** JSON text of the input. */
  input: string;
}

/** Code that sends a request through the queue and waits for its result, as it would be written for fal itself. */
export function clientCode(language: ClientLanguage, call: ClientCall): string {
  const endpoint = call.path === '/' ? call.app : `${call.app}${call.path}`;
  switch (language) {
    case 'curl':
      return [
        `curl -X POST '${call.url}/queue/${endpoint}'`,
        `-H 'content-type: application/json'`,
        `-d '${call.input.replaceAll("'", `'\\''`)}'`,
      ].join(' \\\n  ');
    case 'python':
      return [
        'import json',
        '',
        'import fal_client',
        '',
        `arguments = json.loads(${JSON.stringify(call.input)})`,
        `result = fal_client.subscribe(${JSON.stringify(endpoint)}, arguments=arguments)`,
        'print(result)',
        '',
      ].join('\n');
    case 'javascript':
      return [
        'import { fal } from "@fal-ai/client";',
        '',
        `const result = await fal.subscribe(${JSON.stringify(endpoint)}, {`,
        `  input: ${indented(call.input)},`,
        '});',
        'console.log(result.data);',
        '',
      ].join('\n');
  }
}

const indented = (json: string): string => JSON.stringify(JSON.parse(json), null, 2).replaceAll('\n', '\n  ');
