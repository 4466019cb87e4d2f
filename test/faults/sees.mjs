// `node sees.mjs queue|direct [START_TIMEOUT]`: what @fal-ai/client makes of one call, as JSON on stdout.
import { ApiError, fal } from '@fal-ai/client';

const [mode, startTimeout] = process.argv.slice(2);
const options = { input: { n: 1 }, ...(startTimeout ? { startTimeout: Number(startTimeout) } : {}) };
try {
  const call = mode === 'direct' ? fal.run('local/steady', options) : fal.subscribe('local/steady', options);
  console.log(JSON.stringify({ result: (await call).data }));
} catch (error) {
  const seen =
    error instanceof ApiError
      ? { status: error.status, text: JSON.stringify(error.body), timeout: error.timeoutType ?? null }
      : { broken: error.name };
  console.log(JSON.stringify(seen));
}
process.exit(0);
