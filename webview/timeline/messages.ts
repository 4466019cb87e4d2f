import type { FromTimeline, ToTimeline } from '../../emulator/contract/timeline.ts';
import { Host } from '../page/host.ts';

export const host = new Host<ToTimeline, FromTimeline>();
