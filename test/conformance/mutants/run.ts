// `npm run mutants [-- ITEM…]`: every item's test is seen red. Breaks the emulator once per mutant and runs the test of its item
// against that build; the unbroken build has to pass the same tests. Exit code 1 when a mutant survives.
import type { Client } from '../items.ts';
import { checkCases, checkTest, type Verdict } from './check.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { Workshop } from './workshop.ts';

/** Emulators at a time: each has a core to itself on the smallest machines that CI has. */
const WORKERS = 2;

const only = process.argv.slice(2).map(Number);
const chosen = MUTANTS.filter(({ item }) => only.length === 0 || only.includes(item));
const failures: string[] = [];

console.log('| item | what was broken | red? |\n| --- | --- | --- |');
await unbroken();
const waiting = [...chosen];
await Promise.all(Array.from({ length: WORKERS }, work));
for (const failure of failures) console.log(`FAILED: ${failure}`);
console.log(`${chosen.length} mutants, ${failures.length} failures`);
process.exitCode = failures.length > 0 ? 1 : 0;

/** A test that fails anyway shows nothing when a mutant makes it fail. */
async function unbroken(): Promise<void> {
  const workshop = new Workshop();
  try {
    await workshop.build([]);
    const pairs = new Map(
      chosen.flatMap(({ item, clients }) => clients.map((client) => [`${item} ${client}`, { item, client }])),
    );
    await check(workshop, [...pairs.values()], (item, client, verdict) => {
      if (verdict !== null) failures.push(`#${item} ${client} fails on the unbroken build: ${verdict}`);
    });
  } finally {
    workshop.dispose();
  }
}

async function work(): Promise<void> {
  const workshop = new Workshop();
  try {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) await tryMutant(workshop, mutant);
  } finally {
    workshop.dispose();
  }
}

async function tryMutant(workshop: Workshop, { item, clients, what, edits }: Mutant): Promise<void> {
  try {
    await workshop.build(edits);
    const pairs = clients.map((client) => ({ item, client }));
    await check(workshop, pairs, (_item, client, verdict) => {
      if (verdict === null) failures.push(`#${item} ${client} is green although ${what}`);
      console.log(`| ${item} ${client} | ${what} | ${verdict === null ? 'NO' : `yes: ${brief(verdict)}`} |`);
    });
  } catch (error) {
    failures.push(`#${item} (${what}) could not be tried: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function check(
  { cli }: Workshop,
  pairs: readonly { item: number; client: Client }[],
  onVerdict: (item: number, client: Client, verdict: Verdict) => void,
): Promise<void> {
  const cases = [];
  for (const { item, client } of pairs) {
    if (client === 'J' || client === 'P') cases.push({ item, client });
    else onVerdict(item, client, await checkTest(cli, item, client));
  }
  if (cases.length > 0) await checkCases(cli, cases, onVerdict);
}

function brief(text: string): string {
  const plain = text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|');
  return plain.length > 100 ? `${plain.slice(0, 99)}…` : plain;
}
