import type { Stage } from "../renderer/stage";
import {
  clampView,
  type Extent,
  fitFrame,
  mostStretch,
  type Point,
  pan,
  type Size,
  toPlane,
  toScreen,
  type Viewport,
  zoomAt,
  zoomed,
  zoomLevel,
} from "../renderer/viewport";
import type { Store } from "../state/store";
import type { Pane } from "./pane";

/** A place of the canvas: the pane it is in, and where in that pane, in CSS pixels. */
export interface PanePlace {
  readonly pane: Pane;
  readonly local: Point;
}

/**
 * What the panes look at. Fitted, a pane shows the samples of all epochs; the state's `camera` moves and
 * zooms from there, in both panes alike. The first of `panes` is the one that the functions without a pane
 * are about.
 */
export class Camera {
  constructor(
    private readonly store: Store,
    private readonly stage: Stage,
    private readonly panes: () => readonly Pane[],
  ) {}

  size(pane: Pane): Size {
    const { width, height } = this.stage.rect(pane.scene);
    return { width, height };
  }

  /** Where a pane begins, in CSS pixels from the canvas's left edge. */
  left(pane: Pane): number {
    return this.stage.rect(pane.scene).left;
  }

  /** Brings the panes in step with the state. */
  apply(): void {
    const { camera } = this.store.state;
    for (const pane of this.panes()) {
      const fitted = this.fitted(pane);
      pane.scene.view = camera ? zoomed(fitted, camera[0], camera[1], camera[2]) : fitted;
      pane.scene.zoom = camera?.[2] ?? 1;
    }
    this.stage.requestFrame();
  }

  /** Zooms so that these samples fill the picture. */
  zoomTo(ids: readonly number[]): void {
    const pane = this.panes()[0];
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
    // As close as both axes allow, in the proportions that the fitted picture has.
    const close = this.fit(pane, [x0 - padX, y0 - padY, x1 + padX, y1 + padY], 60);
    const fitted = this.fitted(pane);
    const zoom = Math.min(fitted.ux / close.ux, fitted.uy / close.uy);
    this.look(zoomed(fitted, close.cx, close.cy, zoom));
  }

  /** Zooms by a factor about the middle of the picture, or about a place of it. */
  zoom(factor: number, at?: Point): void {
    const pane = this.panes()[0];
    if (!pane) return;
    const size = this.size(pane);
    this.look(zoomAt(pane.scene.view, size, at?.x ?? size.width / 2, at?.y ?? size.height / 2, factor));
  }

  pan(dx: number, dy: number): void {
    const pane = this.panes()[0];
    if (pane) this.look(pan(pane.scene.view, dx, dy));
  }

  /** The pane at a place of the canvas. */
  at(p: Point): PanePlace | null {
    for (const pane of this.panes()) {
      const rect = this.stage.rect(pane.scene);
      if (p.x >= rect.left && p.x < rect.left + rect.width)
        return { pane, local: { x: p.x - rect.left, y: p.y } };
    }
    return null;
  }

  /** In plane units. */
  plane({ pane, local }: PanePlace): Point {
    return toPlane(pane.scene.view, this.size(pane), local.x, local.y);
  }

  /** In 0..1 over the extent. */
  share(place: PanePlace): Point {
    const [x0, y0, x1, y1] = place.pane.data.view.extent;
    const at = this.plane(place);
    return { x: (at.x - x0) / (x1 - x0), y: (at.y - y0) / (y1 - y0) };
  }

  /** Where a sample is now, in CSS pixels from the canvas's corner. */
  screenOf(id: number, pane: Pane): Point {
    const [x, y] = pane.scene.planePlace(id);
    const rect = this.stage.rect(pane.scene);
    const p = toScreen(pane.scene.view, rect, x, y);
    return { x: p.x + rect.left, y: p.y };
  }

  /** The visible sample nearest to a place, at most `reach` pixels away; -1 if there is none. */
  sampleAt(place: PanePlace, reach: number): number {
    const { pane } = place;
    const { view } = pane.scene;
    const [x0, , x1] = pane.data.view.extent;
    const at = this.share(place);
    const radius = (reach * view.ux) / (x1 - x0);
    return pane.picker.pick(at.x, at.y, radius, (i) => pane.isVisible(i), view.ux / view.uy);
  }

  private fitted(pane: Pane): Viewport {
    return this.fit(pane, pane.data.view.frame, 28);
  }

  private fit(pane: Pane, frame: Extent, padding: number): Viewport {
    const stretch = this.store.state.equalAxes ? 1 : mostStretch;
    return fitFrame(frame, this.size(pane), padding, stretch);
  }

  private look(view: Viewport): void {
    const pane = this.panes()[0];
    if (!pane) return;
    const fitted = this.fitted(pane);
    const clamped = clampView(view, pane.data.view.extent, fitted);
    this.store.set({ camera: [clamped.cx, clamped.cy, zoomLevel(clamped, fitted)] });
  }
}
