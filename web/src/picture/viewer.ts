import { css } from "../color/palette";
import { type Theme, themeOf, unit } from "../color/theme";
import type { Legend } from "../colorings/coloring";
import type { Api, LinePoint } from "../data/api";
import { Dataset, type EpochData } from "../data/dataset";
import type { NewSample } from "../data/new-samples";
import { Mark } from "../renderer/marks";
import type { Highlight } from "../renderer/scene";
import { Stage } from "../renderer/stage";
import type { Point, Size } from "../renderer/viewport";
import { epochAt } from "../state/persist";
import type { State, Store } from "../state/store";
import { h } from "../ui/dom";
import { Camera } from "./camera";
import { Captions } from "./captions";
import { NameLayer } from "./name-layer";
import { type Ground, NewSampleLayer, type Shape } from "./new-sample-layer";
import { Overlays } from "./overlays";
import { Pane } from "./pane";
import { type Pointed, type PointerEvents, PointerTools } from "./pointer";

export interface ViewerEvents extends PointerEvents {
  /** The nearest epoch of the main picture changed. */
  epoch(): void;
  legend(): void;
  /** The second picture was opened or closed, or shows another epoch. */
  second(): void;
  error(message: string): void;
}

/**
 * The picture: one or two panes over one canvas, with what is laid over them. It follows the store's state; only the
 * camera, the time while it plays, and a comparison that cannot be shown are written into it.
 */
export class Viewer {
  readonly element: HTMLElement;
  readonly stage: Stage;
  readonly camera: Camera;
  main: Pane | null = null;
  second: Pane | null = null;
  hovered: Pointed | null = null;

  private readonly pointer: PointerTools;
  private readonly names = new NameLayer();
  private readonly newLayer = new NewSampleLayer();
  private newSamples: readonly NewSample[] = [];
  private lookedAt: NewSample | null = null;
  private readonly captions: Captions;
  private readonly overlays = new Map<Pane, Overlays>();
  private pointed = -1;
  private filter: Uint8Array | null = null;
  private openingSecond = "";
  private theme: Theme = themeOf(false);

  constructor(
    private readonly store: Store,
    private readonly api: Api,
    private readonly events: ViewerEvents,
  ) {
    const canvas = h("canvas", {
      class: "scene",
      tabindex: "0",
      role: "application",
      "aria-label":
        "Picture of the samples and the classifier's territories. Arrow keys pan, plus and minus zoom.",
    });
    this.stage = new Stage(canvas);
    this.camera = new Camera(store, this.stage, () => this.panes);
    this.captions = new Captions(this.stage);
    this.pointer = new PointerTools(canvas, store, this.camera, {
      ...events,
      hover: (pointed) => this.setHover(pointed),
    });
    this.element = h(
      "div",
      { class: "viewer" },
      canvas,
      this.names.element,
      this.newLayer.element,
      this.captions.element,
      this.pointer.drawing,
    );
    this.stage.onFrame = (seconds) => this.advance(seconds);
    this.stage.afterFrame = () => this.placeLabels();
    this.stage.onLost = (lost) => {
      if (lost)
        events.error(
          "The graphics context was lost; the picture comes back as soon as the browser gives it.",
        );
    };
    new ResizeObserver(() => this.resize()).observe(this.element);
    store.subscribe((state, changed) => this.stateChanged(state, changed));
  }

  /**
   * Opens a run's view as the main picture, at the time that `timeIn` says; null where another was chosen before it had
   * come.
   */
  async open(run: number, view: string | null, timeIn: (data: Dataset) => number): Promise<Dataset | null> {
    const loading = this.load(run, view);
    await loading.catch(() => {});
    const { state } = this.store;
    if (state.run !== run || state.view !== view) return null;
    const data = await loading;
    this.closePane(this.second);
    this.second = null;
    this.openingSecond = "";
    this.closePane(this.main);
    this.setHover(null);
    this.main = this.makePane(data);
    this.main.onEpoch = () => {
      this.updateOverlays();
      this.events.epoch();
    };
    this.main.onLegend = () => this.events.legend();
    this.camera.apply();
    this.store.set({ time: timeIn(data) });
    this.main.showTime(this.store.state.time);
    void this.syncSecond();
    return data;
  }

  /** The data set has more epochs; `changed` where its earlier arrays are no longer right. */
  grown(changed: boolean): void {
    if (changed) for (const pane of this.panes) if (pane.data === this.main?.data) pane.reset();
    this.camera.apply();
    this.main?.showTime(this.store.state.time);
  }

  get panes(): Pane[] {
    return [this.main, this.second].filter((p): p is Pane => p !== null);
  }

  /** Overlays of the main picture. */
  get mainOverlays(): Overlays | null {
    return this.main && (this.overlays.get(this.main) ?? null);
  }

  /** Epoch number nearest to the time of the main picture. */
  get epoch(): number {
    const epochs = this.main?.data.fitted ?? [];
    return epochs.length ? (epochs[Math.round(Math.min(this.store.state.time, epochs.length - 1))] ?? 0) : 0;
  }

  /** Epoch number, fractional between two. */
  get exactEpoch(): number {
    return epochAt(this.main?.data.fitted ?? [], this.store.state.time);
  }

  /** How many places the second picture's time is ahead. */
  get timeOffset(): number {
    return this.store.state.compare?.offset ?? 0;
  }

  get showsNames(): boolean {
    const { layers } = this.store.state;
    return layers.includes("names") && layers.includes("territory");
  }

  // What panels use of the picture (panels/panel.ts, Picture).

  get epochData(): EpochData | null {
    return this.main?.epoch ?? null;
  }

  get legend(): Legend | null {
    return this.main?.legend ?? null;
  }

  get beside(): { data: Dataset; epoch: number | null } | null {
    return this.second && { data: this.second.data, epoch: this.second.epoch?.epoch ?? null };
  }

  get changedShare(): number | null {
    return this.mainOverlays?.changedShare ?? null;
  }

  /** Marks a sample as if the pointer were over it; -1 takes the mark away. */
  point(id: number): void {
    if (this.pointed === id) return;
    this.pointed = id;
    this.updateOverlays();
    this.refreshHighlights();
  }

  /** Samples that were never recorded, in the main picture. */
  showNew(samples: readonly NewSample[]): void {
    this.newSamples = samples;
    this.newLayer.set(samples, this.lookedAt);
    this.stage.requestFrame();
  }

  /** Those shown, for a legend. */
  get shownNew(): readonly NewSample[] {
    return this.newSamples;
  }

  /** What is laid over a pane for them, in pixels of the page. */
  newShapes(pane: Pane): Shape[] {
    const k = this.newGrounds().findIndex((ground) => ground.pane === pane);
    return k < 0 ? [] : this.newLayer.shapes(this.newGrounds()[k]!, k === 0);
  }

  showLine(points: readonly LinePoint[] | null): void {
    this.newLayer.setLine(points);
    this.stage.requestFrame();
  }

  lookAtNew(sample: NewSample | null): void {
    this.lookedAt = sample;
    this.newLayer.set(this.newSamples, sample);
    this.stage.requestFrame();
  }

  zoomTo(ids: readonly number[]): void {
    this.camera.zoomTo(ids);
  }

  /** Hides the samples that `mask` leaves out, in both pictures; null shows all. */
  setFilter(mask: Uint8Array | null): void {
    this.filter = mask;
    for (const pane of this.panes) if (!mask || mask.length === pane.data.count) pane.setFilter(mask);
  }

  setTheme(dark: boolean): void {
    this.theme = themeOf(dark);
    this.stage.setBackground(unit(this.theme.ground));
    this.element.style.setProperty("--picture-ink", css(this.theme.ink));
    this.element.style.setProperty("--picture-paper", css(this.theme.paper));
    for (const pane of this.panes) pane.applyTheme(this.theme);
    this.stage.requestFrame();
  }

  fit(): void {
    this.store.set({ camera: null });
  }

  /** The visible sample nearest to the middle of the picture; -1 if there is none. */
  nearestToMiddle(): number {
    const pane = this.main;
    if (!pane) return -1;
    const size = this.camera.size(pane);
    const middle = { pane, local: { x: size.width / 2, y: size.height / 2 } };
    for (const reach of [0.02, 0.1, 0.5, 4]) {
      const id = this.camera.sampleAt(middle, reach * Math.max(size.width, size.height));
      if (id >= 0) return id;
    }
    return -1;
  }

  /** Where a sample is now, in CSS pixels from the canvas's corner. */
  screenOf(id: number, pane = this.main): Point | null {
    return pane && this.camera.screenOf(id, pane);
  }

  size(pane: Pane): Size {
    return this.camera.size(pane);
  }

  private async load(run: number, view: string | null): Promise<Dataset> {
    return Dataset.open(this.api, run, view, (frame) => {
      for (const part of ["positions", "predictions"]) this.stage.arrays.release(`${frame.key}/${part}`);
    });
  }

  private makePane(data: Dataset): Pane {
    const pane = new Pane(this.stage.addScene(), data, this.store.state, this.theme);
    pane.onChange = () => this.stage.requestFrame();
    pane.onError = (message) => this.events.error(message);
    if (this.filter?.length === data.count) pane.setFilter(this.filter);
    const overlays = new Overlays(this.api, pane, (message) => this.events.error(message));
    overlays.onChange = () => {
      this.refreshHighlights();
      if (pane === this.main) this.events.second();
    };
    this.overlays.set(pane, overlays);
    return pane;
  }

  private closePane(pane: Pane | null): void {
    if (!pane) return;
    pane.close();
    this.overlays.delete(pane);
    this.stage.removeScene(pane.scene);
  }

  private updateOverlays(): void {
    const hovered = this.hovered?.id ?? this.pointed;
    for (const [pane, overlays] of this.overlays) {
      overlays.update(this.store.state, hovered < pane.data.count ? hovered : -1);
      overlays.drawTrails();
    }
  }

  /** Rings around the hovered and the focused sample and around neighbours. */
  private refreshHighlights(): void {
    const { focus } = this.store.state;
    for (const pane of this.panes) {
      const look = (id: number, mark: number, size: number): Highlight => ({
        id,
        mark,
        size,
        first: pane.data.plot.labels[id]!,
        second: pane.epoch?.predictions[id] ?? 65535,
      });
      const base = Math.max(pane.scene.pointDiameter(this.camera.size(pane)), 5);
      const list = pane.neighborMarks.filter((m) => m.id < pane.data.count).slice();
      if (focus >= 0 && focus < pane.data.count) list.push(look(focus, Mark.Focused, base + 12));
      const id = this.hovered?.id ?? this.pointed;
      if (id >= 0 && id < pane.data.count && id !== focus) list.push(look(id, Mark.Hovered, base + 7));
      pane.scene.setHighlights(list);
    }
    this.stage.requestFrame();
  }

  /** Opens, changes or closes the second picture, as the state says. */
  private async syncSecond(): Promise<void> {
    const { compare } = this.store.state;
    const { main } = this;
    const wanted = compare && main ? `${compare.run ?? ""}/${compare.view ?? ""}` : "";
    if (wanted === this.openingSecond) {
      this.showSecond();
      return;
    }
    this.openingSecond = wanted;
    this.closePane(this.second);
    this.second = null;
    if (compare && main) {
      try {
        const data = compare.run === null ? main.data : await this.load(compare.run, compare.view);
        if (this.openingSecond !== wanted || this.main !== main) return;
        this.second = this.makePane(data);
        this.second.onEpoch = () => {
          this.updateOverlays();
          this.events.second();
        };
        this.showSecond();
      } catch (error) {
        this.events.error((error as Error).message);
        this.store.set({ compare: null });
      }
    }
    this.camera.apply();
    this.updateOverlays();
    this.events.second();
  }

  private showSecond(): void {
    this.second?.showTime(this.store.state.time + this.timeOffset);
  }

  private stateChanged(state: State, changed: ReadonlySet<keyof State>): void {
    for (const pane of this.panes) pane.setState(state, changed);
    if (changed.has("time") || changed.has("selection")) this.newLayer.setLine(null);
    if (changed.has("time")) {
      this.main?.showTime(state.time);
      this.showSecond();
      for (const overlays of this.overlays.values()) overlays.drawTrails();
    }
    if (changed.has("compare")) void this.syncSecond();
    if (changed.has("camera") || changed.has("equalAxes")) this.camera.apply();
    if (
      ["focus", "pushers", "selection", "layers", "reference", "resolution"].some((k) =>
        changed.has(k as keyof State),
      )
    )
      this.updateOverlays();
    if (changed.has("focus")) this.refreshHighlights();
    if (changed.has("playing") && state.playing) this.stage.requestFrame();
    if (changed.has("tool")) this.element.dataset.tool = state.tool;
    this.stage.requestFrame();
  }

  private advance(seconds: number): boolean {
    const { playing, time, speed, loop, range } = this.store.state;
    const count = this.main?.data.fitted.length ?? 0;
    if (!playing || count < 2) return false;
    const [from, to] = range ?? [0, count - 1];
    let next = time + seconds * speed;
    if (next > to) {
      if (!loop) {
        this.store.set({ time: to, playing: false });
        return false;
      }
      next = from + Math.min(next - to, 0.5);
    }
    this.store.set({ time: Math.max(next, from) });
    return true;
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.element;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.pointer.resize(clientWidth, clientHeight);
    this.stage.resize(clientWidth, clientHeight, Math.min(window.devicePixelRatio || 1, 2));
    this.camera.apply();
    this.placeLabels();
  }

  /** Panes that show new samples: those of their run. */
  private newGrounds(): Ground[] {
    return this.panes
      .filter((pane) => pane.data === this.main?.data)
      .map((pane) => ({ pane, left: this.camera.left(pane), size: this.camera.size(pane) }));
  }

  private placeLabels(): void {
    const shown = this.showsNames ? this.panes : [];
    this.names.place(
      shown.map((pane) => ({ pane, left: this.camera.left(pane), size: this.camera.size(pane) })),
    );
    this.newLayer.place(this.newGrounds());
    this.captions.place(this.panes);
  }

  private setHover(hover: Pointed | null): void {
    const same = hover?.id === this.hovered?.id;
    if (same && hover === null) return;
    this.hovered = hover;
    this.element.classList.toggle("over-sample", hover !== null);
    this.events.hover(hover);
    if (!same) {
      this.updateOverlays();
      this.refreshHighlights();
    }
  }
}
