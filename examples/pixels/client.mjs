// Draws a picture as pixel art. Nothing in it knows of Windtunnel.
//   node client.mjs [PICTURE]           upload, queue, logs, result
//   node client.mjs --stream [PICTURE]  the same with progress events, past the queue
import { readFile } from 'node:fs/promises';
import { fal } from '@fal-ai/client';

const args = process.argv.slice(2);
const streamed = args[0] === '--stream' && args.shift() !== undefined;
const picture = args[0] ?? new URL('hills.jpg', import.meta.url);
// A Blob in the input is uploaded first, and its URL takes its place.
const input = { image_url: new Blob([await readFile(picture)], { type: 'image/jpeg' }), block: 8, colors: 12 };

if (streamed) {
  const stream = await fal.stream('local/pixels', { input });
  for await (const event of stream) console.log(`${Math.round(event.progress * 100)} %`, event.image?.url ?? '');
} else {
  const shown = new Set();
  // Each poll tells everything so far.
  const show = (line) => shown.has(line) || (shown.add(line) && console.log(line));
  const { data, requestId } = await fal.subscribe('local/pixels', {
    input,
    logs: true,
    onQueueUpdate(update) {
      show(update.status);
      for (const { message } of update.logs ?? []) show(`  ${message}`);
    },
  });
  console.log(requestId, data.image.url, data.palette.join(' '));
}
