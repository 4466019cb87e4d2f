import type { FormSchema } from '../../emulator/contract/playground.ts';

/** What the app itself gives as an example of the properties that it needs, so that a first request takes one click. */
export function exampleInput(form: FormSchema): Record<string, unknown> {
  const properties = (form.properties ?? {}) as Record<string, { examples?: unknown; default?: unknown }>;
  const input: Record<string, unknown> = {};
  for (const name of (form.required ?? []) as string[]) {
    const property = properties[name];
    if (property?.default !== undefined || !Array.isArray(property?.examples)) continue;
    if (property.examples.length > 0) input[name] = property.examples[0];
  }
  return input;
}
