import { DataTexture, DataUtils, HalfFloatType, LinearFilter, RedFormat } from "three";

/** Cells along each side of a density map. */
export const densityCells = 128;
const enough = 100_000;

/**
 * How many samples lie in each cell of a grid over the extent, smoothed over 3 x 3 cells: [cells * cells], row 0 the
 * smallest y. Only those that `shows` lets be are counted, all if it is null; of very many, every so many.
 */
export function densityOf(positions: Uint16Array, shows: ((id: number) => boolean) | null): Float32Array {
  const count = positions.length / 2;
  const step = Math.max(1, Math.floor(count / enough));
  const side = densityCells;
  const here = new Float32Array(side * side);
  for (let i = 0; i < count; i += step)
    if (shows === null || shows(i))
      here[(positions[2 * i + 1]! >> 9) * side + (positions[2 * i]! >> 9)]! += step;
  return smoothed(smoothed(here, 1, side), side, 1);
}

/** The mean of each cell and its two neighbours along one axis; beyond the rim nothing lies. */
function smoothed(cells: Float32Array, along: number, across: number): Float32Array {
  const out = new Float32Array(cells.length);
  for (let j = 0; j < densityCells; ++j)
    for (let i = 0; i < densityCells; ++i) {
      const at = j * across + i * along;
      const before = i > 0 ? cells[at - along]! : 0;
      const after = i + 1 < densityCells ? cells[at + along]! : 0;
      out[at] = (before + cells[at]! + after) / 3;
    }
  return out;
}

export function densityTexture(cells: Float32Array): DataTexture {
  const half = Uint16Array.from(cells, (v) => DataUtils.toHalfFloat(Math.min(v, 65504)));
  const texture = new DataTexture(half, densityCells, densityCells, RedFormat, HalfFloatType);
  texture.magFilter = LinearFilter;
  texture.minFilter = LinearFilter;
  texture.unpackAlignment = 2;
  texture.needsUpdate = true;
  return texture;
}
