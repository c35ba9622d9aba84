import type { Landscape } from "./api";

/** Where a class's name is written, in 0..1, and the share of the ground that its territory holds. */
export interface Anchor {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly share: number;
  /** distance to the territory's edge, in 0..1 */
  readonly room: number;
}

const side = 64;

/** Positions quantised over the extent, two a sample, and predictions. */
export interface Crowd {
  readonly positions: Uint16Array;
  readonly predictions: Uint16Array;
}

/**
 * Samples predicted as the class of the cell they lie in, counted over the 5 x 5 cells around each cell: a class may hold
 * wide ground where none of its samples is, and a name there would mislead.
 */
function crowds(classes: Uint16Array, crowd: Crowd): Float32Array {
  const here = new Float32Array(side * side);
  for (let i = 0; i < crowd.predictions.length; ++i) {
    const cell = (crowd.positions[2 * i + 1]! >> 10) * side + (crowd.positions[2 * i]! >> 10);
    if (classes[cell] === crowd.predictions[i]) here[cell]!++;
  }
  const around = new Float32Array(side * side);
  for (let y = 0; y < side; ++y)
    for (let x = 0; x < side; ++x) {
      const own = classes[y * side + x];
      for (let v = Math.max(0, y - 2); v <= Math.min(side - 1, y + 2); ++v)
        for (let u = Math.max(0, x - 2); u <= Math.min(side - 1, x + 2); ++u)
          if (classes[v * side + u] === own) around[y * side + x]! += here[v * side + u]!;
    }
  return around;
}

/**
 * Anchors of every class that holds some of the landscape, largest territory first: where many of its samples are and the
 * territory is wide, or in its widest part where it has no samples.
 */
export function territoryAnchors(land: Landscape, crowd?: Crowd): Anchor[] {
  const classes = new Uint16Array(side * side);
  for (let y = 0; y < side; ++y) {
    const from = Math.floor(((y + 0.5) / side) * land.size) * land.size;
    for (let x = 0; x < side; ++x)
      classes[y * side + x] = land.classes[from + Math.floor(((x + 0.5) / side) * land.size)]!;
  }
  // City-block distance to the nearest cell of another class, in two sweeps; the rim counts as half an edge.
  const distance = new Float32Array(side * side);
  const at = (x: number, y: number, nx: number, ny: number) => {
    if (nx < 0 || ny < 0 || nx >= side || ny >= side) return 3;
    return classes[ny * side + nx] === classes[y * side + x] ? distance[ny * side + nx]! + 1 : 1;
  };
  for (let y = 0; y < side; ++y)
    for (let x = 0; x < side; ++x) distance[y * side + x] = Math.min(at(x, y, x - 1, y), at(x, y, x, y - 1));
  for (let y = side - 1; y >= 0; --y)
    for (let x = side - 1; x >= 0; --x)
      distance[y * side + x] = Math.min(distance[y * side + x]!, at(x, y, x + 1, y), at(x, y, x, y + 1));
  const crowded = crowd ? crowds(classes, crowd) : null;
  const score = (cell: number) => {
    const room = distance[cell]!;
    return crowded?.[cell] ? 1e3 + Math.min(room, 4) * Math.sqrt(crowded[cell]!) : room;
  };
  const best = new Map<number, { cell: number; count: number }>();
  for (let i = 0; i < side * side; ++i) {
    const known = best.get(classes[i]!);
    if (!known) best.set(classes[i]!, { cell: i, count: 1 });
    else {
      known.count++;
      if (score(i) > score(known.cell)) known.cell = i;
    }
  }
  return [...best]
    .map(([index, { cell, count }]) => ({
      index,
      x: ((cell % side) + 0.5) / side,
      y: (Math.floor(cell / side) + 0.5) / side,
      share: count / (side * side),
      room: distance[cell]! / side,
    }))
    .sort((a, b) => b.share - a.share);
}
