import { isPythonName, pythonList, pythonString } from './python-text.ts';
import type { SourceApp } from './source-app.ts';

// Names that a pydantic model has itself, or keeps for itself.
const TAKEN = /^(model_.*|_.*|copy|json|dict|schema|schema_json|validate|construct|parse_.*|from_orm|fields|register)$/;

/** The name of a model's attribute for a field: its own, unless pydantic or Python keeps that for itself. */
export function fieldName(wanted: string, used: Set<string>): string {
  const plain = isPythonName(wanted) && !TAKEN.test(wanted);
  let name = plain ? wanted : `field_${wanted.replace(/\W+/g, '_').replace(/^_+/, '')}`;
  while (used.has(name)) name += '_';
  used.add(name);
  return name;
}

/** Attributes of the class for its machine, scale and environment, four spaces deep. */
export function settings(
  app: Pick<SourceApp, 'environment' | 'modules' | 'machineTypes' | 'gpus' | 'maxMultiplexing'>,
): string[] {
  const { environment: env, modules: names } = app;
  const [machine, ...others] = app.machineTypes;
  const lines: string[] = [];
  if (machine !== undefined) {
    lines.push(
      `    machine_type = ${others.length > 0 ? pythonList(app.machineTypes, '    ') : pythonString(machine)}`,
    );
  }
  if (app.gpus > 1) lines.push(`    num_gpus = ${app.gpus}`);
  if (app.maxMultiplexing !== null) lines.push(`    max_multiplexing = ${app.maxMultiplexing}`);
  if (env.kind === 'image') {
    const folder = `${names.os}.path.dirname(${names.os}.path.abspath(__file__))`;
    const here = `${names.os}.path.join(${folder}, ${pythonString(env.dockerfile)})`;
    lines.push(
      `    image = ${names.fal}.ContainerImage.from_dockerfile(`,
      `        ${here},`,
      `        context_dir=${names.os}.path.dirname(${here}),`,
      '        entrypoint=[],',
      '    )',
    );
    return lines;
  }
  const layers = env.layers.filter((layer) => layer.length > 0);
  if (layers.length === 1) lines.push(`    requirements = ${pythonList(layers[0]!, '    ')}`);
  if (layers.length > 1) {
    lines.push('    requirements = [', ...layers.map((layer) => `        ${pythonList(layer, '        ')},`), '    ]');
  }
  if (env.appFiles.length > 0) lines.push(`    app_files = ${pythonList(env.appFiles, '    ')}`);
  return lines;
}
