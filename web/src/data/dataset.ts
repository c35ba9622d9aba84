import type { Frame, PlotData } from "../renderer/scene";
import type { Api, Influence, Landscape, RunInfo, Samples, ViewInfo } from "./api";
import { Cache } from "./cache";

/** Everything of one epoch that the page draws at once. */
export interface EpochData extends Frame {
  readonly epoch: number;
  readonly samples: Samples;
}

const roles: Record<string, { shape: number; rank: number }> = {
  train: { shape: 0, rank: 1 },
  unlabelled: { shape: 4, rank: 0 },
  test: { shape: 1, rank: 2 },
  adversarial: { shape: 3, rank: 4 },
};

/** Glyph of a group and how far on top it is drawn, by its role. */
export function roleGlyph(role: string): { shape: number; rank: number } {
  return roles[role] ?? { shape: 2, rank: 3 };
}

/**
 * Sample ids in drawing order: groups of higher rank on top, and within a group a fixed shuffle, so that no class lies
 * above another only because it was stored later.
 */
export function drawingOrder(groups: RunInfo["groups"], count: number): Uint32Array {
  const order = new Uint32Array(count);
  const sorted = [...groups].sort((a, b) => roleGlyph(a.role).rank - roleGlyph(b.role).rank);
  let at = 0;
  for (const group of sorted) {
    const step = coprimeStep(group.count);
    for (let i = 0, j = 0; i < group.count; ++i, j += step) {
      if (j >= group.count) j -= group.count;
      order[at++] = group.begin + j;
    }
  }
  return order.subarray(0, at);
}

/** A step near 0.618 of `count` that visits every index once. */
function coprimeStep(count: number): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  let step = Math.max(1, Math.round(count * 0.6180339887));
  while (gcd(count, step) !== 1) step++;
  return count <= 2 ? 1 : step % count;
}

/** One view of one run: what is known of it and the epochs loaded so far. */
export class Dataset {
  readonly classes: readonly string[];
  readonly count: number;
  /** -1 = no label */
  labels: Int32Array = new Int32Array();
  plot!: PlotData;

  private readonly epochs: Cache<EpochData>;
  private readonly landscapes: Cache<Landscape>;
  private readonly columns = new Cache<Float32Array>(64e6, (c) => c.byteLength);
  private readonly moves = new Cache<Uint16Array>(32e6, (m) => m.byteLength);
  private readonly sets = new Cache<Uint8Array>(32e6, (c) => c.byteLength);

  private constructor(
    readonly api: Api,
    readonly runId: number,
    readonly viewName: string,
    public run: RunInfo,
    public view: ViewInfo,
    onDrop: (frame: EpochData) => void,
  ) {
    this.classes = run.classes;
    this.count = run.sample_count;
    this.epochs = new Cache(
      600e6,
      (e) => e.positions.byteLength + e.samples.confidence.length * 9,
      (_, frame) => onDrop(frame),
    );
    this.landscapes = new Cache(200e6, (l) => l.size * l.size * 5);
  }

  static async open(
    api: Api,
    run: number,
    view: string | null,
    onDrop: (frame: EpochData) => void,
  ): Promise<Dataset> {
    const labels = api.labels(run);
    labels.catch(() => {});
    const named = view ? api.view(run, view) : null;
    named?.catch(() => {});
    const info = await api.run(run);
    const name = view ?? info.views[0];
    if (name === undefined)
      throw new Error(
        `The run "${info.name}" has no view yet. Make one with \`dvi fit\`, and it appears here.`,
      );
    const viewInfo = await (named ?? api.view(run, name));
    const set = new Dataset(api, run, name, info, viewInfo, onDrop);
    set.labels = await labels;
    set.makePlot();
    return set;
  }

  /** Asks whether another run has taken this one's place on disk: its samples and classes are others. */
  async replaced(): Promise<boolean> {
    return (await this.api.run(this.runId)).key !== this.run.key;
  }

  /** Asks again what the run and view hold. Returns true when earlier arrays no longer fit the view. */
  async refresh(): Promise<boolean> {
    const [run, view] = await Promise.all([
      this.api.run(this.runId),
      this.api.view(this.runId, this.viewName),
    ]);
    const changed = view.key !== this.view.key;
    this.run = run;
    this.view = view;
    if (changed) {
      this.epochs.clear();
      this.landscapes.clear();
      this.moves.clear();
      this.makePlot();
    }
    return changed;
  }

  get fitted(): readonly number[] {
    return this.view.epochs;
  }

  /** Names what this data set shows, for caches. */
  get key(): string {
    return `${this.runId}/${this.viewName}/${this.view.key}`;
  }

  peekEpoch(epoch: number): EpochData | undefined {
    return this.epochs.peek(String(epoch));
  }

  hasEpoch(epoch: number): boolean {
    return this.epochs.has(String(epoch));
  }

  epoch(epoch: number): Promise<EpochData> {
    const { api, runId, viewName, count } = this;
    const key = this.view.key;
    return this.epochs.get(String(epoch), async () => {
      const [positions, samples] = await Promise.all([
        api.positions(runId, viewName, epoch, key),
        api.samples(runId, viewName, epoch, key, count),
      ]);
      if (positions.length !== 2 * count)
        throw new Error(`The server sent ${positions.length / 2} positions instead of ${count}.`);
      return { key: `${this.key}/${epoch}`, epoch, positions, predictions: samples.predictions, samples };
    });
  }

  peekLandscape(epoch: number, size: number): Landscape | undefined {
    return this.landscapes.peek(`${epoch}/${size}`);
  }

  landscape(epoch: number, size: number): Promise<Landscape> {
    return this.landscapes.get(`${epoch}/${size}`, () =>
      this.api.territory(this.runId, this.viewName, epoch, this.view.key, size),
    );
  }

  column(name: string, epoch: number): Promise<Float32Array> {
    const perEpoch = this.run.columns.find((c) => c.name === name)?.per_epoch ?? false;
    return this.columns.get(perEpoch ? `${name}@${epoch}` : name, () =>
      this.api.column(this.runId, name, perEpoch ? epoch : null),
    );
  }

  /** How far each sample was moved after the fit, 65535 = the extent's side; empty where the epoch does not tell. */
  moved(epoch: number): Promise<Uint16Array> {
    return this.moves.get(String(epoch), () =>
      this.api.moved(this.runId, this.viewName, epoch, this.view.key),
    );
  }

  /** Who pushed those of `ids` that changed between two epochs. */
  influence(ids: readonly number[], from: number, to: number): Promise<Influence> {
    return this.api.influence(this.runId, ids, from, to);
  }

  trainingSet(epoch: number): Promise<Uint8Array> {
    return this.sets.get(String(epoch), () => this.api.trainingSet(this.runId, epoch));
  }

  groupOf(id: number): number {
    return this.run.groups.findIndex((g) => id >= g.begin && id < g.begin + g.count);
  }

  /** What the user calls an epoch. */
  epochName(epoch: number): string {
    return this.run.epoch_names?.[epoch] ?? String(epoch);
  }

  /** The number of the epoch that the user calls so; NaN if there is none. */
  epochCalled(name: string): number {
    const named = Object.entries(this.run.epoch_names ?? {}).find(([, n]) => n === name.trim());
    return Number(named ? named[0] : name);
  }

  className(index: number): string {
    return this.classes[index] ?? "none";
  }

  private makePlot(): void {
    const labels = new Uint16Array(this.count);
    for (let i = 0; i < this.count; ++i) labels[i] = this.labels[i]! < 0 ? 65535 : this.labels[i]!;
    const shapes = new Uint8Array(this.count);
    for (const group of this.run.groups)
      shapes.fill(roleGlyph(group.role).shape, group.begin, group.begin + group.count);
    this.plot = {
      key: this.key,
      count: this.count,
      extent: this.view.extent,
      labels,
      shapes,
      order: drawingOrder(this.run.groups, this.count),
    };
  }
}
