// Stand-in for another Python debugger, which is not to be had here: it takes every Python file by default, as those do, and tells
// in a notification what it was asked to debug.
const vscode = require('vscode');

const current = () => ({
  type: 'python',
  request: 'launch',
  name: 'Python: Current File',
  program: vscode.window.activeTextEditor?.document.fileName ?? '',
});

class Adapter {
  constructor(program) {
    this.program = program;
    this.sent = new vscode.EventEmitter();
    this.onDidSendMessage = this.sent.event;
  }
  handleMessage({ seq, command }) {
    this.sent.fire({ seq: 0, type: 'response', request_seq: seq, command, success: true, body: {} });
    if (command === 'initialize') this.sent.fire({ seq: 0, type: 'event', event: 'initialized' });
    if (command !== 'launch') return;
    void vscode.window.showInformationMessage(`The other debugger runs ${this.program}`);
    this.sent.fire({ seq: 0, type: 'event', event: 'terminated' });
  }
  dispose() {
    this.sent.dispose();
  }
}

exports.activate = (context) => {
  const provider = {
    provideDebugConfigurations: () => [current()],
    resolveDebugConfiguration: (_folder, config) => (config.type ? config : current()),
  };
  const { Initial, Dynamic } = vscode.DebugConfigurationProviderTriggerKind;
  context.subscriptions.push(
    vscode.debug.registerDebugConfigurationProvider('python', provider, Initial),
    vscode.debug.registerDebugConfigurationProvider('python', provider, Dynamic),
    vscode.debug.registerDebugAdapterDescriptorFactory('python', {
      createDebugAdapterDescriptor: ({ configuration }) =>
        new vscode.DebugAdapterInlineImplementation(new Adapter(configuration.program)),
    }),
  );
};
