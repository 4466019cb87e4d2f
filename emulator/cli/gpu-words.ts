import type { GpuCard, GpuDemand, GpuFit } from '../contract/index.ts';

/** `RTX 4090 (24 GB)`. */
export const cardWords = ({ name, vramBytes }: GpuCard): string => `${name}${gigabytes(vramBytes)}`;

/** `2 × GPU-H100 (80 GB each)`; the bare name for a machine without a GPU. */
export function demandWords({ machine, count, vramBytes }: GpuDemand): string {
  if (count === 0) return machine;
  return `${count} × ${machine}${gigabytes(vramBytes, count > 1 ? ' each' : '')}`;
}

/** What these cards are to a demand. */
export function fitWords({ count, fit }: GpuDemand & { fit: GpuFit }, cards: readonly GpuCard[]): string {
  switch (fit) {
    case 'fits':
      return 'fits';
    case 'unknown':
      return 'fits, if its memory does: it cannot be told';
    case 'small':
      return `too little memory: ${cards.map(cardWords).join(', ')}`;
    case 'few':
      return `only ${cards.length} of ${count}: ${cards.map(cardWords).join(', ')}`;
    case 'none':
      return 'no GPU here: it runs on the CPU';
  }
}

const gigabytes = (bytes: number | null, more = ''): string => (bytes ? ` (${Math.round(bytes / 1e9)} GB${more})` : '');
