// Sends a picture to the OCR app through the queue and prints the text. Nothing in it knows of Windtunnel.
import { readFile } from 'node:fs/promises';
import { fal } from '@fal-ai/client';

const picture = process.argv[2] ?? new URL('receipt.png', import.meta.url);
const { data } = await fal.subscribe('local/ocr', {
  input: { image_url: new Blob([await readFile(picture)], { type: 'image/png' }) },
});
console.log(data.text);
console.error(`(${data.seconds.toFixed(2)} s on ${data.device})`);
