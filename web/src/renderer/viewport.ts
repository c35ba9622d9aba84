// Pure functions between the plane (the view's own units, y up) and a pane of the canvas (CSS pixels, y down).

/** [x0, y0, x1, y1] in plane units. */
export type Extent = readonly [number, number, number, number];

/**
 * What a pane looks at: the plane point at its centre, and how many plane units a CSS pixel covers to the
 * right (ux) and upwards (uy). The two differ where the plane is stretched to the pane's shape.
 */
export interface Viewport {
  readonly cx: number;
  readonly cy: number;
  readonly ux: number;
  readonly uy: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** How much longer one axis may be drawn than the other, so that the picture fills its pane. */
export const mostStretch = 2;

/**
 * The viewport that shows all of `frame` with `padding` pixels around it. The plane is stretched to the
 * pane's shape, by `stretch` at most: 1 keeps distances as they are.
 */
export function fitFrame(frame: Extent, size: Size, padding = 16, stretch = 1): Viewport {
  const ux = Math.max(frame[2] - frame[0], 1e-9) / Math.max(1, size.width - 2 * padding);
  const uy = Math.max(frame[3] - frame[1], 1e-9) / Math.max(1, size.height - 2 * padding);
  return {
    cx: (frame[0] + frame[2]) / 2,
    cy: (frame[1] + frame[3]) / 2,
    ux: Math.max(ux, uy / stretch),
    uy: Math.max(uy, ux / stretch),
  };
}

/** `view` drawn `zoom` times as large, about the plane point (cx, cy). */
export function zoomed(view: Viewport, cx: number, cy: number, zoom: number): Viewport {
  return { cx, cy, ux: view.ux / zoom, uy: view.uy / zoom };
}

export function toScreen(view: Viewport, size: Size, x: number, y: number): Point {
  return {
    x: (x - view.cx) / view.ux + size.width / 2,
    y: size.height / 2 - (y - view.cy) / view.uy,
  };
}

export function toPlane(view: Viewport, size: Size, px: number, py: number): Point {
  return {
    x: view.cx + (px - size.width / 2) * view.ux,
    y: view.cy + (size.height / 2 - py) * view.uy,
  };
}

export function pan(view: Viewport, dx: number, dy: number): Viewport {
  return { ...view, cx: view.cx - dx * view.ux, cy: view.cy + dy * view.uy };
}

/** Zooms by `factor` (> 1 comes closer) and keeps the plane point under (px, py) where it is. */
export function zoomAt(view: Viewport, size: Size, px: number, py: number, factor: number): Viewport {
  const at = toPlane(view, size, px, py);
  const [ux, uy] = [view.ux / factor, view.uy / factor];
  return { cx: at.x - (px - size.width / 2) * ux, cy: at.y - (size.height / 2 - py) * uy, ux, uy };
}

/** Keeps the centre inside the extent and the zoom between a quarter and 5,000 times that of `fitted`. */
export function clampView(view: Viewport, extent: Extent, fitted: Viewport): Viewport {
  const zoom = Math.min(Math.max(zoomLevel(view, fitted), 1 / 4), 5000);
  return zoomed(
    fitted,
    Math.min(Math.max(view.cx, extent[0]), extent[2]),
    Math.min(Math.max(view.cy, extent[1]), extent[3]),
    zoom,
  );
}

/** How much closer than fitted the view is. */
export function zoomLevel(view: Viewport, fitted: Viewport): number {
  return Math.sqrt((fitted.ux * fitted.uy) / (view.ux * view.uy));
}

/**
 * Scale and offset that take a position quantised over `extent` (0..1) to clip space:
 * clip = q * (scaleX, scaleY) + (offsetX, offsetY).
 */
export function clipTransform(view: Viewport, extent: Extent, size: Size): [number, number, number, number] {
  const kx = 2 / (size.width * view.ux);
  const ky = 2 / (size.height * view.uy);
  return [
    (extent[2] - extent[0]) * kx,
    (extent[3] - extent[1]) * ky,
    (extent[0] - view.cx) * kx,
    (extent[1] - view.cy) * ky,
  ];
}

/**
 * Diameter in CSS pixels that covers about a sixth of the pane with `count` points at zoom 1, between 1.6 and 9,
 * growing slowly with the zoom so that single samples become readable.
 */
export function pointSize(count: number, size: Size, zoom: number): number {
  const even = Math.sqrt((size.width * size.height * 0.16) / Math.max(count, 1));
  const base = Math.min(Math.max(even, 1.6), 9);
  return Math.min(base * Math.max(zoom, 0.5) ** 0.35, 22);
}
