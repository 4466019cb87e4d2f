// One request with the official client, as any program would send it to fal: progress on stderr, the result on stdout.
import { readFile } from 'node:fs/promises';
import { fal } from '@fal-ai/client';

const picture = new Blob([await readFile(new URL('pixels/hills.jpg', import.meta.url))], { type: 'image/jpeg' });
const imageUrl = await fal.storage.upload(picture);
console.error(`   uploaded ${imageUrl}`);

const started = performance.now();
let shown = '';
let printed = 0;
const { data } = await fal.subscribe('local/pixels', {
  input: { image_url: imageUrl, block: 8, colors: 12 },
  logs: true,
  // Told of each change; a poll every half second would miss states that last less.
  mode: 'streaming',
  onEnqueue: (id) => console.error(`   submitted ${id}`),
  onQueueUpdate(update) {
    if (update.status !== shown) console.error(`   ${seconds()}  ${update.status}`);
    shown = update.status;
    // Each update of a stream holds all lines so far.
    const lines = update.logs ?? [];
    for (const { message } of lines.slice(printed)) console.error(`            | ${message.trimEnd()}`);
    printed = Math.max(printed, lines.length);
  },
});
if (shown !== 'COMPLETED') console.error(`   ${seconds()}  COMPLETED`);
console.log(JSON.stringify(data));

function seconds() {
  return `${((performance.now() - started) / 1000).toFixed(2).padStart(5)} s`;
}
