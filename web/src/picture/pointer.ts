import { insideBox, insidePolygon } from "../data/spatial-index";
import type { Point } from "../renderer/viewport";
import type { Store } from "../state/store";
import { replace, s } from "../ui/dom";
import type { Camera, PanePlace } from "./camera";
import type { Pane } from "./pane";

export interface Modifiers {
  readonly add: boolean;
  readonly subtract: boolean;
}

/** A sample under the pointer. */
export interface Pointed {
  readonly id: number;
  /** CSS pixels from the canvas's top left corner */
  readonly x: number;
  readonly y: number;
  readonly pane: Pane;
}

/** What the pointer did. */
export interface PointerEvents {
  hover(pointed: Pointed | null): void;
  /** A click on a sample. */
  sample(id: number, modifiers: Modifiers): void;
  /** A click where no sample is: the place in plane units and on screen. */
  place(at: Point, screen: Point, pane: Pane): void;
  /** A box or lasso was drawn around these samples. */
  area(ids: number[], modifiers: Modifiers): void;
}

interface Drag {
  readonly kind: "pan" | "box" | "lasso";
  readonly from: Point;
  at: Point[];
  moved: boolean;
  readonly pane: Pane;
}

const dragThreshold = 4;

/** What the pointer does on the canvas: hover, click, wheel and pinch, and the tools that drag, box and draw. */
export class PointerTools {
  /** The box or lasso while it is drawn. */
  readonly drawing = s("svg", { class: "drawing", "aria-hidden": "true" });

  private drag: Drag | null = null;
  private readonly pointers = new Map<number, Point>();
  private pointer: Point | null = null;
  private hoverPending = false;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly store: Store,
    private readonly camera: Camera,
    private readonly events: PointerEvents,
  ) {
    this.listenToWheel();
    this.listenToDrags();
  }

  resize(width: number, height: number): void {
    this.drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
  }

  private place(event: MouseEvent): Point {
    const rect = this.canvas.getBoundingClientRect();
    return { x: event.clientX - rect.left, y: event.clientY - rect.top };
  }

  private listenToWheel(): void {
    const zoom = (event: MouseEvent, factor: number) => {
      const hit = this.camera.at(this.place(event));
      if (hit) this.camera.zoom(factor, hit.local);
    };
    this.canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        zoom(event, Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)));
      },
      { passive: false },
    );
    this.canvas.addEventListener("dblclick", (event) => {
      if (this.store.state.tool === "pan") zoom(event, event.shiftKey ? 0.5 : 2);
    });
  }

  private listenToDrags(): void {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => {
      const at = this.place(event);
      if (this.pointers.has(event.pointerId) && this.pointers.size === 2) {
        this.pinch(event.pointerId, at);
        return;
      }
      this.pointer = at;
      if (this.drag) this.dragged(this.drag, at, event);
      else this.scheduleHover();
    });
    canvas.addEventListener("pointerup", (event) => {
      const drag = this.drag;
      this.letGo(event);
      if (!drag) return;
      const modifiers = { add: event.shiftKey, subtract: event.altKey };
      if (!drag.moved) this.clicked(this.place(event), modifiers);
      else if (drag.kind !== "pan") this.enclosed(drag, modifiers);
    });
    canvas.addEventListener("pointercancel", (event) => this.letGo(event));
    canvas.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.events.hover(null);
    });
  }

  private down(event: PointerEvent): void {
    if (event.button > 1) return;
    const from = this.place(event);
    this.pointers.set(event.pointerId, from);
    const hit = this.camera.at(from);
    if (!hit) return;
    this.canvas.setPointerCapture(event.pointerId);
    const { tool } = this.store.state;
    const kind = event.button === 1 || tool === "decode" ? "pan" : tool;
    this.drag = { kind, from, at: [from], moved: false, pane: hit.pane };
  }

  private letGo(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
    this.drag = null;
    replace(this.drawing);
  }

  private pinch(id: number, at: Point): void {
    const other = [...this.pointers].find(([key]) => key !== id)?.[1];
    const before = this.pointers.get(id);
    this.pointers.set(id, at);
    this.drag = null;
    if (!other || !before) return;
    const was = Math.hypot(before.x - other.x, before.y - other.y);
    const is = Math.hypot(at.x - other.x, at.y - other.y);
    const hit = this.camera.at({ x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
    if (hit && was > 0) this.camera.zoom(is / was, hit.local);
  }

  private dragged(drag: Drag, at: Point, event: PointerEvent): void {
    const last = drag.at[drag.at.length - 1]!;
    if (!drag.moved && Math.hypot(at.x - drag.from.x, at.y - drag.from.y) < dragThreshold) return;
    drag.moved = true;
    this.events.hover(null);
    if (drag.kind === "pan") {
      this.camera.pan(at.x - last.x, at.y - last.y);
      drag.at = [at];
      return;
    }
    if (drag.kind === "box") drag.at = [drag.from, at];
    else if (Math.hypot(at.x - last.x, at.y - last.y) > 3) drag.at.push(at);
    this.draw(drag, event.altKey);
  }

  private draw({ kind, from, at }: Drag, subtract: boolean): void {
    const style = subtract ? "area subtract" : "area";
    const to = at[at.length - 1]!;
    const shape =
      kind === "box"
        ? s("rect", {
            class: style,
            x: Math.min(from.x, to.x),
            y: Math.min(from.y, to.y),
            width: Math.abs(to.x - from.x),
            height: Math.abs(to.y - from.y),
          })
        : s("polygon", { class: style, points: at.map((p) => `${p.x},${p.y}`).join(" ") });
    replace(this.drawing, shape);
  }

  private clicked(at: Point, modifiers: Modifiers): void {
    const hit = this.store.state.tool === "decode" ? null : this.pick(at);
    if (hit) {
      this.events.sample(hit.id, modifiers);
      return;
    }
    const place = this.camera.at(at);
    if (place) this.events.place(this.camera.plane(place), at, place.pane);
  }

  /** A box or lasso was closed: who is inside. */
  private enclosed({ kind, pane, at }: Drag, modifiers: Modifiers): void {
    const { positions } = pane.picker;
    if (!positions) return;
    const corners = at.map((p) => this.camera.share(this.within(pane, p)));
    let ids: number[];
    if (kind === "box") {
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

  /**
   * A place of the canvas in the coordinates of `pane`, in which a drag began and beyond whose edge it may
   * have gone.
   */
  private within(pane: Pane, p: Point): PanePlace {
    return { pane, local: { x: p.x - this.camera.left(pane), y: p.y } };
  }

  private pick(p: Point): Pointed | null {
    const hit = this.camera.at(p);
    if (!hit?.pane.scene.showPoints) return null;
    const reach = Math.max(hit.pane.scene.pointDiameter(this.camera.size(hit.pane)) / 2 + 3, 6);
    const id = this.camera.sampleAt(hit, reach);
    return id < 0 ? null : { id, x: p.x, y: p.y, pane: hit.pane };
  }

  private scheduleHover(): void {
    if (this.hoverPending) return;
    this.hoverPending = true;
    requestAnimationFrame(() => {
      this.hoverPending = false;
      if (this.pointer && !this.drag) this.events.hover(this.pick(this.pointer));
    });
  }
}
