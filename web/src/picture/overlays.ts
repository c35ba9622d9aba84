import { classColor } from "../color/palette";
import { signal, unit } from "../color/theme";
import type { Api } from "../data/api";
import { Cache } from "../data/cache";
import type { Dataset } from "../data/dataset";
import type { Segments } from "../renderer/lines";
import { Mark } from "../renderer/marks";
import type { Highlight, Link } from "../renderer/scene";
import type { State } from "../state/store";
import type { Pane } from "./pane";

const trailLimit = 200;
const trustCells = 128;

/** Trails as strokes: past epochs solid and growing wider towards the present, the future faint and thin. */
export function trailSegments(
  places: Uint16Array,
  epochs: number,
  colors: readonly (readonly [number, number, number])[],
  time: number,
  strength: readonly number[],
): Segments {
  const trails = epochs > 0 ? places.length / (2 * epochs) : 0;
  const count = trails * Math.max(0, epochs - 1);
  const ends = new Float32Array(count * 4);
  const tones = new Float32Array(count * 8);
  const strokes = new Float32Array(count * 3);
  let at = 0;
  for (let k = 0; k < trails; ++k) {
    const [r, g, b] = colors[k]!;
    for (let t = 0; t + 1 < epochs; ++t) {
      const o = (k * epochs + t) * 2;
      for (let c = 0; c < 4; ++c) ends[at * 4 + c] = places[o + c]! / 65535;
      const full = strength[k] ?? 1;
      const tone = (e: number) =>
        full * (e <= time + 1e-6 ? 0.25 + (0.75 * e) / Math.max(1, epochs - 1) : 0.3);
      tones.set([r / 255, g / 255, b / 255, tone(t), r / 255, g / 255, b / 255, tone(t + 1)], at * 8);
      const width = (e: number) => 0.8 + (2.6 * e) / Math.max(1, epochs - 1);
      const future = t + 1 > time + 1e-6;
      strokes.set(future ? [1, 1, 3] : [width(t), width(t + 1), 0], at * 3);
      at++;
    }
  }
  return { count, ends, colors: tones, strokes };
}

/** Cells of two landscapes that hold different classes, as 255, and how many there are. */
export function changedCells(a: Uint16Array, b: Uint16Array): { cells: Uint8Array; count: number } {
  const cells = new Uint8Array(a.length);
  let count = 0;
  for (let i = 0; i < cells.length; ++i)
    if (a[i] !== b[i]) {
      cells[i] = 255;
      count++;
    }
  return { cells, count };
}

/**
 * What is laid over one pane beyond its points: trails, neighbour lines, boundary samples, how far the picture is to be
 * trusted, and what changed since a reference epoch. Each is fetched only while its layer is on.
 */
export class Overlays {
  /** share of the territory that changed class since the reference epoch; null = not shown */
  changedShare: number | null = null;
  /** samples whose prediction differs between the reference epoch and the one shown */
  crossed: readonly number[] = [];
  onChange: () => void = () => {};

  private readonly boundary = new Cache<{ positions: Uint16Array; classes: Uint16Array }>(
    32e6,
    (b) => b.positions.byteLength * 2,
  );
  private readonly distances = new Cache<Uint8Array>(16e6, (d) => d.byteLength);
  private readonly neighbors = new Cache<{ features: number[]; plane: number[] }>(4e6, () => 400);
  private readonly trails = new Cache<{ epochs: number; places: Uint16Array }>(
    32e6,
    (t) => t.places.byteLength,
  );
  private shownBoundary = "";
  private shownDistances = "";
  private shownDiff = "";
  private wantedTrails = "";
  private wantedNeighbors = "";
  /** `main`: how many of the ids, from the first, are looked at rather than only selected */
  private trailData: { epochs: number; places: Uint16Array; ids: readonly number[]; main: number } | null =
    null;

  constructor(
    private readonly api: Api,
    private readonly pane: Pane,
    private readonly fail: (message: string) => void,
  ) {}

  get data(): Dataset {
    return this.pane.data;
  }

  /** Brings every layer in step with the state; `hovered` is the sample under the pointer or -1. */
  update(state: State, hovered: number): void {
    const epoch = this.pane.epoch;
    if (!epoch) return;
    const on = (layer: State["layers"][number]) => state.layers.includes(layer);
    if (on("boundary")) void this.showBoundary(epoch.epoch);
    if (on("trust")) void this.showDistances(epoch.epoch);
    else if (this.shownDistances) {
      this.shownDistances = "";
      this.pane.scene.setDistances(null);
    }
    void this.showDiff(state, on("diff") && state.reference >= 0 && state.reference !== epoch.epoch);
    void this.showTrails(state, on("trails") ? hovered : -2);
    if (state.pushers.length && hovered < 0) this.showPushers(state);
    else void this.showNeighbors(epoch.epoch, on("neighbors") ? (hovered >= 0 ? hovered : state.focus) : -1);
  }

  /** Trails depend on the time as well as on the samples. */
  drawTrails(): void {
    const { trailData } = this;
    if (!trailData) return;
    const classes = this.data.classes.length;
    // The one or two samples looked at stand out; a selection of many is a faint bundle in its classes' colours.
    const { ink } = this.pane.currentTheme;
    const { ids } = trailData;
    const colors = ids.map((id, k) =>
      k < trailData.main ? ink : classColor(Math.max(0, this.data.labels[id]!), classes),
    );
    const faint = Math.max(0.18, Math.min(0.8, 6 / ids.length));
    const strength = ids.map((_, k) => (k < trailData.main ? 1 : faint));
    this.pane.scene.setTrails(
      trailSegments(trailData.places, trailData.epochs, colors, this.pane.time, strength),
    );
  }

  private async showBoundary(epoch: number): Promise<void> {
    const { data, pane } = this;
    const key = `${data.key}/${epoch}`;
    if (this.shownBoundary === key) return;
    this.shownBoundary = key;
    try {
      const found = await this.boundary.get(key, () =>
        this.api.boundary(data.runId, data.viewName, epoch, data.view.key),
      );
      if (this.shownBoundary !== key) return;
      pane.scene.setBoundarySamples(found.positions, found.classes);
      this.onChange();
    } catch (error) {
      this.shownBoundary = "";
      this.fail((error as Error).message);
    }
  }

  private async showDistances(epoch: number): Promise<void> {
    const { data, pane } = this;
    const key = `${data.key}/${epoch}`;
    if (this.shownDistances === key) return;
    this.shownDistances = key;
    try {
      const cells = await this.distances.get(key, () =>
        this.api.distances(data.runId, data.viewName, epoch, data.view.key, trustCells),
      );
      if (this.shownDistances !== key) return;
      pane.scene.setDistances(cells, trustCells);
      this.onChange();
    } catch (error) {
      this.shownDistances = "";
      this.fail((error as Error).message);
    }
  }

  private async showDiff(state: State, on: boolean): Promise<void> {
    const { data, pane } = this;
    if (!on) {
      if (this.shownDiff) {
        this.shownDiff = "";
        this.changedShare = null;
        this.crossed = [];
        pane.scene.setChanges(null);
        pane.setCrossed(null);
        this.onChange();
      }
      return;
    }
    const now = pane.epoch!.epoch;
    const size = state.resolution || data.view.territory.size;
    const key = `${data.key}/${state.reference}-${now}/${size}`;
    if (this.shownDiff === key) return;
    this.shownDiff = key;
    this.changedShare = null;
    try {
      const [a, b, before, after] = await Promise.all([
        data.landscape(state.reference, size),
        data.landscape(now, size),
        data.epoch(state.reference),
        data.epoch(now),
      ]);
      if (this.shownDiff !== key) return;
      const { cells, count } = changedCells(a.classes, b.classes);
      const crossed: number[] = [];
      for (let i = 0; i < data.count; ++i)
        if (before.predictions[i] !== after.predictions[i]) crossed.push(i);
      this.changedShare = count / cells.length;
      this.crossed = crossed;
      pane.scene.setChanges(cells, size);
      pane.setCrossed(crossed);
      this.onChange();
    } catch (error) {
      this.shownDiff = "";
      this.fail((error as Error).message);
    }
  }

  private async showTrails(state: State, hovered: number): Promise<void> {
    const { data, pane } = this;
    const ids =
      hovered === -2
        ? []
        : [
            ...new Set([
              ...(hovered >= 0 ? [hovered] : []),
              state.focus,
              ...state.selection.slice(0, trailLimit),
            ]),
          ].filter((id) => id >= 0 && id < data.count);
    const main = hovered === -2 ? 0 : new Set([hovered, state.focus].filter((id) => id >= 0)).size;
    const key = `${data.key}/${data.fitted.length}/${main}/${ids.join()}`;
    if (this.wantedTrails === key) return;
    this.wantedTrails = key;
    if (ids.length === 0) {
      this.trailData = null;
      pane.scene.setTrails(null);
      this.onChange();
      return;
    }
    try {
      const found = await this.trails.get(key, () => this.api.trails(data.runId, data.viewName, ids));
      if (this.wantedTrails !== key) return;
      this.trailData = { ...found, ids, main };
      this.drawTrails();
      this.onChange();
    } catch (error) {
      this.wantedTrails = "";
      this.fail((error as Error).message);
    }
  }

  /** Lines from the sample in focus to those that pushed it, in the colour of the class each pushed it to. */
  private showPushers(state: State): void {
    const { data, pane } = this;
    const key = `pushers/${data.key}/${state.focus}/${state.pushers.join()}`;
    if (this.wantedNeighbors === key) return;
    this.wantedNeighbors = key;
    pane.neighborMarks = state.pushers.map((id) => ({
      id,
      mark: Mark.Neighbor,
      size: 9,
      first: 0,
      second: 0,
    }));
    pane.scene.setLinks(
      state.pushers.map((to, k) => ({
        from: state.focus,
        to,
        color: [...unit(classColor(Math.max(0, data.labels[to]!), data.classes.length)), 0.95],
        width: 2.6 - (1.4 * k) / state.pushers.length,
        dash: 0,
      })),
    );
    this.onChange();
  }

  private async showNeighbors(epoch: number, id: number): Promise<void> {
    const { data, pane } = this;
    const key = id < 0 || id >= data.count ? "" : `${data.key}/${epoch}/${id}`;
    if (this.wantedNeighbors === key) return;
    this.wantedNeighbors = key;
    if (!key) {
      pane.scene.setLinks([]);
      pane.neighborMarks = [];
      this.onChange();
      return;
    }
    try {
      const found = await this.neighbors.get(key, () =>
        this.api.neighbors(data.runId, data.viewName, epoch, id),
      );
      if (this.wantedNeighbors !== key) return;
      const inFeatures = new Set(found.features);
      const inPlane = new Set(found.plane);
      const ink = unit(pane.currentTheme.ink);
      const lost = unit(signal.lost);
      const links: Link[] = [];
      for (const to of found.plane) {
        const missing = !inFeatures.has(to);
        links.push({
          from: id,
          to,
          color: [...(missing ? lost : ink), missing ? 0.85 : 0.6],
          width: 1.4,
          dash: 4,
        });
      }
      for (const to of found.features) {
        const missing = !inPlane.has(to);
        links.push({
          from: id,
          to,
          color: [...(missing ? lost : ink), missing ? 0.9 : 0.7],
          width: 1.4,
          dash: 0,
        });
      }
      const mark = (to: number): Highlight => ({
        id: to,
        mark: Mark.Neighbor,
        size: 8,
        first: 0,
        second: 0,
      });
      pane.neighborMarks = [...found.features, ...found.plane]
        .filter((to) => !(inFeatures.has(to) && inPlane.has(to)))
        .map(mark);
      pane.scene.setLinks(links);
      this.onChange();
    } catch (error) {
      this.wantedNeighbors = "";
      this.fail((error as Error).message);
    }
  }
}
