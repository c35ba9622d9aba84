import type { Landscape } from "./api";

/** Where a class's name is written: the middle of the widest part of its territory, in 0..1, and its share of it. */
export interface Anchor {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly share: number;
  /** distance to the territory's edge, in 0..1 */
  readonly room: number;
}

const side = 64;

/** Anchors of every class that holds some of the landscape, largest territory first. */
export function territoryAnchors(land: Landscape): Anchor[] {
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
  const best = new Map<number, { cell: number; count: number }>();
  for (let i = 0; i < side * side; ++i) {
    const known = best.get(classes[i]!);
    if (!known) best.set(classes[i]!, { cell: i, count: 1 });
    else {
      known.count++;
      if (distance[i]! > distance[known.cell]!) known.cell = i;
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
