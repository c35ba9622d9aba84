import { classColor, correctness, paletteBytes, type Rgb, rampBytes } from "./color/palette";
import { type Anchor, territoryAnchors } from "./data/anchors";
import type { Landscape } from "./data/api";
import type { Dataset, EpochData } from "./data/dataset";
import { Picker } from "./data/picker";
import { ColorMode, Flag } from "./renderer/points";
import type { Coloring, Highlight, Scene } from "./renderer/scene";
import type { State } from "./state/store";

/** Groups that change with the epoch, in runs that tell what was in the training set. */
export const freshGroup = "newly selected";
export const poolGroup = "not in the training set";
const Membership = { Pool: 1, New: 2 } as const;

/** How the current colouring reads, for the legend. */
export type Legend =
  | { kind: "categories"; entries: { name: string; color: Rgb }[]; note: string }
  | { kind: "ramp"; from: string; to: string; bytes: Uint8Array; note: string };

/**
 * One picture of the page: a data set seen through a scene. It loads what the time asks for, keeps the scene's colours
 * and flags in step with the state, and knows which samples can be seen.
 */
export class Pane {
  readonly picker: Picker;
  legend: Legend = { kind: "categories", entries: [], note: "" };
  /** Rings around neighbours that only one of the two spaces has. */
  neighborMarks: readonly Highlight[] = [];
  /** Samples kept by the filter; null = all. */
  filterMask: Uint8Array | null = null;
  /** Told when the picture changed in a way that a frame must show. */
  onChange: () => void = () => {};
  /** Told when another epoch became the nearest one shown. */
  onEpoch: () => void = () => {};
  onError: (message: string) => void = () => {};

  private readonly flags: Uint8Array;
  private readonly anchorCache = new WeakMap<
    Landscape,
    { crowd: EpochData | undefined; anchors: Anchor[] }
  >();
  private wantedTime = 0;
  private shown: EpochData | null = null;
  private crossed: readonly number[] | null = null;
  private fresh: Uint8Array | null = null;
  private rampAt: (id: number) => number = () => 0;
  private anchorsA: Anchor[] = [];
  private anchorsB: Anchor[] = [];
  private anchorMixture = 0;
  private coloringKey = "";
  private classesVisible: ((index: number) => boolean) | null = null;
  private categories: Uint16Array | null = null;
  private prefetching = false;
  private closed = false;
  private indexTimer = 0;
  private palette: Uint8Array = paletteBytes(1);
  private ramp: Uint8Array = rampBytes(false);

  constructor(
    readonly scene: Scene,
    readonly data: Dataset,
    private state: State,
    private dark: boolean,
  ) {
    this.picker = new Picker();
    this.flags = new Uint8Array(data.count);
    this.scene.setData(data.plot);
    this.applyTheme(dark);
    this.updateFlags();
  }

  /** The epoch whose predictions and colours are shown; null before the first one came. */
  get epoch(): EpochData | null {
    return this.shown;
  }

  get time(): number {
    return this.wantedTime;
  }

  /** True when the picker has been told of the time shown. */
  get settled(): boolean {
    return this.indexTimer === 0;
  }

  close(): void {
    this.closed = true;
    this.picker.close();
  }

  /** The data set's key changed: everything must be laid anew. */
  reset(): void {
    this.scene.setData(this.data.plot);
    this.picker.reset();
    this.shown = null;
    this.coloringKey = "";
    this.updateFlags();
    this.showTime(this.wantedTime);
  }

  setState(state: State, changed: ReadonlySet<string>): void {
    this.state = state;
    if (changed.has("hiddenGroups") || changed.has("layers")) this.updateFlags();
    if (changed.has("colorBy") || changed.has("solo")) void this.color();
    if (changed.has("resolution")) this.showTime(this.wantedTime);
    if (changed.has("selection")) this.scene.setSelected(this.selectedIds());
    this.applyLook();
  }

  applyTheme(dark: boolean): void {
    this.dark = dark;
    this.ramp = rampBytes(dark);
    const ground: Rgb = dark ? [22, 25, 31] : [250, 250, 251];
    this.scene.setTerritoryStyle({
      palette: paletteBytes(this.data.classes.length),
      ground,
      tint: dark ? [0.1, 0.5] : [0.14, 0.48],
    });
    const unit = (c: Rgb) => c.map((v) => v / 255) as unknown as Rgb;
    this.scene.setTheme({
      background: unit(ground),
      ink: dark ? [0.96, 0.97, 0.98] : [0.08, 0.09, 0.12],
      paper: dark ? [0.08, 0.09, 0.12] : [1, 1, 1],
      paleness: dark ? [0.92, 0.3] : [0.97, 0.5],
      boundary: dark ? [0.93, 0.94, 0.96] : [1, 1, 1],
      outline: dark ? [0.05, 0.06, 0.08, 0.6] : [0.08, 0.09, 0.12, 0.38],
      selected: dark ? [1, 1, 1, 1] : [0.05, 0.06, 0.09, 1],
    });
    this.coloringKey = "";
    void this.color();
    this.applyLook();
    // Before the first showTime nobody knows yet which epoch is wanted, and none should be loaded.
    if (this.shown) this.showTime(this.wantedTime);
  }

  /** Moves to a place in the list of fitted epochs; loads what is missing and shows the nearest until it is here. */
  showTime(time: number): void {
    const epochs = this.data.fitted;
    if (epochs.length === 0) return;
    const t = Math.min(Math.max(time, 0), epochs.length - 1);
    this.wantedTime = t;
    const i = Math.min(Math.floor(t), epochs.length - 1);
    const j = Math.min(i + 1, epochs.length - 1);
    const mixture = t - i;
    const need = mixture === 0 ? [epochs[i]!] : [epochs[i]!, epochs[j]!];
    const frames = need.map((e) => this.data.peekEpoch(e));
    const a = frames[0] ?? frames[1];
    const b = frames[1] ?? frames[0];
    if (a && b) {
      const now = this.scene.frames;
      if (now?.a !== a || now.b !== b) this.scene.setFrames(a, b);
      this.scene.setMixture(mixture);
      const nearest = mixture < 0.5 ? a : b;
      if (this.shown !== nearest) {
        this.shown = nearest;
        void this.color();
        if (this.state.layers.includes("trust")) this.updateFlags();
        void this.findFresh(nearest.epoch);
        this.onEpoch();
      }
      this.scheduleIndex();
    }
    this.showTerritory(need, mixture);
    this.onChange();
    if (frames.some((f) => !f)) this.request(need);
    else this.prefetch(i);
  }

  /** Class names and where they are now, in 0..1 over the extent. */
  anchors(): { index: number; x: number; y: number; share: number; room: number; opacity: number }[] {
    const m = this.anchorMixture;
    const later = new Map(this.anchorsB.map((a) => [a.index, a]));
    const out = [];
    for (const a of this.anchorsA) {
      const b = later.get(a.index);
      later.delete(a.index);
      if (!b) out.push({ ...a, opacity: 1 - m });
      else if (Math.hypot(a.x - b.x, a.y - b.y) > 0.25)
        out.push({ ...(m < 0.5 ? a : b), opacity: Math.abs(1 - 2 * m) });
      else
        out.push({
          index: a.index,
          x: a.x + (b.x - a.x) * m,
          y: a.y + (b.y - a.y) * m,
          share: a.share + (b.share - a.share) * m,
          room: a.room + (b.room - a.room) * m,
          opacity: 1,
        });
    }
    for (const b of later.values()) out.push({ ...b, opacity: m });
    return out;
  }

  /** True where the sample is drawn: its group, the filter and the legend let it be. */
  isVisible(id: number): boolean {
    if (this.flags[id]! & Flag.Hidden) return false;
    if (!this.classesVisible) return true;
    return this.classesVisible(this.categoryOf(id));
  }

  /** Index of the legend entry that sample `id` is coloured by; -1 where colours are a ramp. */
  categoryOf(id: number): number {
    const { colorBy } = this.state;
    const predictions = this.shown?.predictions;
    if (colorBy === "label") {
      const label = this.data.labels[id]!;
      return label >= 0 ? label : (predictions?.[id] ?? -1);
    }
    if (colorBy === "prediction") return predictions?.[id] ?? -1;
    if (colorBy === "correct")
      return this.data.labels[id]! < 0 ? 2 : predictions?.[id] === this.data.labels[id] ? 1 : 0;
    return this.categories?.[id] ?? -1;
  }

  /** The colour that sample `id` has now. */
  colorOf(id: number): Rgb {
    const { legend } = this;
    if (legend.kind === "categories") return legend.entries[this.categoryOf(id)]?.color ?? [140, 140, 140];
    const at = this.rampAt(id) * 4;
    return [legend.bytes[at]!, legend.bytes[at + 1]!, legend.bytes[at + 2]!];
  }

  /** Loads what a time needs and waits for it. */
  async load(time: number): Promise<void> {
    const epochs = this.data.fitted;
    const t = Math.min(Math.max(time, 0), epochs.length - 1);
    const size = this.state.resolution || this.data.view.territory.size;
    const need = new Set([epochs[Math.floor(t)]!, epochs[Math.ceil(t)]!]);
    await Promise.all([...need].flatMap((e) => [this.data.epoch(e), this.data.landscape(e, size)]));
  }

  /** Waits until the colours are those of the epoch shown. */
  async colored(): Promise<void> {
    await this.color();
  }

  /** Samples that changed prediction since the reference epoch; all others are drawn pale. */
  setCrossed(ids: readonly number[] | null): void {
    this.crossed = ids;
    this.updateFlags();
    this.onChange();
  }

  setFilter(mask: Uint8Array | null): void {
    this.filterMask = mask;
    this.updateFlags();
    this.onChange();
  }

  private selectedIds(): Uint32Array {
    return Uint32Array.from(
      this.state.selection.filter((id) => id < this.data.count && !(this.flags[id]! & Flag.Hidden)),
    );
  }

  private updateFlags(): void {
    const { flags, filterMask } = this;
    flags.fill(0);
    for (const group of this.data.run.groups) {
      if (this.state.hiddenGroups.includes(group.name))
        flags.fill(Flag.Hidden, group.begin, group.begin + group.count);
    }
    if (filterMask) for (let i = 0; i < flags.length; ++i) if (!filterMask[i]) flags[i]! |= Flag.Hidden;
    if (this.crossed) {
      for (let i = 0; i < flags.length; ++i) flags[i]! |= Flag.Dimmed;
      for (const id of this.crossed) flags[id]! &= ~Flag.Dimmed;
    }
    if (this.state.layers.includes("trust") && this.shown) {
      const { kept, roundTrip, predictions } = this.shown.samples;
      for (let i = 0; i < flags.length; ++i) {
        if (roundTrip[i] !== predictions[i]) flags[i]! |= Flag.Doubt;
        if (kept[i]! <= 1) flags[i]! |= Flag.Hollow;
      }
    }
    const { fresh } = this;
    if (fresh) {
      const hideFresh = this.state.hiddenGroups.includes(freshGroup);
      const hidePool = this.state.hiddenGroups.includes(poolGroup);
      for (let i = 0; i < fresh.length; ++i) {
        if (fresh[i] === Membership.New) flags[i]! |= hideFresh ? Flag.Hidden : Flag.New;
        else if (fresh[i] === Membership.Pool) flags[i]! |= hidePool ? Flag.Hidden : Flag.Hollow;
      }
    }
    this.scene.setFlags(flags);
    this.scene.setSelected(this.selectedIds());
  }

  /** Who joined the training set at this epoch and who is not in it yet, where the run tells. */
  private async findFresh(epoch: number): Promise<void> {
    if (!this.data.run.training_sets) return;
    const epochs = this.data.fitted;
    const before = epochs[epochs.indexOf(epoch) - 1];
    try {
      const [now, then] = await Promise.all([
        this.data.trainingSet(epoch),
        before === undefined ? null : this.data.trainingSet(before),
      ]);
      if (this.shown?.epoch !== epoch) return;
      const fresh = new Uint8Array(this.data.count);
      const onTop: number[] = [];
      for (const group of this.data.run.groups) {
        if (group.role === "test" || group.role === "adversarial") continue;
        for (let i = group.begin; i < group.begin + group.count; ++i) {
          if (!now[i]) fresh[i] = Membership.Pool;
          else if (then && !then[i]) {
            fresh[i] = Membership.New;
            onTop.push(i);
          }
        }
      }
      this.fresh = fresh;
      this.scene.setOrder(this.orderWith(onTop));
      this.updateFlags();
      this.onChange();
    } catch (error) {
      this.onError((error as Error).message);
    }
  }

  /** The drawing order with these samples on top of all others. */
  private orderWith(onTop: readonly number[]): Uint32Array {
    const { order } = this.data.plot;
    if (onTop.length === 0) return order;
    const top = new Set(onTop);
    const out = order.filter((id) => !top.has(id));
    const all = new Uint32Array(order.length);
    all.set(out);
    all.set(onTop, out.length);
    return all;
  }

  private applyLook(): void {
    const { scene, state } = this;
    const has = (layer: State["layers"][number]) => state.layers.includes(layer);
    scene.showTerritory = has("territory");
    scene.showPoints = has("points");
    scene.showBoundarySamples = has("boundary");
    scene.pointScale = state.pointScale;
    scene.setLook({ rings: has("rings") });
    this.onChange();
  }

  private showTerritory(need: readonly number[], mixture: number): void {
    const size = this.state.resolution || this.data.view.territory.size;
    const lands = need.map((e) => this.data.peekLandscape(e, size));
    const keyed = (k: number) => {
      const land = lands[k];
      return land ? { key: `${need[k]}/${size}`, land, epoch: need[k]! } : null;
    };
    const a = keyed(0) ?? keyed(1);
    if (a) {
      const b = keyed(1) ?? a;
      this.scene.setLandscapes(a, b);
      this.anchorsA = this.anchorsOf(a);
      this.anchorsB = this.anchorsOf(b);
      this.anchorMixture = mixture;
    }
    need.forEach((epoch, k) => {
      if (lands[k]) return;
      this.data.landscape(epoch, size).then(
        () => this.arrived(epoch),
        (error: Error) => this.onError(error.message),
      );
    });
  }

  private anchorsOf({ land, epoch }: { land: Landscape; epoch: number }): Anchor[] {
    const crowd = this.data.peekEpoch(epoch);
    let known = this.anchorCache.get(land);
    if (!known || known.crowd !== crowd) {
      known = { crowd, anchors: territoryAnchors(land, crowd) };
      this.anchorCache.set(land, known);
    }
    return known.anchors;
  }

  private request(epochs: readonly number[]): void {
    for (const epoch of epochs) {
      if (this.data.hasEpoch(epoch)) continue;
      this.data.epoch(epoch).then(
        () => this.arrived(epoch),
        (error: Error) => this.onError(error.message),
      );
    }
  }

  private arrived(epoch: number): void {
    if (this.closed) return;
    const epochs = this.data.fitted;
    const i = Math.floor(this.wantedTime);
    if (epoch === epochs[i] || epoch === epochs[i + 1]) this.showTime(this.wantedTime);
  }

  /** Loads the other epochs one by one, nearest and forward first, as far as memory allows. */
  private async prefetch(from: number): Promise<void> {
    if (this.prefetching || this.closed) return;
    this.prefetching = true;
    const epochs = this.data.fitted;
    const room = Math.max(2, Math.floor(450e6 / (this.data.count * 13 + 300_000)));
    const order = epochs
      .map((epoch, k) => ({ epoch, far: k >= from ? (k - from) * 2 : (from - k) * 2 + 1 }))
      .sort((a, b) => a.far - b.far)
      .slice(0, room);
    const size = this.state.resolution || this.data.view.territory.size;
    try {
      for (const { epoch } of order) {
        if (this.closed || Math.abs(Math.floor(this.wantedTime) - from) > 3) break;
        if (this.data.hasEpoch(epoch) && this.data.peekLandscape(epoch, size)) continue;
        await Promise.all([this.data.epoch(epoch), this.data.landscape(epoch, size)]);
      }
    } catch {
      // Only a wish: what is really needed is asked for again, and then an error is shown.
    }
    this.prefetching = false;
  }

  /** The index follows once the time has rested for a moment; while it moves, picking waits. */
  private scheduleIndex(): void {
    const now = this.scene.frames;
    if (!now) return;
    clearTimeout(this.indexTimer);
    this.indexTimer = window.setTimeout(() => {
      this.indexTimer = 0;
      const frames = this.scene.frames;
      if (!frames || this.closed) return;
      this.picker.setTime(frames.a, frames.b, frames.mixture);
    }, 30);
  }

  private async color(): Promise<void> {
    const { colorBy, solo } = this.state;
    const shown = this.shown;
    const perEpoch = !["label", "prediction", "correct", "group"].includes(colorBy);
    const key = `${colorBy}/${solo.join()}/${perEpoch ? shown?.key : ""}`;
    if (key === this.coloringKey) return;
    const soloed = solo.length ? new Set(solo) : null;
    const visible = soloed ? (i: number) => soloed.has(i) : null;
    const classCount = this.data.classes.length;
    const isClass = colorBy === "label" || colorBy === "prediction";
    this.palette = paletteBytes(classCount, isClass && visible ? visible : undefined);
    const base = {
      classes: this.palette,
      categories: paletteBytes(1),
      ramp: this.ramp,
      value: null,
      valueKey: key,
    };
    let coloring: Coloring;
    let legend: Legend;
    let rampAt = (_id: number) => 0;
    let categories: Uint16Array | null = null;
    const byte = (bytes: Uint8Array | undefined) => bytes ?? new Uint8Array(this.data.count);
    const ramp = (value: Uint8Array | Uint16Array, from: string, to: string, note: string) => {
      coloring = { ...base, mode: ColorMode.Ramp, value };
      rampAt = (id) => (value instanceof Uint8Array ? value[id]! : value[id]! >> 8);
      legend = { kind: "ramp", from, to, bytes: this.ramp, note };
    };
    const named = (names: readonly string[], value: Uint16Array, note: string, colors?: readonly Rgb[]) => {
      const entries = names.map((name, i) => ({ name, color: colors?.[i] ?? classColor(i, names.length) }));
      const bytes = new Uint8Array(entries.length * 4);
      entries.forEach((e, i) => bytes.set([...e.color, !visible || visible(i) ? 255 : 0], i * 4));
      coloring = { ...base, mode: ColorMode.Category, categories: bytes, value };
      legend = { kind: "categories", entries, note };
      categories = value;
    };
    const classEntries = () =>
      this.data.classes.map((name, i) => ({ name, color: classColor(i, classCount) }));
    if (colorBy === "prediction") {
      coloring = { ...base, mode: ColorMode.Prediction };
      legend = { kind: "categories", entries: classEntries(), note: "ring: the label, where it differs" };
    } else if (colorBy === "correct") {
      const bytes = new Uint8Array(12);
      correctness.forEach((e, i) => bytes.set([...e.color, !visible || visible(i) ? 255 : 0], i * 4));
      coloring = { ...base, mode: ColorMode.Correct, categories: bytes };
      legend = { kind: "categories", entries: [...correctness], note: "prediction against label" };
    } else if (colorBy === "confidence") {
      ramp(byte(shown?.samples.confidence), "0", "1", "probability of the predicted class");
    } else if (colorBy === "margin") {
      ramp(byte(shown?.samples.margin), "0", "1", "lead over the runner-up; 0 = on the boundary");
    } else if (colorBy === "kept") {
      ramp(
        byte(shown?.samples.kept).map((v) => v * 17),
        "0",
        "15",
        "of 15 neighbours, how many the picture keeps",
      );
    } else if (colorBy === "trip") {
      const trip = shown?.samples.roundTrip;
      const value = new Uint16Array(this.data.count);
      if (trip && shown)
        for (let i = 0; i < value.length; ++i) value[i] = trip[i] === shown.predictions[i] ? 0 : 1;
      named(["kept", "changed"], value, "prediction after projecting and back", [
        correctness[1]!.color,
        correctness[0]!.color,
      ]);
    } else if (colorBy === "group") {
      const value = new Uint16Array(this.data.count);
      this.data.run.groups.forEach((g, k) => value.fill(k, g.begin, g.begin + g.count));
      named(
        this.data.run.groups.map((g) => g.name),
        value,
        "",
      );
    } else if (colorBy.startsWith("column:")) {
      const name = colorBy.slice(7);
      const column = this.data.run.columns.find((c) => c.name === name);
      if (!column) return this.onError(`This run has no column "${name}".`);
      let values: Float32Array;
      try {
        values = await this.data.column(name, shown?.epoch ?? this.data.fitted[0] ?? 0);
      } catch (error) {
        return this.onError((error as Error).message);
      }
      if (this.state.colorBy !== colorBy || this.shown !== shown) return;
      if (column.type === "category" && column.categories) {
        named(
          column.categories,
          Uint16Array.from(values, (v) => Math.max(0, v)),
          column.title,
        );
      } else {
        const min = column.min ?? values.reduce((m, v) => Math.min(m, v), Number.POSITIVE_INFINITY);
        const max = column.max ?? values.reduce((m, v) => Math.max(m, v), Number.NEGATIVE_INFINITY);
        const scale = 65535 / Math.max(max - min, 1e-12);
        const text = (v: number) => String(Number(v.toPrecision(3)));
        ramp(
          Uint16Array.from(values, (v) => (v - min) * scale),
          text(min),
          text(max),
          column.title,
        );
      }
    } else {
      coloring = { ...base, mode: ColorMode.Label };
      legend = {
        kind: "categories",
        entries: classEntries(),
        note: "ring: the prediction, where it differs",
      };
    }
    this.coloringKey = key;
    this.categories = categories;
    this.rampAt = rampAt;
    this.legend = legend!;
    this.classesVisible = legend!.kind === "categories" ? visible : null;
    this.scene.setColoring(coloring!);
    this.onChange();
    this.onLegend();
  }

  onLegend: () => void = () => {};
  get isDark(): boolean {
    return this.dark;
  }
}
