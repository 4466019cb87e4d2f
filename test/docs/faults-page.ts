import { FAULT_PRESETS } from '../../emulator/core/fault-presets.ts';

/** docs/faults.md: the presets as they are, and what test/faults shows of each. */
export function faultsPage(notice: string): string {
  const rows = Object.entries(FAULT_PRESETS).map(
    ([
      name,
      {
        scenario,
        queue,
        direct: { python, js },
      },
    ]) => `| \`${name}\` | ${scenario.description ?? ''} | ${queue} | ${python} | ${js} |`,
  );
  const [name = '', preset] = Object.entries(FAULT_PRESETS)[0] ?? [];
  const example = JSON.stringify({ $schema: '../../windtunnel.scenario.schema.json', ...preset?.scenario }, null, 2);
  return `# Faults

${notice}

What does your client do when a runner dies? Run the app with a scenario and see:

\`\`\`sh
windtunnel run app.py --scenario crash
\`\`\`

\`--scenario\` takes a file, the name of one in \`.windtunnel/scenarios/\` of your workspace (commit them: they are for
everybody), or a preset. It holds for this app and this \`run\`, over reloads; every fault that strikes is printed, and stands
in the record of its request (\`windtunnel logs REQUEST\`).

## Presets

The last three columns are what the official clients see: the same of the queue, not the same of direct calls, where each has its
own mind of what it tries again. Tests show every cell with the clients themselves; only the 429 of the queue they show for
\`@fal-ai/client\` alone, as \`fal_client\` reads such a result again for a minute before it gives up.

| preset | does | through the queue | direct, \`fal_client\` | direct, \`@fal-ai/client\` |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

## A scenario of your own

This is \`${name}\`. Comments and trailing commas are fine; \`windtunnel.scenario.schema.json\` describes every key.

\`\`\`json
${example}
\`\`\`

Rules are tried in their order for each attempt of a request, direct or queued; the first that fits is carried out. A \`delay\` goes
on to the next rule.

| fault | does |
| --- | --- |
| \`{"kind": "status", "status": 503, "body": {…}, "headers": {…}}\` | answers in place of the app, which never sees the request |
| \`{"kind": "delay", "seconds": 3}\` | holds the request back |
| \`{"kind": "kill-runner", "after": 2}\` | SIGKILL to the runner; with \`after\`, so many seconds into the request |
| \`{"kind": "oom", "after": 2}\` | ends the runner as the out-of-memory killer would |
| \`{"kind": "drop", "at": "answer"}\` | closes the connection before the answer (\`request\`) or in the middle of it |
| \`{"kind": "gpu-lost"}\` | answers as the SDK does when CUDA fails: 503, after which the platform replaces the runner |
| \`{"kind": "slow-start", "seconds": 5}\` | holds the start of each runner back; \`startup_timeout\` counts |

| when | |
| --- | --- |
| nothing | every attempt |
| \`"rate": 0.2\` | this part of the attempts, at random; the same \`"seed"\`, the same choices |
| \`"count": 2\` | the first two |
| \`"every": 3\` | each third one |
| \`"after": 5\` | with any of these: once five were let through |
| \`"path": "/train"\` | only requests of this path |

What happens then is not staged: the connection really breaks, the process really dies, and retries, replacement of runners
and error types follow fal's rules as they would in earnest. On websockets \`status\` and \`drop\` act on the handshake.
`;
}
