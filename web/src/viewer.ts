import type { Api } from "./data/api";
import { Dataset } from "./data/dataset";
import { insideBox, insidePolygon } from "./data/spatial-index";
import { captionOf } from "./export/picture";
import { Overlays } from "./overlays";
import { Pane } from "./pane";
import { Mark } from "./renderer/marks";
import type { Highlight } from "./renderer/scene";
import { Stage } from "./renderer/stage";
import {
  clampView,
  fitExtent,
  type Point,
  pan,
  type Size,
  toPlane,
  toScreen,
  type Viewport,
  zoomAt,
  zoomLevel,
} from "./renderer/viewport";
import { epochAt } from "./state/persist";
import type { State, Store } from "./state/store";
import { h, replace, s } from "./ui/dom";

export interface Hover {
  readonly id: number;
  /** CSS pixels from the viewer's top left corner */
  readonly x: number;
  readonly y: number;
  readonly pane: Pane;
}

export interface ViewerEvents {
  hover(hover: Hover | null): void;
  /** A click on a sample. */
  sample(id: number, modifiers: { add: boolean; subtract: boolean }): void;
  /** A click where no sample is: the place in plane units and on screen. */
  place(at: Point, screen: Point, pane: Pane): void;
  /** A box or lasso was drawn around these samples. */
  area(ids: number[], modifiers: { add: boolean; subtract: boolean }): void;
  /** The nearest epoch of the main picture changed. */
  epoch(): void;
  legend(): void;
  /** The second picture was opened or closed, or shows another epoch. */
  second(): void;
  error(message: string): void;
}

const dragThreshold = 4;

/** Whether a name `width` pixels wide may stand in a territory that reaches `room` pixels around it. */
export function hasRoom(room: number, width: number): boolean {
  return room >= 7 && width <= room * 6;
}

/**
 * The picture and what the pointer does in it: one or two panes over one canvas, class names laid over them, zoom and
 * pan, picking, box and lasso. It follows the store's state and writes only the camera and the time into it.
 */
export class Viewer {
  readonly element: HTMLElement;
  readonly stage: Stage;
  main: Pane | null = null;
  second: Pane | null = null;
  hovered: Hover | null = null;

  private readonly overlays = new Map<Pane, Overlays>();
  private readonly captions: HTMLElement;
  private pointed = -1;
  private filter: Uint8Array | null = null;
  private openingSecond = "";
  private readonly names: HTMLElement;
  private readonly drawing: SVGSVGElement;
  private readonly nameElements: HTMLElement[] = [];
  private drag: {
    kind: "pan" | "box" | "lasso";
    from: Point;
    at: Point[];
    moved: boolean;
    pane: Pane;
  } | null = null;
  private readonly pointers = new Map<number, Point>();
  private pointer: Point | null = null;
  private hoverPending = false;
  private dark = false;

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
    this.names = h("div", { class: "names", "aria-hidden": "true" });
    this.drawing = s("svg", { class: "drawing", "aria-hidden": "true" });
    this.captions = h("div", { class: "captions" });
    this.element = h("div", { class: "viewer" }, canvas, this.names, this.captions, this.drawing);
    this.stage = new Stage(canvas);
    this.stage.onFrame = (seconds) => this.advance(seconds);
    this.stage.afterFrame = () => {
      this.placeNames();
      this.placeCaptions();
    };
    this.stage.onLost = (lost) => {
      if (lost)
        events.error(
          "The graphics context was lost; the picture comes back as soon as the browser gives it.",
        );
    };
    new ResizeObserver(() => this.resize()).observe(this.element);
    this.listen(canvas);
    store.subscribe((state, changed) => this.stateChanged(state, changed));
  }

  /** Opens a run's view as the main picture; null where another was chosen before it had come. */
  async open(run: number, view: string | null): Promise<Dataset | null> {
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
    this.applyCamera();
    void this.syncSecond();
    return data;
  }

  /** Overlays of the main picture. */
  get mainOverlays(): Overlays | null {
    return this.main && (this.overlays.get(this.main) ?? null);
  }

  /** How many places the second picture's time is ahead. */
  get timeOffset(): number {
    return this.store.state.compare?.offset ?? 0;
  }

  get showsNames(): boolean {
    const { layers } = this.store.state;
    return layers.includes("names") && layers.includes("territory");
  }

  /** Marks a sample as if the pointer were over it; -1 takes the mark away. */
  point(id: number): void {
    if (this.pointed === id) return;
    this.pointed = id;
    this.updateOverlays();
    this.refreshHighlights();
  }

  /** Hides the samples that `mask` leaves out, in both pictures; null shows all. */
  setFilter(mask: Uint8Array | null): void {
    this.filter = mask;
    for (const pane of this.panes) if (!mask || mask.length === pane.data.count) pane.setFilter(mask);
  }

  /** Lays everything anew after the data set's arrays changed. */
  reset(): void {
    for (const pane of this.panes) if (pane.data === this.main?.data) pane.reset();
    this.applyCamera();
  }

  setTheme(dark: boolean): void {
    this.dark = dark;
    this.stage.setBackground(dark ? [22 / 255, 25 / 255, 31 / 255] : [250 / 255, 250 / 255, 251 / 255]);
    for (const pane of this.panes) pane.applyTheme(dark);
    this.stage.requestFrame();
  }

  get panes(): Pane[] {
    return [this.main, this.second].filter((p): p is Pane => p !== null);
  }

  size(pane: Pane): Size {
    const rect = this.stage.rect(pane.scene);
    return { width: rect.width, height: rect.height };
  }

  fit(): void {
    this.store.set({ camera: null });
  }

  /** Zooms so that these samples fill the picture. */
  zoomTo(ids: readonly number[]): void {
    const pane = this.main;
    if (!pane || ids.length === 0) return;
    let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const id of ids) {
      const [x, y] = pane.scene.planePlace(id);
      x0 = Math.min(x0, x);
      y0 = Math.min(y0, y);
      x1 = Math.max(x1, x);
      y1 = Math.max(y1, y);
    }
    const extent = pane.data.view.extent;
    const least = (extent[2] - extent[0]) / (ids.length === 1 ? 12 : 40);
    const padX = Math.max(0, (least - (x1 - x0)) / 2);
    const padY = Math.max(0, (least - (y1 - y0)) / 2);
    this.setView(fitExtent([x0 - padX, y0 - padY, x1 + padX, y1 + padY], this.size(pane), 60));
  }

  /** Zooms by a factor about the middle of the picture, or about a place of it. */
  zoom(factor: number, at?: Point): void {
    const pane = this.main;
    if (!pane) return;
    const size = this.size(pane);
    this.setView(zoomAt(pane.scene.view, size, at?.x ?? size.width / 2, at?.y ?? size.height / 2, factor));
  }

  pan(dx: number, dy: number): void {
    if (this.main) this.setView(pan(this.main.scene.view, dx, dy));
  }

  /** The visible sample nearest to the middle of the picture; -1 if there is none. */
  nearestToMiddle(): number {
    const pane = this.main;
    if (!pane) return -1;
    const size = this.size(pane);
    const at = this.quantised(pane, { x: size.width / 2, y: size.height / 2 });
    for (const radius of [0.01, 0.05, 0.2, 1]) {
      const id = pane.picker.pick(at.x, at.y, radius, (i) => pane.isVisible(i));
      if (id >= 0) return id;
    }
    return -1;
  }

  /** Where a sample is now, in CSS pixels from the viewer's corner. */
  screenOf(id: number, pane = this.main): Point | null {
    if (!pane) return null;
    const [x, y] = pane.scene.planePlace(id);
    const rect = this.stage.rect(pane.scene);
    const p = toScreen(pane.scene.view, rect, x, y);
    return { x: p.x + rect.left, y: p.y };
  }

  /** Draws what must follow the state: rings around the hovered and the focused sample. */
  refreshHighlights(): void {
    const { focus } = this.store.state;
    for (const pane of this.panes) {
      const look = (id: number, mark: number, size: number): Highlight => ({
        id,
        mark,
        size,
        first: pane.data.plot.labels[id]!,
        second: pane.epoch?.predictions[id] ?? 65535,
      });
      const base = Math.max(pane.scene.pointDiameter(this.size(pane)), 5);
      const list = pane.neighborMarks.filter((m) => m.id < pane.data.count).slice();
      if (focus >= 0 && focus < pane.data.count) list.push(look(focus, Mark.Focused, base + 12));
      const id = this.hovered?.id ?? this.pointed;
      if (id >= 0 && id < pane.data.count && id !== focus) list.push(look(id, Mark.Hovered, base + 7));
      pane.scene.setHighlights(list);
    }
    this.stage.requestFrame();
  }

  private async load(run: number, view: string | null): Promise<Dataset> {
    return Dataset.open(this.api, run, view, (frame) => {
      for (const part of ["positions", "predictions"]) this.stage.arrays.release(`${frame.key}/${part}`);
    });
  }

  private makePane(data: Dataset): Pane {
    const pane = new Pane(this.stage.addScene(), data, this.store.state, this.dark);
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
    this.applyCamera();
    this.updateOverlays();
    this.events.second();
  }

  private showSecond(): void {
    this.second?.showTime(this.store.state.time + this.timeOffset);
  }

  private stateChanged(state: State, changed: ReadonlySet<keyof State>): void {
    for (const pane of this.panes) pane.setState(state, changed);
    if (changed.has("time")) {
      this.main?.showTime(state.time);
      this.showSecond();
      for (const overlays of this.overlays.values()) overlays.drawTrails();
    }
    if (changed.has("compare")) void this.syncSecond();
    if (changed.has("camera")) this.applyCamera();
    if (
      ["focus", "selection", "layers", "reference", "resolution"].some((k) => changed.has(k as keyof State))
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
    this.drawing.setAttribute("viewBox", `0 0 ${clientWidth} ${clientHeight}`);
    this.stage.resize(clientWidth, clientHeight, Math.min(window.devicePixelRatio || 1, 2));
    this.applyCamera();
    this.placeNames();
  }

  private applyCamera(): void {
    const { camera } = this.store.state;
    for (const pane of this.panes) {
      const size = this.size(pane);
      const extent = pane.data.view.extent;
      const fitted = fitExtent(extent, size);
      pane.scene.view = camera
        ? { cx: camera[0], cy: camera[1], unitsPerPixel: fitted.unitsPerPixel / camera[2] }
        : fitted;
    }
    this.stage.requestFrame();
  }

  private setView(view: Viewport): void {
    const pane = this.main;
    if (!pane) return;
    const size = this.size(pane);
    const extent = pane.data.view.extent;
    const clamped = clampView(view, extent, size);
    this.store.set({ camera: [clamped.cx, clamped.cy, zoomLevel(clamped, extent, size)] });
  }

  private paneAt(p: Point): { pane: Pane; local: Point } | null {
    for (const pane of this.panes) {
      const rect = this.stage.rect(pane.scene);
      if (p.x >= rect.left && p.x < rect.left + rect.width)
        return { pane, local: { x: p.x - rect.left, y: p.y } };
    }
    return null;
  }

  private pickAt(p: Point): Hover | null {
    const hit = this.paneAt(p);
    if (!hit) return null;
    const { pane, local } = hit;
    const size = this.size(pane);
    const at = this.quantised(pane, local);
    const extent = pane.data.view.extent;
    const reach = Math.max(pane.scene.pointDiameter(size) / 2 + 3, 6);
    const radius = (reach * pane.scene.view.unitsPerPixel) / (extent[2] - extent[0]);
    if (!pane.scene.showPoints) return null;
    const id = pane.picker.pick(at.x, at.y, radius, (i) => pane.isVisible(i));
    return id < 0 ? null : { id, x: p.x, y: p.y, pane };
  }

  private quantised(pane: Pane, local: Point): Point {
    const extent = pane.data.view.extent;
    const plane = toPlane(pane.scene.view, this.size(pane), local.x, local.y);
    return {
      x: (plane.x - extent[0]) / (extent[2] - extent[0]),
      y: (plane.y - extent[1]) / (extent[3] - extent[1]),
    };
  }

  private listen(canvas: HTMLCanvasElement): void {
    const place = (event: PointerEvent | WheelEvent | MouseEvent): Point => {
      const rect = canvas.getBoundingClientRect();
      return { x: event.clientX - rect.left, y: event.clientY - rect.top };
    };
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const hit = this.paneAt(place(event));
        if (hit) this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), hit.local);
      },
      { passive: false },
    );
    canvas.addEventListener("dblclick", (event) => {
      const hit = this.paneAt(place(event));
      if (hit && this.store.state.tool === "pan") this.zoom(event.shiftKey ? 0.5 : 2, hit.local);
    });
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button > 1) return;
      const from = place(event);
      this.pointers.set(event.pointerId, from);
      const hit = this.paneAt(from);
      if (!hit) return;
      canvas.setPointerCapture(event.pointerId);
      const { tool } = this.store.state;
      const kind = event.button === 1 || tool === "decode" ? "pan" : tool;
      this.drag = { kind, from, at: [from], moved: false, pane: hit.pane };
    });
    canvas.addEventListener("pointermove", (event) => {
      const at = place(event);
      if (this.pointers.has(event.pointerId) && this.pointers.size === 2) {
        this.pinch(event.pointerId, at);
        return;
      }
      this.pointer = at;
      if (this.drag) this.dragged(at, event);
      else this.scheduleHover();
    });
    canvas.addEventListener("pointerup", (event) => {
      this.pointers.delete(event.pointerId);
      const drag = this.drag;
      this.drag = null;
      replace(this.drawing);
      if (drag) this.dropped(drag, place(event), event);
    });
    canvas.addEventListener("pointercancel", (event) => {
      this.pointers.delete(event.pointerId);
      this.drag = null;
      replace(this.drawing);
    });
    canvas.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.setHover(null);
    });
  }

  private pinch(id: number, at: Point): void {
    const other = [...this.pointers].find(([key]) => key !== id)?.[1];
    const before = this.pointers.get(id);
    this.pointers.set(id, at);
    this.drag = null;
    if (!other || !before) return;
    const was = Math.hypot(before.x - other.x, before.y - other.y);
    const is = Math.hypot(at.x - other.x, at.y - other.y);
    const hit = this.paneAt({ x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
    if (hit && was > 0) this.zoom(is / was, hit.local);
  }

  private dragged(at: Point, event: PointerEvent): void {
    const drag = this.drag!;
    const last = drag.at[drag.at.length - 1]!;
    if (!drag.moved && Math.hypot(at.x - drag.from.x, at.y - drag.from.y) < dragThreshold) return;
    drag.moved = true;
    this.setHover(null);
    if (drag.kind === "pan") {
      this.pan(at.x - last.x, at.y - last.y);
      drag.at = [at];
      return;
    }
    if (drag.kind === "lasso" && Math.hypot(at.x - last.x, at.y - last.y) > 3) drag.at.push(at);
    const mode = event.altKey ? " subtract" : "";
    if (drag.kind === "box") {
      drag.at = [drag.from, at];
      replace(
        this.drawing,
        s("rect", {
          class: `area${mode}`,
          x: Math.min(drag.from.x, at.x),
          y: Math.min(drag.from.y, at.y),
          width: Math.abs(at.x - drag.from.x),
          height: Math.abs(at.y - drag.from.y),
        }),
      );
    } else {
      replace(
        this.drawing,
        s("polygon", { class: `area${mode}`, points: drag.at.map((p) => `${p.x},${p.y}`).join(" ") }),
      );
    }
  }

  private dropped(drag: NonNullable<Viewer["drag"]>, at: Point, event: PointerEvent): void {
    const modifiers = { add: event.shiftKey, subtract: event.altKey };
    if (!drag.moved) {
      const { tool } = this.store.state;
      const hit = tool === "decode" ? null : this.pickAt(at);
      if (hit) this.events.sample(hit.id, modifiers);
      else {
        const place = this.paneAt(at);
        if (place)
          this.events.place(
            toPlane(place.pane.scene.view, this.size(place.pane), place.local.x, place.local.y),
            at,
            place.pane,
          );
      }
      return;
    }
    if (drag.kind === "pan") return;
    const { pane } = drag;
    const left = this.stage.rect(pane.scene).left;
    const corners = drag.at.map((p) => this.quantised(pane, { x: p.x - left, y: p.y }));
    const positions = pane.picker.positions;
    if (!positions) return;
    let ids: number[];
    if (drag.kind === "box") {
      const [a, b] = [corners[0]!, corners[1]!];
      ids = insideBox(
        positions,
        Math.min(a.x, b.x),
        Math.min(a.y, b.y),
        Math.max(a.x, b.x),
        Math.max(a.y, b.y),
      );
    } else {
      ids = insidePolygon(
        positions,
        corners.flatMap((c) => [c.x, c.y]),
      );
    }
    if (!this.store.state.throughHidden) ids = ids.filter((id) => pane.isVisible(id));
    this.events.area(ids, modifiers);
  }

  private scheduleHover(): void {
    if (this.hoverPending) return;
    this.hoverPending = true;
    requestAnimationFrame(() => {
      this.hoverPending = false;
      if (this.pointer && !this.drag) this.setHover(this.pickAt(this.pointer));
    });
  }

  private setHover(hover: Hover | null): void {
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

  /** With two pictures, each says what it is. */
  private placeCaptions(): void {
    const panes = this.panes.length > 1 ? this.panes : [];
    while (this.captions.children.length > panes.length) this.captions.lastElementChild!.remove();
    panes.forEach((pane, k) => {
      const element =
        (this.captions.children[k] as HTMLElement | undefined) ??
        this.captions.appendChild(h("div", { class: "pane-caption" }));
      const text = captionOf(pane);
      if (element.textContent !== text) element.textContent = text;
      element.style.transform = `translate(${this.stage.rect(pane.scene).left}px, 0)`;
    });
  }

  /** Class names over their territories, as many as have room, largest first. */
  private placeNames(): void {
    let used = 0;
    if (this.showsNames) {
      for (const pane of this.panes) {
        const rect = this.stage.rect(pane.scene);
        const extent = pane.data.view.extent;
        const taken: { x: number; y: number; w: number }[] = [];
        const scale = (extent[2] - extent[0]) / pane.scene.view.unitsPerPixel;
        for (const a of pane.anchors()) {
          if (used >= 60) break;
          const name = pane.data.className(a.index);
          const w = name.length * 6.4 + 12;
          if (a.opacity < 0.05 || !hasRoom(a.room * scale, w)) continue;
          const p = toScreen(
            pane.scene.view,
            rect,
            extent[0] + a.x * (extent[2] - extent[0]),
            extent[1] + a.y * (extent[3] - extent[1]),
          );
          if (p.x < w / 2 || p.x > rect.width - w / 2 || p.y < 12 || p.y > rect.height - 12) continue;
          if (taken.some((t) => Math.abs(t.y - p.y) < 18 && Math.abs(t.x - p.x) < (t.w + w) / 2)) continue;
          taken.push({ x: p.x, y: p.y, w });
          let element = this.nameElements[used];
          if (!element) {
            element = h("span", { class: "class-name" });
            this.nameElements.push(element);
            this.names.append(element);
          }
          if (element.textContent !== name) element.textContent = name;
          element.style.transform = `translate(${(p.x + rect.left).toFixed(1)}px, ${p.y.toFixed(1)}px) translate(-50%, -50%)`;
          element.style.opacity = a.opacity.toFixed(2);
          element.hidden = false;
          used++;
        }
      }
    }
    for (let k = used; k < this.nameElements.length; ++k) this.nameElements[k]!.hidden = true;
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
}
