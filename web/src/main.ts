import { Api } from "./data/api";
import { copyId, workerId } from "./data/copy-format";
import { OfflineApi } from "./data/offline-api";
import { setWorkerCode } from "./data/picker";
import { App } from "./page/app";

async function start(): Promise<void> {
  const copy = document.getElementById(copyId);
  const worker = document.getElementById(workerId);
  if (worker?.textContent) setWorkerCode(worker.textContent);
  const api = copy?.textContent ? await OfflineApi.open(copy.textContent) : new Api();
  const app = new App(document.getElementById("app")!, api);
  // The console and the tests reach the page by this name.
  (window as unknown as { dvi: App }).dvi = app;
  // To a notebook that frames the page; it says nothing that only some may hear.
  if (window.parent !== window) window.parent.postMessage("dvi: here", "*");
  await app.start();
}

void start();
