import { paletteBytes, type Rgb } from "../color/palette";
import type { Theme } from "../color/theme";
import type { Colored, Legend } from "../colorings/coloring";
import { fallback, findColoring } from "../colorings/table";
import type { Landscape } from "../data/api";
import type { Dataset, EpochData } from "../data/dataset";
import { Picker } from "../data/picker";
import { ColorMode, Flag } from "../renderer/points";
import type { Highlight, Scene } from "../renderer/scene";
import type { State } from "../state/store";
import { type Anchor, mixAnchors, nameAnchors } from "./class-names";

/** Groups that change with the epoch, in runs that tell what was in the training set. */
export const freshGroup = "newly selected";
export const poolGroup = "not in the training set";
const noMoves = new Uint16Array();
/** The trust overlay marks what was moved farther than this: a fiftieth of the picture. */
const movedFar = 65535 / 50;
const Membership = { Pool: 1, New: 2 } as const;

/**
 * One picture of the page: a data set seen through a scene. It loads what the time asks for, keeps the scene's colours
 * and flags in step with the state, and knows which samples can be seen.
 */
export class Pane {
  readonly picker: Picker;
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
  private readonly anchorCache = new WeakMap<Landscape, Anchor[]>();
  private wantedTime = 0;
  private shown: EpochData | null = null;
  private crossed: readonly number[] | null = null;
  private fresh: Uint8Array | null = null;
  /** How far samples were moved after the fit, once the trust overlay has asked. */
  private moved: Uint16Array = noMoves;
  private anchorsA: Anchor[] = [];
  private anchorsB: Anchor[] = [];
  private anchorMixture = 0;
  private colored_: Colored | null = null;
  private coloringKey = "";
  /** Of the colouring that was asked for last: an answer that comes after another question is dropped. */
  private wantedColoring = "";
  /** Legend entries shown alone; null = all. */
  private soloed: ReadonlySet<number> | null = null;
  private prefetching = false;
  private closed = false;
  private indexTimer = 0;

  constructor(
    readonly scene: Scene,
    readonly data: Dataset,
    private state: State,
    private theme: Theme,
  ) {
    this.picker = new Picker();
    this.flags = new Uint8Array(data.count);
    this.scene.setData(data.plot);
    this.applyTheme(theme);
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
    if (changed.has("layers") && state.layers.includes("trust")) this.showTrust();
    if (["colorBy", "solo", "selection", "focus"].some((name) => changed.has(name))) void this.color();
    if (changed.has("resolution")) this.showTime(this.wantedTime);
    if (changed.has("selection")) this.scene.setSelected(this.selectedIds());
    this.applyLook();
  }

  applyTheme(theme: Theme): void {
    this.theme = theme;
    this.scene.setTheme(theme, paletteBytes(this.data.classes.length));
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
        this.moved = noMoves;
        if (this.state.layers.includes("trust")) this.showTrust();
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

  /** Where class names may be written now. */
  anchors(): Anchor[] {
    return mixAnchors(this.anchorsA, this.anchorsB, this.anchorMixture);
  }

  /** How the current colouring reads. */
  get legend(): Legend {
    return this.colored_?.legend ?? { kind: "categories", entries: [], note: "" };
  }

  /** True where the sample is drawn: its group, the filter and the legend let it be. */
  isVisible(id: number): boolean {
    if (this.flags[id]! & Flag.Hidden) return false;
    return this.soloed === null || this.soloed.has(this.colored_?.entryOf(id, this.shown) ?? -1);
  }

  /** The colour that sample `id` has now. */
  colorOf(id: number): Rgb {
    return this.colored_?.colorOf(id, this.shown) ?? [140, 140, 140];
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

  private selectedOrFocus(): readonly number[] {
    const { selection, focus } = this.state;
    return selection.length > 0 || focus < 0 ? selection : [focus];
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
      const { moved } = this;
      for (let i = 0; i < flags.length; ++i) {
        if (roundTrip[i] !== predictions[i]) flags[i]! |= Flag.Doubt;
        if (kept[i]! <= 1) flags[i]! |= Flag.Hollow;
        if (moved[i]! > movedFar) flags[i]! |= Flag.Moved;
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
    this.updateShown();
    this.scene.setSelected(this.selectedIds());
  }

  /** Marks the samples that the picture is not to be trusted about; which were moved has to be fetched. */
  private showTrust(): void {
    this.updateFlags();
    const { shown } = this;
    if (!shown || !this.data.view.moved) return;
    this.data.moved(shown.epoch).then(
      (moved) => {
        if (this.shown !== shown || this.closed) return;
        this.moved = moved;
        this.updateFlags();
        this.onChange();
      },
      (error: Error) => this.onError(error.message),
    );
  }

  private updateShown(): void {
    const all = !this.soloed && !this.filterMask && !this.fresh && this.state.hiddenGroups.length === 0;
    this.scene.setShown(all ? null : (id) => this.isVisible(id));
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
    if (!crowd) return [];
    let known = this.anchorCache.get(land);
    if (!known) {
      known = nameAnchors(land, crowd);
      this.anchorCache.set(land, known);
    }
    return known;
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
    const { data, shown } = this;
    const { colorBy, solo } = this.state;
    const coloring = findColoring(data, colorBy) ?? fallback;
    const selection = coloring.perSelection ? this.selectedOrFocus() : [];
    const key = `${colorBy}/${solo.join()}/${coloring.perEpoch ? shown?.key : ""}/${selection.join()}`;
    this.wantedColoring = key;
    if (key === this.coloringKey) return;
    if (coloring.id !== colorBy) this.onError(`This run cannot be coloured by "${colorBy}".`);
    let colored: Colored;
    try {
      // Most are made at once; waiting for them would show a frame in the colours before.
      const made = coloring.color({ data, epoch: shown, theme: this.theme, selection });
      colored = made instanceof Promise ? await made : made;
    } catch (error) {
      return this.onError((error as Error).message);
    }
    if (this.closed || this.wantedColoring !== key) return;
    this.coloringKey = key;
    this.colored_ = colored;
    this.soloed = solo.length && colored.legend.kind === "categories" ? new Set(solo) : null;
    this.applyColors(key);
  }

  private applyColors(valueKey: string): void {
    const { soloed } = this;
    const { mode, value, legend } = this.colored_!;
    const shows = (entry: number) => soloed === null || soloed.has(entry);
    const ofClasses = mode === ColorMode.Label || mode === ColorMode.Prediction;
    const entries = legend.kind === "categories" && !ofClasses ? legend.entries : [];
    const categories = new Uint8Array(Math.max(1, entries.length) * 4);
    entries.forEach((e, i) => categories.set([...e.color, shows(i) ? 255 : 0], i * 4));
    this.scene.setColoring({
      mode,
      value,
      valueKey,
      classes: paletteBytes(this.data.classes.length, ofClasses ? shows : undefined),
      categories,
      ramp: legend.kind === "ramp" ? legend.bytes : new Uint8Array(4),
    });
    this.updateShown();
    this.onChange();
    this.onLegend();
  }

  onLegend: () => void = () => {};
  get currentTheme(): Theme {
    return this.theme;
  }
}
