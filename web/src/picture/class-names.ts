// Where the names of classes are written: pure functions, from a landscape and its samples to names that do not cover
// each other. The screen and exported pictures use them; src/render/class_names.cpp is their twin for `dvi render`, and
// tests/class-names holds what both must answer.

import type { Landscape } from "../renderer/territory";

/** Where a class's name may be written, in 0..1 over the extent, y upwards. */
export interface Anchor {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  /** of the ground, that its territory holds */
  readonly share: number;
  /** distance from (x, y) to the territory's edge */
  readonly room: number;
  /** 1, or less while one epoch gives way to another */
  readonly opacity: number;
}

/** Positions quantised over the extent, two a sample, and predictions. */
export interface Crowd {
  readonly positions: Uint16Array;
  readonly predictions: Uint16Array;
}

const side = 64;

/** City-block distance of each cell to the nearest one of another class; the rim counts as an edge further away. */
function edgeDistances(classes: Uint16Array): Float32Array {
  const distance = new Float32Array(side * side);
  const step = (x: number, y: number, nx: number, ny: number) => {
    if (nx < 0 || ny < 0 || nx >= side || ny >= side) return 3;
    return classes[ny * side + nx] === classes[y * side + x] ? distance[ny * side + nx]! + 1 : 1;
  };
  for (let y = 0; y < side; ++y)
    for (let x = 0; x < side; ++x)
      distance[y * side + x] = Math.min(step(x, y, x - 1, y), step(x, y, x, y - 1));
  for (let y = side - 1; y >= 0; --y)
    for (let x = side - 1; x >= 0; --x)
      distance[y * side + x] = Math.min(distance[y * side + x]!, step(x, y, x + 1, y), step(x, y, x, y + 1));
  return distance;
}

/** Samples predicted as the class of the cell they lie in, counted over the 5 x 5 cells around each cell. */
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
 * One anchor for each class that samples are predicted as on its own territory, largest territory first: where many of
 * them are and the territory is wide. A class that holds ground but no such sample has none: its name would mislead.
 */
export function nameAnchors(land: Landscape, crowd: Crowd): Anchor[] {
  const classes = new Uint16Array(side * side);
  const source = (i: number) => Math.floor(((i + 0.5) / side) * land.size);
  for (let y = 0; y < side; ++y)
    for (let x = 0; x < side; ++x) classes[y * side + x] = land.classes[source(y) * land.size + source(x)]!;
  const distance = edgeDistances(classes);
  const crowded = crowds(classes, crowd);
  const score = (cell: number) => Math.min(distance[cell]!, 4) * Math.sqrt(crowded[cell]!);
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
    .filter(([, { cell }]) => crowded[cell]! > 0)
    .map(([index, { cell, count }]) => ({
      index,
      x: ((cell % side) + 0.5) / side,
      y: (Math.floor(cell / side) + 0.5) / side,
      share: count / (side * side),
      room: distance[cell]! / side,
      opacity: 1,
    }))
    .sort((a, b) => b.share - a.share || a.index - b.index);
}

/** Between two epochs, `mixture` 0 being the first: names glide, or fade where they jump, appear or vanish. */
export function mixAnchors(from: readonly Anchor[], to: readonly Anchor[], mixture: number): Anchor[] {
  const later = new Map(to.map((a) => [a.index, a]));
  const out: Anchor[] = [];
  const between = (a: number, b: number) => a + (b - a) * mixture;
  for (const a of from) {
    const b = later.get(a.index);
    later.delete(a.index);
    if (!b) out.push({ ...a, opacity: 1 - mixture });
    else if (Math.hypot(a.x - b.x, a.y - b.y) > 0.25)
      out.push({ ...(mixture < 0.5 ? a : b), opacity: Math.abs(1 - 2 * mixture) });
    else
      out.push({
        index: a.index,
        x: between(a.x, b.x),
        y: between(a.y, b.y),
        share: between(a.share, b.share),
        room: between(a.room, b.room),
        opacity: 1,
      });
  }
  const appearing = [...later.values()].sort((a, b) => a.index - b.index);
  return [...out, ...appearing.map((b) => ({ ...b, opacity: mixture }))];
}

/** A name as it would be written, in pixels of its pane, y downwards; (x, y) is its middle. */
export interface Name {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  /** of the text, with what must stay free beside it */
  readonly width: number;
  /** distance to the territory's edge */
  readonly room: number;
  readonly opacity: number;
}

const mostNames = 60;

/**
 * Those of `names` that are written, the first ones first: each has room in its territory (it may be wider
 * than that, but not by much), lies within the pane, and covers none before it. `line` is the height of a
 * line of text.
 */
export function placeNames(
  names: readonly Name[],
  pane: { readonly width: number; readonly height: number },
  line: number,
): Name[] {
  const placed: Name[] = [];
  for (const name of names) {
    if (placed.length === mostNames) break;
    const { x, y, width } = name;
    if (name.opacity < 0.05 || name.room < 0.4 * line || width > 6 * name.room) continue;
    if (x < width / 2 || x > pane.width - width / 2) continue;
    if (y < line / 2 || y > pane.height - line / 2) continue;
    if (placed.some((p) => Math.abs(p.y - y) < line && Math.abs(p.x - x) < (p.width + width) / 2)) continue;
    placed.push(name);
  }
  return placed;
}
