// "Open DVI run": the viewer of a run directory in a tab. It runs where the files are (extensionKind "workspace"), so
// over Remote - SSH, WSL and containers the server starts there and asExternalUri makes its port reachable.
const path = require("node:path");
const vscode = require("vscode");
const { runFolder, serve, framePage } = require("./server");

/** @typedef {{panel: vscode.WebviewPanel, end: () => void}} Shown */
/** @type {Map<string, Shown>} */
const shown = new Map();

/** @param {vscode.Uri | undefined} uri */
async function openRun(uri) {
  if (!uri) {
    const chosen = await vscode.window.showOpenDialog({
      canSelectFolders: true,
      canSelectFiles: false,
      openLabel: "Open DVI run",
    });
    uri = chosen?.[0];
    if (!uri) return;
  }
  try {
    const run = runFolder(uri.fsPath);
    const open = shown.get(run);
    if (open) return open.panel.reveal();
    const program = vscode.workspace.getConfiguration("dvi").get("program", "dvi");
    const server = await serve(program, run);
    const address = await vscode.env.asExternalUri(vscode.Uri.parse(server.url));
    const panel = vscode.window.createWebviewPanel("dvi.run", path.basename(run), vscode.ViewColumn.Active, {
      enableScripts: true,
      retainContextWhenHidden: true,
    });
    panel.webview.html = framePage(address.toString(true));
    shown.set(run, { panel, end: server.end });
    panel.onDidDispose(() => {
      shown.delete(run);
      server.end();
    });
    void server.ended.then(() => {
      if (shown.has(run)) void vscode.window.showWarningMessage(`The server of ${path.basename(run)} has ended.`);
    });
  } catch (error) {
    void vscode.window.showErrorMessage(`DVI: ${error instanceof Error ? error.message : error}`);
  }
}

/** @param {vscode.ExtensionContext} context */
function activate(context) {
  context.subscriptions.push(vscode.commands.registerCommand("dvi.openRun", openRun));
}

function deactivate() {
  for (const { end } of shown.values()) end();
  shown.clear();
}

module.exports = { activate, deactivate };
