import { blockedApp, buildReport, type Subject } from '../build-report.ts';
import { applyEdits, type Edit } from '../edits.ts';
import { environmentNotes } from '../environment-names.ts';
import { Ledger } from '../ledger.ts';
import { futureEdits, identifiers, insertImports, isDocstring, lineOf } from '../module-edits.ts';
import type { PlannedStatement } from '../module-plan.ts';
import { withComments } from '../move-statements.ts';
import { boundNames, readNames } from '../names.ts';
import type { CallTarget, ImportedApp, ImportedFile, ServedUnit, SourceFolder } from '../platform.ts';
import { syntaxFault } from '../python-faults/syntax-fault.ts';
import { kebabCase, pythonString } from '../python-text.ts';
import { importedFiles, soundSiblings, withDefinitions } from '../siblings.ts';
import { readSource, writeSource } from '../source-text.ts';
import { importsAnywhere } from '../standard-library.ts';
import { type PythonParser, type SyntaxNode, walk } from '../syntax.ts';
import { bodyEdits } from './body-edits.ts';
import { classUnit } from './class-unit.ts';
import { closeGaps, commentOut, definitionEdits, GAP, removeDecorator, removeStatement } from './definition-edits.ts';
import { isServer } from './endpoints.ts';
import { type PlannedImage, planImage } from './environment.ts';
import { functionUnit } from './function-unit.ts';
import { imageLabel, lateModule } from './late-module.ts';
import { isModal, modalNames } from './library.ts';
import { localCode } from './local-code.ts';
import { methodsOf, roleOf } from './methods.ts';
import { HELPER_NAMES, type Helper, helperSource } from './python-helpers.ts';
import { type ImportedObjects, type ModalModule, readModule, type Unit } from './read-module.ts';
import type { UnitSettings } from './settings.ts';
import { unitSettings } from './unit-options.ts';
import { type UnitResult, volumeLines } from './unit-plan.ts';
import { volumeEdits } from './volume-edits.ts';
import type { Modules } from './write-app.ts';

// Long: the one place where the parts of an app come together, in the order in which they need each other.

/** Converts the Modal app in `entry`. A source that cannot be converted gives a report and no files. */
export function convertApp(folder: SourceFolder, entry: string, parser: PythonParser): ImportedApp {
  const ledger = new Ledger();
  const subject: Subject = { platform: 'modal', entry, app: folder.name };
  const blocked = (code: string, line: number, reason: string) => blockedApp(ledger, subject, { code, line, reason });
  const source = readSource(folder.files.get(entry) ?? new Uint8Array());
  if (typeof source === 'string') return blocked('F002', 1, `${entry} cannot be read: ${source}.`);
  const { text } = source;
  return parser.withTree(text, (root) => {
    const fault = syntaxFault(root, text);
    if (fault) return blocked('F001', fault.line, `${entry} has a syntax error: ${fault.what}.`);
    const files = importedFiles(folder, entry, root, parser);
    return withDefinitions(folder, files, parser, (_lookup, trees) => {
      const module = readModule(root, modalNames(root), entry, objectsOf(trees));
      if (module.units.length === 0) {
        const why =
          'it has no @app.function and no @app.cls. What it does with Modal (sandboxes, images, volumes) has no counterpart at fal';
        return blocked('F003', 1, `There is no app in ${entry}: ${why}.`);
      }
      const siblings = neededSiblings(folder, files, module, root, parser, entry);
      soundSiblings(folder, siblings, trees, ledger);
      siblingNotes(siblings, trees, ledger);
      const result = new Conversion(folder, entry, text, root, module, siblings, ledger, parser).run();
      subject.app = result.app;
      const written: ImportedFile[] = [{ path: entry, origin: 'converted', content: writeSource(result.text, source) }];
      for (const file of result.files) if (!written.some(({ path }) => path === file.path)) written.push(file);
      written.sort((a, b) => (a.path < b.path ? -1 : 1));
      const texts = new Map([[entry, result.text]]);
      for (const { path, content, origin } of written)
        if (origin === 'written') texts.set(path, Buffer.from(content).toString('utf8'));
      return {
        files: written,
        report: buildReport(ledger, subject, written, texts, result.volumes),
        targets: result.targets,
        served: result.served,
      };
    });
  });
}

/** The modal objects of the other files, by the module's last name: read when they are asked for. */
function objectsOf(trees: ReadonlyMap<string, SyntaxNode>): ImportedObjects {
  const read = new Map<string, ModalModule>();
  return (module, name) => {
    const last = module.split('.').at(-1)!;
    for (const [file, tree] of trees) {
      if (!new RegExp(`(^|/)${last}(/__init__)?\\.py$`).test(file)) continue;
      const known = read.get(file) ?? readModule(tree, modalNames(tree), file);
      read.set(file, known);
      const object = known.reader.objects.get(name);
      if (object) return object;
    }
    return null;
  };
}

/** Files that the converted code still imports: not those that only made objects of Modal. */
function neededSiblings(
  folder: SourceFolder,
  files: readonly string[],
  module: ModalModule,
  root: SyntaxNode,
  parser: PythonParser,
  entry: string,
): string[] {
  const gone = module.statements
    .filter(({ fate, node }) => fate === 'gone' && /^import/.test(node.type))
    .map(({ node }) => node);
  if (gone.length === 0) return [...files];
  let text = root.text;
  for (const node of gone.toReversed())
    text = text.slice(0, node.startIndex) + ' '.repeat(node.endIndex - node.startIndex) + text.slice(node.endIndex);
  return parser.withTree(text, (tree) => importedFiles(folder, entry, tree, parser));
}

/** Files that are taken along as they are, though they speak to Modal. */
function siblingNotes(siblings: readonly string[], trees: ReadonlyMap<string, SyntaxNode>, ledger: Ledger): void {
  for (const file of siblings) {
    const tree = trees.get(file);
    const found = tree
      ? [...walk(tree)].find((node) => /^import/.test(node.type) && /\bmodal\b/.test(node.text))
      : undefined;
    if (!found) continue;
    ledger.note('F703', 'CHECK', {
      source: { file, line: found.startPosition.row + 1 },
      text: found.text,
      reason: 'This file is taken along as it is, and imports modal.',
      next: 'Import it by itself if it holds an app; else move what the app needs of it into another file.',
    });
  }
}

interface Converted {
  text: string;
  app: string;
  files: ImportedFile[];
  volumes: { from: string; to: string; next: string }[];
  targets: CallTarget[];
  served: ServedUnit[];
}

class Conversion {
  private readonly taken: Set<string>;
  private readonly helpers = new Set<Helper>();
  private readonly standard = new Set<string>();
  private readonly edits: Edit[] = [];
  private readonly remoteNames = new Map<string, string>();
  private readonly urlNames = new Map<string, string>();
  /** Ranges that go: nothing in them is edited. */
  private readonly holes: { start: number; end: number }[] = [];
  private readonly unitNames: ReadonlyMap<string, Unit>;

  private readonly folder: SourceFolder;
  private readonly entry: string;
  private readonly text: string;
  private readonly root: SyntaxNode;
  private readonly module: ModalModule;
  private readonly siblings: readonly string[];
  private readonly ledger: Ledger;
  private readonly parser: PythonParser;

  constructor(
    folder: SourceFolder,
    entry: string,
    text: string,
    root: SyntaxNode,
    module: ModalModule,
    siblings: readonly string[],
    ledger: Ledger,
    parser: PythonParser,
  ) {
    this.folder = folder;
    this.entry = entry;
    this.text = text;
    this.root = root;
    this.module = module;
    this.siblings = siblings;
    this.ledger = ledger;
    this.parser = parser;
    this.taken = identifiers(root);
    this.unitNames = new Map(module.units.map((unit) => [unit.name, unit]));
  }

  private readonly free = (wanted: string): string => {
    let name = wanted;
    while (this.taken.has(name)) name = /^[A-Z]/.test(name) ? `${name}App` : `${name}_`;
    this.taken.add(name);
    return name;
  };

  private readonly skipped = (node: SyntaxNode): boolean =>
    this.holes.some(({ start, end }) => node.startIndex >= start && node.endIndex <= end);

  run(): Converted {
    const { module, text, entry, ledger, root } = this;
    const modules = this.moduleNames();
    this.findHoles();
    const methods = new Map(
      module.units
        .filter(({ kind }) => kind === 'class')
        .map((unit) => [
          unit.name,
          new Set(
            methodsOf(unit, module)
              .filter(({ role }) => role === 'method' || role === 'web')
              .map(({ name }) => name),
          ),
        ]),
    );
    const body = bodyEdits(root, {
      module,
      units: this.unitNames,
      methods,
      remoteName: (unit) => this.remoteName(unit),
      urlName: (unit) => this.urlName(unit),
      text,
      file: entry,
      ledger,
      skipped: this.skipped,
      free: this.free,
    });
    this.edits.push(...body.edits);
    for (const helper of body.helpers) this.helpers.add(helper);
    for (const name of body.modules) this.standard.add(name);

    const settings = new Map<Unit, UnitSettings>();
    for (const unit of module.units) {
      const anchor = unit.kind === 'class' ? `class ${unit.name}` : `def ${unit.name}`;
      settings.set(unit, unitSettings(unit, module, this.appVariable(unit), entry, ledger, anchor));
    }
    const mounts = [...settings.values()].flatMap(({ volumes }) => volumes);
    const volumes = volumeEdits(root, mounts, this.skipped);
    this.edits.push(...volumes.edits);

    const calls = body.helpers.has('remote');
    const written = new Map<string, string>();
    const images = new Map<Unit, PlannedImage>();
    const files: ImportedFile[] = [];
    for (const unit of module.units) {
      const extra = calls && this.callsFromRunner() ? ['fal-client'] : [];
      const roles = [
        roleOf(unit.decorators)?.role,
        ...(unit.kind === 'class' ? methodsOf(unit, module).map(({ role }) => role) : []),
      ];
      if (roles.some((role) => role !== undefined && isServer(role))) extra.push('uvicorn');
      if (roles.includes('wsgi')) extra.push('a2wsgi');
      const image = planImage(settings.get(unit)!.image, {
        folder: this.folder,
        entry,
        reader: module.reader,
        names: module.names,
        ledger,
        siblings: this.siblings,
        extra,
        moved: volumes.moved,
        anchor: unit.kind === 'class' ? `class ${unit.name}` : `def ${unit.name}`,
        written,
        unit: unit.name,
      });
      images.set(unit, image);
      for (const file of image.files) {
        if (!files.some(({ path }) => path === file.path)) files.push(file);
      }
    }
    for (const file of this.siblings) ledger.item('file', { file, line: 1 }, file, 'kept');
    const linked = volumes.linked;

    const local = localCode(module, text, entry, ledger);
    this.edits.push(...local.edits);
    const labels = new Set(module.units.map((unit) => imageLabel(settings.get(unit)!.image)));
    const late = lateModule(module, text, entry, this.edits, labels, this.parser, ledger);
    const results = new Map<Unit, UnitResult>();
    const variables: ReadonlyMap<string, string>[] = [];
    for (const unit of module.units) {
      const own = settings.get(unit)!;
      const image = images.get(unit)!;
      const preamble: string[] = [];
      const given = new Map([...image.variables, ...own.variables]);
      variables.push(given);
      for (const [name, value] of given) {
        preamble.push(`os.environ.setdefault(${pythonString(name)}, ${value})`);
      }
      if (this.usesFileName()) {
        const name = pythonString(entry.split('/').at(-1)!);
        preamble.push(`globals().setdefault("__file__", os.path.join(os.getcwd(), ${name}))`);
      }
      preamble.push(...volumeLines(own.volumes, linked));
      if (own.volumes.some(({ bucket, mount }) => !bucket && linked.has(mount))) this.helpers.add('link_volume');
      if (image.environment.kind === 'image' && this.siblings.length > 0) {
        preamble.push('sys.path.insert(0, "/root")');
        this.standard.add('sys');
      }
      if (late.needed)
        preamble.push(late.perImage ? `load_module(${pythonString(imageLabel(own.image))})` : 'load_module()');
      preamble.push(...image.calls);
      if (preamble.some((line) => /\bos\./.test(line)) || image.environment.kind === 'image') this.standard.add('os');
      const context = {
        unit,
        settings: own,
        image,
        appName: this.appName(unit),
        module,
        modules,
        folder: this.folder,
        file: entry,
        text,
        ledger,
        free: this.free,
        helpers: this.helpers,
        standard: this.standard,
        preamble,
        missing: (node: SyntaxNode) => this.missing(node),
      };
      results.set(unit, unit.kind === 'class' ? classUnit(context) : functionUnit(context));
    }
    for (const { edits } of results.values()) this.edits.push(...edits);
    this.fileNotes(results);
    this.otherDefinitions();
    this.statementEdits();
    const futures = futureEdits(
      module.statements.map(({ node, fate }) => ({
        node,
        fate: fate === 'future' ? ('future' as const) : ('kept' as const),
      })),
      text,
      entry,
      ledger,
    );
    environmentNotes(root, entry, ledger, { prefix: /^MODAL_/, name: 'Modal' }, alwaysSet(variables));
    const result = this.write([...this.edits, ...late.edits, ...futures], results, local.main, modules, calls);
    this.items([...this.edits, ...late.edits, ...futures]);
    return {
      text: result,
      app: this.reportName(),
      files,
      targets: this.targets(results),
      served: module.units.map((unit) => {
        const { symbols, calls, parameters } = results.get(unit)!;
        return {
          unit: unit.name,
          symbol: symbols[0] ?? unit.name,
          calls: [...calls].map(([method, call]) => ({ method, ...call })),
          parameters,
          mounts: settings.get(unit)!.volumes.map(({ mount, target }) => ({ from: mount, to: target })),
        };
      }),
      volumes: [...new Map(mounts.filter(({ bucket }) => !bucket).map((at) => [at.target, at])).values()].map(
        ({ mount, target, name }) => ({
          from: mount,
          to: target,
          next: `modal volume get ${name} / ./${name} && fal files upload ./${name} ${target}`,
        }),
      ),
    };
  }

  /** Whether code of the runner asks where its file is, which a pickled app has none of. */
  private usesFileName(): boolean {
    const live = this.module.statements.filter(({ fate }) => fate === 'late' || fate === 'unit' || fate === 'kept');
    return live.some(({ node }) =>
      [...walk(node)].some((child) => child.type === 'identifier' && child.text === '__file__' && !this.skipped(child)),
    );
  }

  /** What holds for the file as a whole. */
  private fileNotes(results: ReadonlyMap<Unit, UnitResult>): void {
    const { entry, ledger, root } = this;
    if (this.usesFileName()) {
      ledger.note('F110', 'CHECK', {
        source: { file: entry, line: lineOf(root, '__file__') },
        text: '__file__',
        reason: 'A deployed app has no file of its own: __file__ is set to where it would be, in the working folder.',
        next: 'Check the paths that are built from it.',
      });
    }
    const symbols = [...results.values()].flatMap((result) => result.symbols);
    if (symbols.length < 2) return;
    ledger.note('F704', 'CHECK', {
      source: { file: entry, line: this.module.units[0]!.outer.startPosition.row + 1 },
      text: symbols.join(', '),
      reason: 'Each of these is an app of its own: it is run and deployed by its name.',
      next: symbols.map((symbol) => `windtunnel run ${entry}::${symbol}`).join('; '),
    });
  }

  /** Decorators, statements and imports that go: names in them are not code. */
  private findHoles(): void {
    const { module } = this;
    const hole = (node: SyntaxNode) => this.holes.push({ start: node.startIndex, end: node.endIndex });
    for (const { node, fate } of module.statements) if (fate === 'gone' || fate === 'modal') hole(node);
    for (const { node, top } of module.statements) {
      if (node.id !== top.id) for (const child of top.namedChildren) if (child.type === 'with_clause') hole(child);
    }
    for (const node of walk(this.root)) {
      if (node.type === 'decorator') {
        const outer = node.parent!;
        const name = node.namedChildren[0]?.text ?? '';
        const first = name.split(/[.(]/)[0]!;
        const own = module.gone.has(first) || module.names.modules.has(first) || module.names.members.has(first);
        if (own && outer.type === 'decorated_definition') hole(node);
      }
      if (node.type === 'call' && node.childForFieldName('function')?.text.split('.').at(-1) === 'parameter') {
        let { parent } = node;
        while (parent?.type === 'parenthesized_expression') parent = parent.parent;
        if (parent?.type === 'assignment' && parent.parent?.parent?.type === 'block') hole(node);
      }
    }
  }

  private moduleNames(): Modules {
    const { root } = this;
    const free = (name: string): string => {
      if (!this.taken.has(name)) return name;
      // Whoever imports the module under its name means the module.
      const imported = [...walk(root)].some(
        (node) =>
          node.type === 'import_statement' && new RegExp(`\\bimport\\s+(.*,\\s*)?${name}\\s*(,|$|\\.)`).test(node.text),
      );
      const bound = this.module.statements.some(
        ({ node }) => node.type !== 'import_statement' && bindsName(node, name),
      );
      return imported && !bound ? name : bound || imported ? `${name}_` : name;
    };
    for (const name of HELPER_NAMES) this.taken.add(name);
    return { fal: free('fal'), fastapi: free('fastapi'), pydantic: free('pydantic'), typing: free('typing') };
  }

  private appVariable(unit: Unit): string {
    const decorator = unit.decorators.find(({ path }) => path?.startsWith('app.'));
    return decorator?.node.namedChildren[0]?.text.split('.')[0] ?? 'app';
  }

  private appName(unit: Unit): string {
    const base = unit.app.name ?? this.entry.split('/').at(-1)!.replace(/\.py$/, '');
    return kebabCase(
      this.module.units.length === 1 ? base : `${base}-${unit.name.replaceAll(/([a-z])([A-Z])/g, '$1-$2')}`,
    );
  }

  private reportName(): string {
    const [first] = this.module.units;
    return kebabCase(first!.app.name ?? this.folder.name);
  }

  private remoteName(unit: string): string {
    let name = this.remoteNames.get(unit);
    if (name === undefined) {
      name = this.free(`remote_${unit}`);
      this.remoteNames.set(unit, name);
    }
    return name;
  }

  private urlName(unit: string): string {
    const name = this.urlNames.get(unit) ?? this.free(`url_of_${unit}`);
    this.urlNames.set(unit, name);
    return name;
  }

  /** Whether an app calls another one, or only the developer's machine does. */
  private callsFromRunner(): boolean {
    const local = this.module.statements.filter(({ fate }) => fate === 'local');
    const names = new Set(this.remoteNames.values());
    return this.edits.some(
      (edit) =>
        [...names].some((name) => edit.text.startsWith(name)) &&
        !local.some(({ node }) => edit.start >= node.startIndex && edit.end <= node.endIndex),
    );
  }

  /** Whether an expression needs what is not there when fal imports the file. */
  private missing(node: SyntaxNode): boolean {
    const { late, gone, names } = this.module;
    for (const name of readNames(node)) {
      if (late.has(name) || gone.has(name) || names.modules.has(name) || names.members.has(name)) return true;
      if (this.definedLater(name, node)) return true;
    }
    return false;
  }

  /** With annotations as strings, a class could be named before it was there. */
  private definedLater(name: string, node: SyntaxNode): boolean {
    const future = this.module.statements.some(
      ({ fate, node: at }) => fate === 'future' && /\bannotations\b/.test(at.text),
    );
    if (!future) return false;
    const found = this.module.classes.get(name);
    return found !== undefined && found.outer.endIndex > node.startIndex;
  }

  /** Functions and classes that are no apps: decorators of modal go, annotations that need the runner become strings. */
  private otherDefinitions(): void {
    const { module, text, ledger, entry } = this;
    for (const statement of module.statements) {
      if (statement.fate === 'unit' || statement.fate === 'gone' || !/definition$/.test(statement.node.type)) continue;
      for (const node of walk(statement.node)) {
        if (node.type !== 'decorator' || !this.skipped(node) || statement.fate === 'local') continue;
        if (statement.fate === 'late') continue;
        this.edits.push(removeDecorator(node, text));
      }
      if (statement.fate === 'kept' || statement.fate === 'local') {
        this.edits.push(...definitionEdits(statement.node, text, entry, (node) => this.missing(node), ledger));
      }
    }
  }

  private statementEdits(): void {
    const { module, text, ledger, entry } = this;
    for (const { node, fate, unread } of module.statements) {
      if (fate === 'modal') this.edits.push(removeStatement(node, text));
      if (fate !== 'gone') continue;
      if (!unread) {
        this.edits.push(removeStatement(node, text));
        continue;
      }
      const label = node.text.split('\n')[0]!.slice(0, 80);
      this.edits.push(commentOut(node, text, `TODO(fal-import): F702 ${label}`));
      ledger.note('F702', 'TODO', {
        source: { file: entry, line: node.startPosition.row + 1 },
        text: node.text,
        reason: 'This speaks to Modal and cannot be read without running it.',
        next: 'Do what it does in another way, or delete it.',
        anchor: { file: entry, text: `TODO(fal-import): F702 ${label}` },
      });
    }
    // Imports of modal among others, and in functions.
    for (const node of walk(this.root)) {
      if (!/^import(_from)?_statement$/.test(node.type) || this.skipped(node)) continue;
      this.importEdit(node);
    }
  }

  private fromImportEdit(node: SyntaxNode): void {
    const from = node.childForFieldName('module_name')?.text ?? '';
    if (isModal(from)) this.edits.push({ start: node.startIndex, end: node.endIndex, text: 'pass' });
    const names = node.childrenForFieldName('name').filter((item) => item !== null);
    const { objects } = this.module.reader;
    const left = names.filter((item) => !objects.has((item.childForFieldName('alias') ?? item).text));
    if (isModal(from) || left.length === names.length || node.parent?.type !== 'module') return;
    const rest = left.map((item) => this.text.slice(item.startIndex, item.endIndex));
    this.edits.push({ start: node.startIndex, end: node.endIndex, text: `from ${from} import ${rest.join(', ')}` });
  }

  private importEdit(node: SyntaxNode): void {
    const { text } = this;
    if (node.type === 'import_from_statement') {
      this.fromImportEdit(node);
      return;
    }
    const items = node.childrenForFieldName('name').filter((item) => item !== null);
    const left = items.filter((item) => !isModal((item.childForFieldName('name') ?? item).text));
    if (left.length === items.length) return;
    const put =
      left.length === 0
        ? 'pass'
        : `import ${left.map((item) => text.slice(item.startIndex, item.endIndex)).join(', ')}`;
    this.edits.push({ start: node.startIndex, end: node.endIndex, text: put });
  }

  private write(
    edits: Edit[],
    results: ReadonlyMap<Unit, UnitResult>,
    main: readonly string[],
    modules: Modules,
    calls: boolean,
  ): string {
    const { module, text } = this;
    const { text: helpers, modules: needed } = helperSource(this.helpers);
    for (const name of needed) this.standard.add(name);
    const tails = [...results.values()].flatMap(({ tail }) => tail);
    const remotes = this.remoteLines(results);
    const generated = [helpers, ...tails, ...edits.map((edit) => edit.text)].join('\n');
    const there = new Set(
      module.statements.flatMap(({ node, fate, top }) =>
        fate === 'kept' && node.id === top.id && node.type === 'import_statement'
          ? node
              .childrenForFieldName('name')
              .flatMap((item) => (item && !item.childForFieldName('alias') ? [item.text] : []))
          : [],
      ),
    );
    const wants = (name: string) => new RegExp(`(^|[^.\\w"'])${name}\\.`, 'm').test(generated);
    const standard = new Set(this.standard);
    if (wants(modules.typing) && modules.typing === 'typing') standard.add('typing');
    if (calls || this.urlNames.size > 0) standard.add('os');
    const above = [...standard]
      .filter((name) => !there.has(name) && importsAnywhere(name))
      .sort()
      .map((name) => `import ${name}`);
    const lines: string[] = [];
    if (modules.typing !== 'typing' && wants(modules.typing)) lines.push(`import typing as ${modules.typing}`);
    const add = (name: string, alias: string, condition: boolean) => {
      if (condition && !there.has(name))
        lines.push(alias === name.split('.')[0] ? `import ${name}` : `import ${name} as ${alias}`);
    };
    add('fal', modules.fal, true);
    if (new RegExp(`\\b${modules.fal}\\.toolkit\\b`).test(generated)) lines.push('import fal.toolkit');
    const web = wants(modules.fastapi);
    add('fastapi', modules.fastapi, web);
    if (new RegExp(`\\b${modules.fastapi}\\.(responses|encoders)\\b`).test(generated))
      lines.push('import fastapi.encoders', 'import fastapi.responses');
    add('pydantic', modules.pydantic, wants(modules.pydantic));
    const plan = module.statements
      .filter(({ node, top }) => node.id === top.id)
      .map(({ node, fate }) => ({
        node,
        fate:
          fate === 'future'
            ? ('future' as const)
            : fate === 'kept'
              ? ('kept' as const)
              : fate === 'unit' || fate === 'local'
                ? ('kept' as const)
                : ('setup' as const),
      }));
    const heads = importEdits(plan, text, above, lines);
    const mainBlock = module.statements.find(({ fate, node }) => fate === 'local' && node.type === 'if_statement');
    const tail = [
      ...tails,
      ...(helpers === '' ? [] : [helpers.trim()]),
      ...(remotes.length > 0 ? [remotes.join('\n')] : []),
    ].join('\n\n\n');
    const all = [...edits, ...heads];
    if (mainBlock) {
      const at = text.lastIndexOf('\n', mainBlock.node.startIndex - 1) + 1;
      if (tail !== '') all.push({ start: at, end: at, text: `${tail}\n\n\n` });
      return finished(applyEdits(text, all));
    }
    const result = finished(applyEdits(text, all));
    const parts = [
      result.replace(/\s+$/, ''),
      ...(tail === '' ? [] : [tail]),
      ...(main.length > 0 ? [main.join('\n')] : []),
    ];
    return `${parts.join('\n\n\n')}\n`;
  }

  /** The objects through which apps of this file are called. */
  private remoteLines(results: ReadonlyMap<Unit, UnitResult>): string[] {
    const used = this.module.units.filter((unit) => this.remoteNames.has(unit.name));
    if (!this.helpers.has('remote') && this.urlNames.size === 0) return [];
    const lines = [
      '# Whose apps are called: your user name at fal, once they are deployed.',
      'FAL_USER = os.environ.get("FAL_USER", "local")',
    ];
    for (const [unit, name] of this.urlNames) {
      const own = this.unitNames.get(unit)!;
      const [symbol] = results.get(own)!.symbols;
      // A fal.function is known by its own name.
      const server = symbol?.endsWith('_server') ? symbol : this.appName(own);
      lines.push(`${name} = f"https://fal.run/{FAL_USER}/${server}"`);
    }
    for (const unit of used)
      lines.push(
        `${this.remoteNames.get(unit.name)} = ${remoteObject(unit, this.appName(unit), results.get(unit)!).join('\n')}`,
      );
    return lines;
  }

  /** How other files call what is served. */
  private targets(results: ReadonlyMap<Unit, UnitResult>): CallTarget[] {
    return this.module.units
      .filter((unit) => results.get(unit)!.calls.size > 0)
      .map((unit) => ({
        unit: unit.name,
        kind: unit.kind,
        app: unit.app.name ?? null,
        expression: remoteObject(unit, this.appName(unit), results.get(unit)!).join('\n'),
      }));
  }

  /** Each statement of the module, once, with what became of it. */
  private items(edits: readonly Edit[]): void {
    const { module, ledger, entry } = this;
    const noted = ledger.linesOf(entry);
    const seen = new Set<number>();
    for (const { top } of module.statements) {
      if (seen.has(top.id)) continue;
      seen.add(top.id);
      const line = top.startPosition.row + 1;
      const last = top.endPosition.row + 1;
      const reported = noted.some((at) => at >= line && at <= last);
      const fates = module.statements.filter((statement) => statement.top.id === top.id).map(({ fate }) => fate);
      const touched =
        fates.some((fate) => fate !== 'kept') ||
        edits.some((edit) => edit.start >= top.startIndex && edit.end <= top.endIndex);
      ledger.item('statement', { file: entry, line }, top.text, reported ? 'reported' : touched ? 'mapped' : 'kept');
    }
  }
}

/** Python of the object through which an app is called as its source was. */
function remoteObject(unit: Unit, appName: string, { calls, parameters }: UnitResult): string[] {
  const app = `f"{FAL_USER}/${appName}"`;
  const list = (names: readonly string[] | null) =>
    names === null ? 'None' : `[${names.map(pythonString).join(', ')}]`;
  if (unit.kind === 'function') {
    const call = calls.get('') ?? { path: '/', names: [] as string[] };
    return [`Remote(${app}, ${pythonString(call.path)}, ${list(call.names)})`];
  }
  const methods = [...calls].map(
    ([name, { path, names }]) => `    ${name}=(${app}, ${pythonString(path)}, ${list(names)}),`,
  );
  return ['RemoteClass(', `    ${list(parameters)},`, ...methods, ')'];
}

function bindsName(node: SyntaxNode, name: string): boolean {
  return boundNames(node).has(name);
}

/** The text with its gaps closed, and without the blank lines that a removed first statement leaves. */
function finished(text: string): string {
  return closeGaps(text).replace(/^(?:[ \t]*\n)+/, '');
}

/** The standard library's imports go before the first that the file has at its top, fal's after the last. */
function importEdits(
  plan: readonly PlannedStatement[],
  text: string,
  above: readonly string[],
  below: readonly string[],
): Edit[] {
  const start = plan.findIndex(({ node, fate }, index) => fate !== 'future' && !(index === 0 && isDocstring(node)));
  const first = plan.slice(Math.max(0, start)).find(({ fate }) => fate === 'kept');
  if (above.length === 0 || !first || !/^import/.test(first.node.type)) {
    const edit = insertImports(plan, text, [...above, ...(above.length > 0 ? [''] : []), ...below]);
    return [{ ...edit, text: `${edit.text}${GAP}` }];
  }
  const at = withComments(first.node, text);
  const edit = insertImports(plan, text, ['', ...below]);
  return [
    { start: at, end: at, text: `${above.join('\n')}\n` },
    { ...edit, text: `${edit.text}${GAP}` },
  ];
}

/** What each app of a file sets: what one of them alone sets, another may miss. */
function alwaysSet(variables: readonly ReadonlyMap<string, string>[]): Set<string> {
  const [first, ...others] = variables;
  return new Set([...(first?.keys() ?? [])].filter((name) => others.every((other) => other.has(name))));
}
