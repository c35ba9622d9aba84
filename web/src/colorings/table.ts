import type { Dataset } from "../data/dataset";
import type { Coloring } from "./coloring";
import { columnColoring } from "./column";
import { confidence } from "./confidence";
import { correct } from "./correct";
import { group } from "./group";
import { influence } from "./influence";
import { kept } from "./kept";
import { label } from "./label";
import { margin } from "./margin";
import { moved } from "./moved";
import { prediction } from "./prediction";
import { roundTrip } from "./round-trip";

/** Every way to colour samples, as the list shows them. */
const all: readonly Coloring[] = [
  label,
  prediction,
  correct,
  confidence,
  margin,
  group,
  kept,
  roundTrip,
  moved,
  influence,
];

/** Those that a data set has what they need for, and one for each of its run's columns. */
export function coloringsOf(data: Dataset): Coloring[] {
  return [...all.filter((c) => c.fits?.(data) ?? true), ...data.run.columns.map(columnColoring)];
}

/** The colouring of this id; undefined where the data set has none. */
export function findColoring(data: Dataset, id: string): Coloring | undefined {
  return coloringsOf(data).find((c) => c.id === id);
}

/** What is shown where a link asks for a colouring that the data set does not have. */
export const fallback: Coloring = label;
