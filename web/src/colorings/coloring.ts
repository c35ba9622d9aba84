import { classColor, type Rgb, rampBytes } from "../color/palette";
import type { Theme } from "../color/theme";
import type { Dataset, EpochData } from "../data/dataset";
import { ColorMode } from "../renderer/points";

/** What a colouring looks at. */
export interface Look {
  readonly data: Dataset;
  /** The epoch shown; null before the first one came. */
  readonly epoch: EpochData | null;
  readonly theme: Theme;
  /** The samples selected, or else the one in focus. */
  readonly selection?: readonly number[];
}

export interface LegendEntry {
  readonly name: string;
  readonly color: Rgb;
}

/** How colours read. `note` says in a few words what they mean. */
export type Legend =
  | { readonly kind: "categories"; readonly entries: readonly LegendEntry[]; readonly note: string }
  | {
      readonly kind: "ramp";
      readonly from: string;
      readonly to: string;
      readonly bytes: Uint8Array;
      readonly note: string;
    };

/** All samples coloured. */
export interface Colored {
  /** What the renderer looks the colour up by. */
  readonly mode: ColorMode;
  /** For ColorMode.Category the index of each sample's entry, for ColorMode.Ramp its value; else null. */
  readonly value: Uint8Array | Uint16Array | null;
  readonly legend: Legend;
  /** Index of the legend entry that sample `id` has at `epoch`; -1 where it has none, as on a ramp. */
  entryOf(id: number, epoch: EpochData | null): number;
  colorOf(id: number, epoch: EpochData | null): Rgb;
}

/** One way to colour samples. Another one is another file beside this and a line in table.ts. */
export interface Coloring {
  /** In links and in the state. */
  readonly id: string;
  /** In the list. */
  readonly name: string;
  /** Whether `value` or the legend is another one at another epoch. */
  readonly perEpoch: boolean;
  /** Whether they are another ones for another selection; not, if absent. */
  readonly perSelection?: boolean;
  /** Whether a data set has what it needs; always, if absent. */
  fits?(data: Dataset): boolean;
  color(look: Look): Colored | Promise<Colored>;
}

const noColor: Rgb = [140, 140, 140];

/** The classes in their own colours, as legend entries. */
export function classEntries(data: Dataset): LegendEntry[] {
  return data.classes.map((name, i) => ({ name, color: classColor(i, data.classes.length) }));
}

/** Colours out of a list of entries. */
export function byEntry(
  mode: ColorMode,
  value: Uint16Array | null,
  entries: readonly LegendEntry[],
  note: string,
  entryOf: Colored["entryOf"],
): Colored {
  return {
    mode,
    value,
    legend: { kind: "categories", entries, note },
    entryOf,
    colorOf: (id, epoch) => entries[entryOf(id, epoch)]?.color ?? noColor,
  };
}

/** Named categories: `value` holds each sample's. */
export function byCategory(
  names: readonly string[],
  value: Uint16Array,
  note: string,
  colors?: readonly Rgb[],
): Colored {
  const entries = names.map((name, i) => ({ name, color: colors?.[i] ?? classColor(i, names.length) }));
  return byEntry(ColorMode.Category, value, entries, note, (id) => value[id] ?? -1);
}

/** Values from low to high; bytes or uint16, the whole range of the type. */
export function byRamp(
  value: Uint8Array | Uint16Array,
  ends: readonly [string, string],
  note: string,
  theme: Theme,
): Colored {
  const bytes = rampBytes(theme.dark);
  const at = (id: number) => (value instanceof Uint8Array ? value[id]! : value[id]! >> 8) * 4;
  return {
    mode: ColorMode.Ramp,
    value,
    legend: { kind: "ramp", from: ends[0], to: ends[1], bytes, note },
    entryOf: () => -1,
    colorOf: (id) => [bytes[at(id)]!, bytes[at(id) + 1]!, bytes[at(id) + 2]!],
  };
}
