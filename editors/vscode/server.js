// `dvi serve` for one run: started, its address read, ended. Knows nothing of VS Code.
const { spawn } = require("node:child_process");
const { existsSync, readFileSync } = require("node:fs");
const path = require("node:path");

/**
 * The run directory that `file` is or belongs to: itself, or the folder of its run.json. Throws an Error that says
 * what was expected.
 * @param {string} file
 * @returns {string}
 */
function runFolder(file) {
  const folder = path.basename(file) === "run.json" ? path.dirname(file) : file;
  const manifest = path.join(folder, "run.json");
  if (!existsSync(manifest)) throw new Error(`${folder} is no run: expected a run.json in it, as a recorder writes`);
  let format;
  try {
    format = JSON.parse(readFileSync(manifest, "utf8")).format;
  } catch {
    throw new Error(`${manifest} is no JSON; was it copied whole?`);
  }
  if (format !== "dvi-run") throw new Error(`${manifest} is not the run.json of a run`);
  return folder;
}

/**
 * Serves `run` on a free port of this machine.
 * @param {string} program
 * @param {string} run
 * @param {number} [patience] milliseconds until it must have said its address
 * @returns {Promise<{url: string, end: () => void, ended: Promise<void>}>}
 */
function serve(program, run, patience = 30000) {
  const child = spawn(program, ["serve", run, "--port", "0", "--frames"], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "", complaint = "";
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill();
      reject(new Error(`${program} serve did not answer within ${patience / 1000} seconds`));
    }, patience);
    child.stderr.on("data", (text) => (complaint += text));
    child.stdout.on("data", (text) => {
      said += text;
      const found = / at (http:\S+)/.exec(said);
      if (!found) return;
      clearTimeout(late);
      resolve({
        url: found[1],
        end: () => void child.kill(),
        ended: new Promise((done) => child.on("exit", () => done())),
      });
    });
    child.on("error", (error) => {
      clearTimeout(late);
      reject(new Error(`${program} could not be started (${error.message}): set dvi.program to where dvi is`));
    });
    child.on("exit", (code) => {
      clearTimeout(late);
      reject(new Error(complaint.trim() || `${program} serve ended with status ${code}`));
    });
  });
}

/**
 * A page that is nothing but a frame of `address`.
 * @param {string} address
 * @returns {string}
 */
function framePage(address) {
  const origin = new URL(address).origin;
  const quoted = address.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; frame-src ${origin}">
<style>html, body, iframe { margin: 0; padding: 0; border: 0; width: 100%; height: 100vh; display: block; overflow: hidden }</style>
</head>
<body><iframe src="${quoted}" title="DeepVisualInsight" allow="clipboard-write; fullscreen"></iframe></body>
</html>`;
}

module.exports = { runFolder, serve, framePage };
