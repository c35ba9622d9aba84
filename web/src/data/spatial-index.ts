// A uniform grid over quantised positions: samples sorted by cell, so that what is under the pointer is found by
// looking at a few cells however many samples there are.

export interface SpatialIndex {
  /** cells along each side */
  readonly side: number;
  /** [side * side + 1]: samples of cell c are ids[start[c]] .. ids[start[c + 1] - 1] */
  readonly start: Uint32Array;
  readonly ids: Uint32Array;
  /** [count, 2]: the positions indexed, quantised */
  readonly positions: Uint16Array;
}

/** Positions between two epochs; `mixture` 0 is the first. */
export function mixPositions(a: Uint16Array, b: Uint16Array, mixture: number): Uint16Array {
  if (mixture === 0 || a === b) return a;
  if (mixture === 1) return b;
  const out = new Uint16Array(a.length);
  for (let i = 0; i < a.length; ++i) out[i] = a[i]! + (b[i]! - a[i]!) * mixture;
  return out;
}

export function buildIndex(positions: Uint16Array): SpatialIndex {
  const count = positions.length / 2;
  const bits = Math.min(10, Math.max(1, Math.ceil(Math.log2(Math.sqrt(Math.max(count, 1) / 4)))));
  const side = 1 << bits;
  const shift = 16 - bits;
  const start = new Uint32Array(side * side + 1);
  for (let i = 0; i < count; ++i) {
    start[(positions[2 * i + 1]! >> shift) * side + (positions[2 * i]! >> shift) + 1]!++;
  }
  for (let c = 0; c < side * side; ++c) start[c + 1]! += start[c]!;
  const next = start.slice(0, side * side);
  const ids = new Uint32Array(count);
  for (let i = 0; i < count; ++i) {
    const cell = (positions[2 * i + 1]! >> shift) * side + (positions[2 * i]! >> shift);
    ids[next[cell]!++] = i;
  }
  return { side, start, ids, positions };
}

/**
 * The sample nearest to (x, y), in 0..1, within `radius`, among those that `accept` allows; -1 if there is
 * none. Distances along y count `weight` times as much as those along x, as in a picture that is stretched.
 * Cells are searched in rings around the place, and no further than the nearest sample found: where samples
 * are dense a few cells are enough.
 */
export function nearest(
  index: SpatialIndex,
  x: number,
  y: number,
  radius: number,
  accept: (id: number) => boolean,
  weight = 1,
): number {
  const { side, start, ids, positions } = index;
  const clamp = (v: number) => Math.min(side - 1, Math.max(0, Math.floor(v * side)));
  const x0 = clamp(x - radius);
  const x1 = clamp(x + radius);
  const y0 = clamp(y - radius / weight);
  const y1 = clamp(y + radius / weight);
  const px = x * 65535;
  const py = y * 65535;
  const cell = 65536 / side;
  const cx = Math.floor(px / cell);
  const cy = Math.floor(py / cell);
  // How far the place is from its own cell's nearest edge: ring r is at least this and r - 1 cells away.
  const inner = Math.min(px - cx * cell, (cx + 1) * cell - px, py - cy * cell, (cy + 1) * cell - py);
  const rings = Math.max(cx - x0, x1 - cx, cy - y0, y1 - cy);
  let best = (radius * 65535) ** 2;
  let found = -1;
  const look = (row: number, left: number, right: number) => {
    if (row < y0 || row > y1) return;
    const from = Math.max(left, x0);
    const to = Math.min(right, x1);
    if (from > to) return;
    const end = start[row * side + to + 1]!;
    for (let j = start[row * side + from]!; j < end; ++j) {
      const id = ids[j]!;
      const dx = positions[2 * id]! - px;
      const dy = (positions[2 * id + 1]! - py) * weight;
      const d = dx * dx + dy * dy;
      if (d <= best && accept(id)) {
        best = d;
        found = id;
      }
    }
  };
  look(cy, cx, cx);
  for (let r = 1; r <= rings; ++r) {
    if (found >= 0 && best < ((inner + (r - 1) * cell) * Math.min(1, weight)) ** 2) break;
    look(cy - r, cx - r, cx + r);
    look(cy + r, cx - r, cx + r);
    for (let row = cy - r + 1; row < cy + r; ++row) {
      look(row, cx - r, cx - r);
      look(row, cx + r, cx + r);
    }
  }
  return found;
}

/** Samples inside a rectangle given in 0..1. */
export function insideBox(positions: Uint16Array, x0: number, y0: number, x1: number, y1: number): number[] {
  const ax = x0 * 65535;
  const bx = x1 * 65535;
  const ay = y0 * 65535;
  const by = y1 * 65535;
  const out: number[] = [];
  for (let i = 0; i < positions.length; i += 2) {
    const x = positions[i]!;
    const y = positions[i + 1]!;
    if (x >= ax && x <= bx && y >= ay && y <= by) out.push(i >> 1);
  }
  return out;
}

/** Samples inside a polygon given as x, y pairs in 0..1 (even-odd rule). */
export function insidePolygon(positions: Uint16Array, polygon: readonly number[]): number[] {
  const corners = polygon.length / 2;
  if (corners < 3) return [];
  const px = Float64Array.from({ length: corners }, (_, k) => polygon[2 * k]! * 65535);
  const py = Float64Array.from({ length: corners }, (_, k) => polygon[2 * k + 1]! * 65535);
  const inBox = insideBox(
    positions,
    Math.min(...px) / 65535,
    Math.min(...py) / 65535,
    Math.max(...px) / 65535,
    Math.max(...py) / 65535,
  );
  return inBox.filter((id) => {
    const x = positions[2 * id]!;
    const y = positions[2 * id + 1]!;
    let inside = false;
    for (let i = 0, j = corners - 1; i < corners; j = i++) {
      if (py[i]! > y !== py[j]! > y && x < ((px[j]! - px[i]!) * (y - py[i]!)) / (py[j]! - py[i]!) + px[i]!)
        inside = !inside;
    }
    return inside;
  });
}
