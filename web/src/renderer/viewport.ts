// Pure functions between the plane (the view's own units, y up) and a pane of the canvas (CSS pixels, y down).

/** [x0, y0, x1, y1] in plane units. */
export type Extent = readonly [number, number, number, number];

/** What a pane looks at: the plane point at its centre and how many plane units one CSS pixel covers. */
export interface Viewport {
  readonly cx: number;
  readonly cy: number;
  readonly unitsPerPixel: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The viewport that shows all of `extent` with `padding` pixels around it. */
export function fitExtent(extent: Extent, size: Size, padding = 16): Viewport {
  const width = Math.max(1, size.width - 2 * padding);
  const height = Math.max(1, size.height - 2 * padding);
  const dx = Math.max(extent[2] - extent[0], 1e-9);
  const dy = Math.max(extent[3] - extent[1], 1e-9);
  return {
    cx: (extent[0] + extent[2]) / 2,
    cy: (extent[1] + extent[3]) / 2,
    unitsPerPixel: Math.max(dx / width, dy / height),
  };
}

export function toScreen(view: Viewport, size: Size, x: number, y: number): Point {
  return {
    x: (x - view.cx) / view.unitsPerPixel + size.width / 2,
    y: size.height / 2 - (y - view.cy) / view.unitsPerPixel,
  };
}

export function toPlane(view: Viewport, size: Size, px: number, py: number): Point {
  return {
    x: view.cx + (px - size.width / 2) * view.unitsPerPixel,
    y: view.cy + (size.height / 2 - py) * view.unitsPerPixel,
  };
}

export function pan(view: Viewport, dx: number, dy: number): Viewport {
  return { ...view, cx: view.cx - dx * view.unitsPerPixel, cy: view.cy + dy * view.unitsPerPixel };
}

/** Zooms by `factor` (> 1 comes closer) and keeps the plane point under (px, py) where it is. */
export function zoomAt(view: Viewport, size: Size, px: number, py: number, factor: number): Viewport {
  const at = toPlane(view, size, px, py);
  const unitsPerPixel = view.unitsPerPixel / factor;
  return {
    cx: at.x - (px - size.width / 2) * unitsPerPixel,
    cy: at.y - (size.height / 2 - py) * unitsPerPixel,
    unitsPerPixel,
  };
}

/** Keeps the centre inside the extent and the zoom between a quarter and 5,000 times the fitted one. */
export function clampView(view: Viewport, extent: Extent, size: Size): Viewport {
  const fitted = fitExtent(extent, size).unitsPerPixel;
  return {
    cx: Math.min(Math.max(view.cx, extent[0]), extent[2]),
    cy: Math.min(Math.max(view.cy, extent[1]), extent[3]),
    unitsPerPixel: Math.min(Math.max(view.unitsPerPixel, fitted / 5000), fitted * 4),
  };
}

/** How much closer than fitted the view is. */
export function zoomLevel(view: Viewport, extent: Extent, size: Size): number {
  return fitExtent(extent, size).unitsPerPixel / view.unitsPerPixel;
}

/**
 * Scale and offset that take a position quantised over `extent` (0..1) to clip space:
 * clip = q * (scaleX, scaleY) + (offsetX, offsetY).
 */
export function clipTransform(view: Viewport, extent: Extent, size: Size): [number, number, number, number] {
  const kx = 2 / (size.width * view.unitsPerPixel);
  const ky = 2 / (size.height * view.unitsPerPixel);
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
  const side = Math.min(size.width, size.height);
  const even = Math.sqrt((side * side * 0.16) / Math.max(count, 1));
  const base = Math.min(Math.max(even, 1.6), 9);
  return Math.min(base * Math.max(zoom, 0.5) ** 0.35, 22);
}
