// What a link restores and what the browser remembers. Times are kept as epoch numbers, because a place in the list of
// fitted epochs means another epoch once the list grows.

import { initialState, type Layer, type State } from "./store";

const remembered = [
  "theme",
  "layers",
  "speed",
  "loop",
  "pointScale",
  "panel",
  "legendOpen",
  "resolution",
  "throughHidden",
  "equalAxes",
] as const satisfies readonly (keyof State)[];
const storageKey = "dvi.settings";
const layers: readonly Layer[] = [
  "territory",
  "points",
  "names",
  "rings",
  "boundary",
  "trails",
  "neighbors",
  "trust",
  "diff",
];

/** Epoch number at a place of the list of epochs, between two of them interpolated. */
export function epochAt(epochs: readonly number[], time: number): number {
  if (epochs.length === 0) return 0;
  const t = Math.min(Math.max(time, 0), epochs.length - 1);
  const i = Math.floor(t);
  const next = epochs[Math.min(i + 1, epochs.length - 1)]!;
  return epochs[i]! + (next - epochs[i]!) * (t - i);
}

/** The inverse of epochAt, clamped to the list. */
export function timeOf(epochs: readonly number[], epoch: number): number {
  if (epochs.length === 0 || epoch <= epochs[0]!) return 0;
  for (let i = 1; i < epochs.length; ++i) {
    if (epoch <= epochs[i]!) return i - 1 + (epoch - epochs[i - 1]!) / (epochs[i]! - epochs[i - 1]!);
  }
  return epochs.length - 1;
}

/** Sorted ids as ranges: 1-3,7 */
export function packIds(ids: readonly number[]): string {
  const sorted = [...new Set(ids)].sort((a, b) => a - b);
  const out: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let j = i;
    while (j + 1 < sorted.length && sorted[j + 1] === sorted[j]! + 1) j++;
    out.push(j === i ? `${sorted[i]}` : `${sorted[i]}-${sorted[j]}`);
    i = j + 1;
  }
  return out.join(",");
}

export function unpackIds(text: string): number[] {
  const out: number[] = [];
  for (const part of text.split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!match) continue;
    const from = Number(match[1]);
    const to = Math.min(Number(match[2] ?? from), from + 1_000_000);
    for (let id = from; id <= to; ++id) out.push(id);
  }
  return out;
}

/** The state as the part of a link after #. Selections too long for a link are left out. */
export function toHash(state: State, epochs: readonly number[]): string {
  const p = new URLSearchParams();
  if (state.run !== 0) p.set("run", String(state.run));
  if (state.view) p.set("view", state.view);
  if (epochs.length) p.set("epoch", String(Number(epochAt(epochs, state.time).toFixed(3))));
  if (state.camera) p.set("camera", state.camera.map((v) => Number(v.toPrecision(6))).join(","));
  if (state.colorBy !== initialState.colorBy) p.set("color", state.colorBy);
  if (state.solo.length) p.set("solo", packIds(state.solo));
  if (state.hiddenGroups.length) p.set("hide", state.hiddenGroups.join(","));
  if (state.filter) p.set("filter", state.filter);
  if (state.filter && state.filterEpoch >= 0) p.set("filterEpoch", String(state.filterEpoch));
  if (state.acrossEpochs === "each") p.set("across", "each");
  if (state.focus >= 0) p.set("sample", String(state.focus));
  if (state.reference >= 0) p.set("reference", String(state.reference));
  if (state.panel !== initialState.panel) p.set("panel", state.panel ?? "none");
  if (state.layers.join() !== initialState.layers.join()) p.set("layers", state.layers.join(","));
  if (state.compare)
    p.set("compare", `${state.compare.run ?? ""}:${state.compare.view ?? ""}:${state.compare.offset}`);
  if (state.selection.length) {
    const packed = packIds(state.selection);
    if (packed.length <= 4000) p.set("selected", packed);
  }
  return p.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/");
}

/** What a link says, and the epoch it asks for (known only once the view's epochs are). */
export function fromHash(hash: string): { patch: Partial<State>; epoch: number | null } {
  const p = new URLSearchParams(hash.replace(/^#/, ""));
  const patch: Partial<State> = {};
  const number = (name: string) => {
    const text = p.get(name);
    const value = text === null || text === "" ? Number.NaN : Number(text);
    return Number.isFinite(value) ? value : null;
  };
  const run = number("run");
  if (run !== null) patch.run = run;
  if (p.get("view")) patch.view = p.get("view");
  const camera = p.get("camera")?.split(",").map(Number);
  if (camera?.length === 3 && camera.every(Number.isFinite))
    patch.camera = camera as [number, number, number];
  if (p.get("color")) patch.colorBy = p.get("color")!;
  if (p.get("solo")) patch.solo = unpackIds(p.get("solo")!);
  if (p.get("hide")) patch.hiddenGroups = p.get("hide")!.split(",");
  if (p.get("filter")) patch.filter = p.get("filter")!;
  const filterEpoch = number("filterEpoch");
  if (filterEpoch !== null) patch.filterEpoch = filterEpoch;
  if (p.get("across") === "each") patch.acrossEpochs = "each";
  const sample = number("sample");
  if (sample !== null) patch.focus = sample;
  const reference = number("reference");
  if (reference !== null) patch.reference = reference;
  if (p.get("panel")) patch.panel = p.get("panel") === "none" ? null : p.get("panel");
  if (p.has("layers"))
    patch.layers = p
      .get("layers")!
      .split(",")
      .filter((l): l is Layer => (layers as readonly string[]).includes(l));
  const compare = p.get("compare")?.split(":");
  if (compare?.length === 3)
    patch.compare = {
      run: compare[0] ? Number(compare[0]) : null,
      view: compare[1] || null,
      offset: Number(compare[2]) || 0,
    };
  if (p.get("selected")) patch.selection = unpackIds(p.get("selected")!);
  return { patch, epoch: number("epoch") };
}

export function loadSettings(storage: Pick<Storage, "getItem">): Partial<State> {
  try {
    const saved = JSON.parse(storage.getItem(storageKey) ?? "{}") as Record<string, unknown>;
    const patch: Record<string, unknown> = {};
    for (const key of remembered) {
      const value = saved[key];
      if (value === undefined) continue;
      if (value === null ? key === "panel" : typeof value === typeof initialState[key] || key === "panel")
        patch[key] = value;
    }
    return patch as Partial<State>;
  } catch {
    return {};
  }
}

export function saveSettings(storage: Pick<Storage, "setItem">, state: State): void {
  try {
    storage.setItem(storageKey, JSON.stringify(Object.fromEntries(remembered.map((k) => [k, state[k]]))));
  } catch {
    // private windows may refuse storage: the page works without
  }
}
