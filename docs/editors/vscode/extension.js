// Starts `flowright lsp` and carries out what the lenses above flows ask for.
const fs = require('fs');
const path = require('path');
const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

let client;

function program() {
  return vscode.workspace.getConfiguration('flowright').get('path', 'flowright');
}

// What a flow is run with: the event and the mocks beside it.
function beside(file) {
  const folder = path.dirname(file);
  const given = [];
  for (const [option, name] of [['--event', 'event.json'], ['--mocks', 'mocks.json']]) {
    const found = path.join(folder, name);
    if (fs.existsSync(found)) given.push(option, found);
  }
  return given;
}

// Runs the program in a terminal, without a shell between.
async function inTerminal(name, args, file) {
  const task = new vscode.Task(
    { type: 'flowright', args },
    vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file)) ?? vscode.TaskScope.Workspace,
    name,
    'flowright',
    new vscode.ProcessExecution(program(), args, { cwd: path.dirname(file) }),
  );
  await vscode.tasks.executeTask(task);
}

async function start() {
  const run = { command: program(), args: ['lsp'] };
  const watched = vscode.workspace.createFileSystemWatcher('**/*.{yaml,json}');
  client = new LanguageClient('flowright', 'Flowright', { run, debug: run }, {
    documentSelector: [{ scheme: 'file', language: 'yaml' }],
    synchronize: { fileEvents: watched },
  });
  await client.start();
}

exports.activate = async (context) => {
  const command = (name, action) =>
    context.subscriptions.push(vscode.commands.registerCommand(name, action));
  command('flowright.run', (file) =>
    inTerminal('Run', ['run', path.dirname(file), ...beside(file)], file));
  command('flowright.runUntil', (file, action) =>
    inTerminal('Run up to here', ['run', path.dirname(file), '--until', action, ...beside(file)], file));
  command('flowright.test', (file) => inTerminal('Test', ['test', path.dirname(file)], file));
  command('flowright.restart', async () => {
    await client?.stop();
    await start();
  });
  await start();
};

exports.deactivate = () => client?.stop();
