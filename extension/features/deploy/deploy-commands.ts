import * as vscode from 'vscode';
import { type ComparisonAnswer, ComparisonSchema } from '../../../emulator/contract/index.ts';
import type { CommandArgument } from '../../core/app-target.ts';
import { answerTexts } from '../../core/deploy-plan.ts';
import { reporting } from '../rows/reporting.ts';
import type { CommandContext } from '../run/app-commands.ts';
import { endpointPath } from '../run/app-commands.ts';
import { pickApp } from '../run/pick-app.ts';
import { askInput } from '../run/request-input.ts';
import { CliTask } from './cli-task.ts';
import { AppDeployment } from './deploy-app.ts';
import { type DiffFile, DiffTexts } from './diff-texts.ts';
import { falTarget, targetFlags } from './fal-target.ts';

/** Deploy and Compare: what the CLI finds and does, in diff editors, with progress. */
export function registerDeployCommands(context: CommandContext): vscode.Disposable {
  const { apps, runner, emulators, emulatorJs } = context;
  const tasks = new CliTask(emulatorJs);
  const diffs = new DiffTexts();
  const deployment = new AppDeployment(tasks, diffs);
  const command = (name: string, action: (argument: CommandArgument, named?: unknown) => Promise<void>) =>
    vscode.commands.registerCommand(`windtunnel.app.${name}`, reporting(action));
  return vscode.Disposable.from(
    tasks,
    diffs,
    command('deploy', async (argument) => {
      const app = await pickApp(apps, argument);
      if (!app) return;
      await vscode.workspace.saveAll(false);
      await deployment.deploy(app, emulators.of(app.found.file).workspace);
    }),
    command('compare', async (argument, named) => {
      const app = await pickApp(apps, argument);
      const live = app && (app.live ?? (await runner.run(app)));
      if (!live) return;
      const path = endpointPath(argument, named, app);
      const target = path === '/' ? live.id : `${live.id}${path}`;
      const { workspace } = emulators.of(app.found.file);
      const asking = vscode.l10n.t('Compare {0} here and at fal', target);
      // Also where it is known: a request to fal costs, and this says what is sent.
      const input = await askInput(context, { ...app, live }, path, asking);
      if (input === null) return;
      const { environment, ...who } = falTarget(app.found.file);
      // The name of an app of another environment ends with it.
      const remote = ['', 'main'].includes(environment) ? [] : ['--remote', `${live.id}--${environment}`];
      const there = [...remote, ...targetFlags({ ...who, environment: '' })];
      const args = ['compare', target, '--input', input, '--json', '--workspace', workspace, ...there];
      const title = vscode.l10n.t('Windtunnel: the same request here and at fal');
      const answer = await tasks.run(title, args, workspace, ComparisonSchema);
      await diffs.show(comparisonTitle(target, answer), comparedFiles(answer));
    }),
  );
}

function comparisonTitle(target: string, { equal, output, remote }: ComparisonAnswer): string {
  return equal
    ? vscode.l10n.t('{0} here and at {1}: the same output', target, remote.host)
    : vscode.l10n.t('{0} here and at {1}: {2} differences', target, remote.host, output.length);
}

function comparedFiles({ local, remote }: ComparisonAnswer): DiffFile[] {
  const [here, there] = [answerTexts(local), answerTexts(remote)];
  return (['answer.json', 'log.txt', 'times.yaml'] as const).map((name) => {
    return { name, left: here[name], right: there[name] };
  });
}
