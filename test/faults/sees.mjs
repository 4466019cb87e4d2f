// `node sees.mjs queue|direct`: what @fal-ai/client makes of one call, as JSON on stdout.
import { ApiError, fal } from '@fal-ai/client';

const [mode] = process.argv.slice(2);
const input = { n: 1 };
try {
  const call = mode === 'direct' ? fal.run('local/steady', { input }) : fal.subscribe('local/steady', { input });
  console.log(JSON.stringify({ result: (await call).data }));
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
  console.log(JSON.stringify({ status: error.status, body: error.body }));
}
process.exit(0);
