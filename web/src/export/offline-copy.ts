import {
  copyId,
  gzip,
  type StoredAnswer,
  type StoredCopy,
  storedPath,
  toBase64,
  workerId,
} from "../data/copy-format";
import type { Dataset } from "../data/dataset";
import { workerUrl } from "../data/picker";

const imageLimit = 2000;
const atlasLength = 250;

async function textOf(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The page's own file ${url} could not be read.`);
  return response.text();
}

/** The samples whose images go along: the selected ones, then others evenly spread. */
function imageIds(data: Dataset, selection: readonly number[]): number[] {
  const ids = new Set(selection.slice(0, imageLimit));
  const step = Math.max(1, data.count / imageLimit);
  for (let at = 0; at < data.count && ids.size < imageLimit; at += step) ids.add(Math.floor(at));
  return [...ids].sort((a, b) => a - b);
}

/** The page and its data as one HTML file; `hash` is what it shows when it is opened. */
export async function offlineCopy(data: Dataset, selection: readonly number[], hash: string): Promise<Blob> {
  const { runId, viewName, view, run } = data;
  const base = `api/runs/${runId}`;
  const viewBase = `${base}/views/${encodeURIComponent(viewName)}`;
  const answers: Record<string, StoredAnswer> = {
    "api/runs": {
      json: JSON.stringify({ runs: [{ id: runId, name: run.name, views: [viewName] }], version: "copy" }),
    },
    [base]: { json: JSON.stringify({ ...run, views: [viewName] }) },
    [viewBase]: { json: JSON.stringify({ ...view, pending: [] }) },
  };
  const keepJson = async (path: string) => {
    const response = await fetch(path);
    if (response.ok) answers[storedPath(path)] = { json: await response.text() };
  };
  const keepBytes = async (path: string) => {
    const response = await fetch(path);
    if (!response.ok) throw new Error(`The server did not give ${path.split("?")[0]}.`);
    answers[storedPath(path)] = { bytes: toBase64(new Uint8Array(await response.arrayBuffer())) };
  };
  await keepBytes(`${base}/labels`);
  await keepJson(`${base}/selections`);
  await keepJson(`${viewBase}/suspects?limit=100`);
  await keepJson(`${viewBase}/findings`);
  const kinds = view.events.kinds.map((_, k) => k).join(",");
  if (view.epochs.length)
    await keepJson(`${viewBase}/events?from=${view.epochs[0]}&to=${view.epochs.at(-1)}&kinds=${kinds}`);
  for (const column of run.columns)
    if (!column.per_epoch) await keepBytes(`${base}/columns/${encodeURIComponent(column.name)}`);
  const key = `v=${encodeURIComponent(view.key)}`;
  for (const epoch of view.epochs) {
    const at = `${viewBase}/epochs/${epoch}`;
    await Promise.all([
      keepBytes(`${at}/positions?${key}`),
      keepBytes(`${at}/samples?${key}`),
      view.moved && keepBytes(`${at}/moved?${key}`),
      keepBytes(`${at}/territory?size=${view.territory.size}&${key}`),
      keepBytes(`${at}/boundary?${key}`),
      keepBytes(`${at}/trust?size=128&${key}`),
      run.training_sets && keepBytes(`${base}/training_set?epoch=${epoch}`),
      ...run.columns
        .filter((c) => c.per_epoch)
        .map((c) => keepBytes(`${base}/columns/${encodeURIComponent(c.name)}?epoch=${epoch}`)),
    ]);
  }
  const atlases: StoredCopy["atlases"] = [];
  if (run.inputs?.kind === "image") {
    const ids = imageIds(data, selection);
    for (let i = 0; i < ids.length; i += atlasLength) {
      const part = ids.slice(i, i + atlasLength);
      const response = await fetch(data.api.thumbnailsUrl(runId, part, 32));
      if (response.ok)
        atlases.push({ ids: part, size: 32, png: toBase64(new Uint8Array(await response.arrayBuffer())) });
    }
  }
  const packed = toBase64(await gzip(JSON.stringify({ answers, atlases } satisfies StoredCopy)));

  const script = document.querySelector<HTMLScriptElement>("script[type=module][src]");
  const style = document.querySelector<HTMLLinkElement>("link[rel=stylesheet]");
  if (!script || !style) throw new Error("This page is a copy already; save it from the browser instead.");
  const inScript = (code: string) => code.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
  const title = run.name.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return new Blob(
    [
      `<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>${title}</title>\n`,
      `<style>\n${await textOf(style.href)}\n</style>\n</head>\n<body>\n<div id="app"></div>\n`,
      `<script>if (!location.hash) location.replace(${JSON.stringify(`#${hash}`).replaceAll("<", "\\u003c")});</script>\n`,
      `<script type="text/plain" id="${copyId}">${packed}</script>\n`,
      `<script type="text/plain" id="${workerId}">${inScript(await textOf(workerUrl))}</script>\n`,
      `<script type="module">\n${inScript(await textOf(script.src))}\n</script>\n</body>\n</html>\n`,
    ],
    { type: "text/html" },
  );
}
