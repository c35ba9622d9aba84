const assert = require("node:assert/strict");
const fs = require("node:fs");
const Module = require("node:module");
const os = require("node:os");
const path = require("node:path");
const { after, before, test } = require("node:test");

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dvi vscode ü "));
const run = path.join(folder, "run");
const program = path.join(folder, "dvi");

// What the extension asks of VS Code, and what it was told.
const told = { commands: new Map(), panels: [], errors: [], warnings: [] };
const fake = {
  commands: { registerCommand: (name, action) => (told.commands.set(name, action), { dispose() {} }) },
  workspace: { getConfiguration: () => ({ get: (name, absent) => (name === "program" ? program : absent) }) },
  window: {
    showOpenDialog: async () => [{ fsPath: run }],
    showErrorMessage: (text) => told.errors.push(text),
    showWarningMessage: (text) => told.warnings.push(text),
    createWebviewPanel: (kind, title) => {
      const panel = { kind, title, webview: { html: "" }, revealed: 0 };
      panel.reveal = () => panel.revealed++;
      panel.onDidDispose = (action) => (panel.dispose = action);
      told.panels.push(panel);
      return panel;
    },
  },
  env: { asExternalUri: async (uri) => ({ toString: () => String(uri).replace("127.0.0.1", "forwarded.example") }) },
  Uri: { parse: (text) => text },
  ViewColumn: { Active: -1 },
};
const load = Module._load;
Module._load = (name, ...rest) => (name === "vscode" ? fake : load(name, ...rest));
const extension = require("../extension");
const { runFolder, serve, framePage } = require("../server");

before(() => {
  fs.mkdirSync(run);
  fs.writeFileSync(path.join(run, "run.json"), JSON.stringify({ format: "dvi-run" }));
  fs.writeFileSync(
    program,
    `#!${process.execPath}
if (process.argv[2] !== "serve" || !process.argv.includes("--frames")) process.exit(2);
if (process.argv[3].endsWith("broken")) { console.error("dvi: broken/run.json: expected a run"); process.exit(1); }
if (!process.argv[3].endsWith("silent")) console.log("Serving " + process.argv[3] + " at http://127.0.0.1:8321/");
setInterval(() => {}, 1000);`,
    { mode: 0o755 },
  );
  extension.activate({ subscriptions: [] });
});
after(() => {
  extension.deactivate();
  fs.rmSync(folder, { recursive: true });
});

test("a folder or its run.json is opened once, in a tab that frames the forwarded address", async () => {
  const open = told.commands.get("dvi.openRun");
  await open({ fsPath: run });
  await open({ fsPath: path.join(run, "run.json") });
  await open(undefined);
  assert.deepEqual(told.errors, []);
  assert.equal(told.panels.length, 1);
  assert.equal(told.panels[0].revealed, 2);
  assert.match(told.panels[0].webview.html, /<iframe src="http:\/\/forwarded\.example:8321\/"/);
  assert.match(told.panels[0].webview.html, /frame-src http:\/\/forwarded\.example:8321"/);
  told.panels[0].dispose();
  assert.deepEqual(told.warnings, []);
});

test("what is no run is one sentence", async () => {
  await told.commands.get("dvi.openRun")({ fsPath: folder });
  assert.match(told.errors.at(-1), /is no run: expected a run\.json/);
  fs.writeFileSync(path.join(folder, "run.json"), "{");
  assert.throws(() => runFolder(folder), /was it copied whole/);
  fs.writeFileSync(path.join(folder, "run.json"), '{"format": "other"}');
  assert.throws(() => runFolder(path.join(folder, "run.json")), /not the run.json of a run/);
});

test("a server that does not start says why", async () => {
  await assert.rejects(serve(program, path.join(folder, "broken")), /expected a run$/);
  await assert.rejects(serve(path.join(folder, "nothing"), run), /set dvi\.program/);
  await assert.rejects(serve(program, path.join(folder, "silent"), 300), /did not answer within 0.3 seconds/);
});

test("the address cannot leave its attribute", () => {
  assert.doesNotMatch(framePage('http://a.example/?x="><script>'), /<script>/);
});

test("against the real program, where DVI names it", { skip: !process.env.DVI || !process.env.DVI_RUN }, async () => {
  const server = await serve(process.env.DVI, process.env.DVI_RUN);
  const page = await fetch(server.url);
  assert.match(page.headers.get("content-security-policy"), /frame-ancestors [^;]*vscode-webview:/);
  assert.equal(page.headers.get("x-frame-options"), null);
  server.end();
  await server.ended;
});
