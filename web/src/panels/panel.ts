import type { Legend } from "../colorings/coloring";
import type { Api, LinePoint, RunEntry } from "../data/api";
import type { Dataset, EpochData } from "../data/dataset";
import type { NewSample, NewSamples } from "../data/new-samples";
import type { Found } from "../data/queries";
import type { State, Store } from "../state/store";
import type { IconName } from "../ui/icons";

/**
 * What changed: fields of the state, and
 * - "data": another run or view was opened, or the one shown grew;
 * - "epoch": another epoch became the nearest one shown (or arrived);
 * - "hover": another sample is under the pointer;
 * - "legend": the colouring changed;
 * - "queries": a search or filter was asked or answered;
 * - "compare-data": the second picture was opened or closed;
 * - "new-samples": samples were brought or thrown away.
 */
export type Change =
  | keyof State
  | "data"
  | "epoch"
  | "hover"
  | "legend"
  | "queries"
  | "compare-data"
  | "new-samples";
export type Changes = ReadonlySet<Change>;

/** How ids are put into the selection. */
export type SelectHow = "replace" | "add" | "subtract";

/** What a panel may ask of the picture, and do to it. What is shown there follows the store's state. */
export interface Picture {
  /** Arrays of the epoch nearest to the time shown; null before the first one came. */
  readonly epochData: EpochData | null;
  /** How the colours read; null while nothing is open. */
  readonly legend: Legend | null;
  /** The picture beside the main one, with its nearest epoch; null while there is none. */
  readonly beside: { readonly data: Dataset; readonly epoch: number | null } | null;
  /** Share of the territory that changed class since the reference epoch; null while that is not shown. */
  readonly changedShare: number | null;
  /** Zooms so that these samples fill the picture. */
  zoomTo(ids: readonly number[]): void;
  /** Marks a sample as if the pointer were over it; -1 takes the mark away. */
  point(id: number): void;
  /** Lets one of the new samples stand out; null shows all alike. */
  lookAtNew(sample: NewSample | null): void;
  /** Draws a line between two samples, in the colours of its classes, until the time or `null` takes it away. */
  showLine(points: readonly LinePoint[] | null): void;
}

/** Search and filter: what was asked last and what came of it. */
export interface Searches {
  /** The last search; null while there is none. */
  readonly found: Found | null;
  /** Ids that it found, at the epoch shown where the state's `acrossEpochs` says so. */
  readonly current: readonly number[];
  /** Samples that the filter keeps at the epoch shown; null = no filter. */
  readonly filterCount: number | null;
  /** What is wrong with what was asked last, or "". */
  readonly error: string;
  /** Puts the samples that fit the condition into the selection. */
  search(condition: string): Promise<void>;
  /** Forgets search and filter. */
  clear(): void;
}

/**
 * All that a panel may use of the page. A panel knows no other panel, and changes what is shown by `store.set`: the
 * picture, the panels and the link follow by themselves.
 */
export interface Host {
  readonly store: Store;
  readonly api: Api;
  readonly picture: Picture;
  readonly queries: Searches;
  readonly newSamples: NewSamples;
  /** The runs served. */
  readonly runs: readonly RunEntry[];
  /** The data set of the main picture; null while none is open. */
  readonly data: Dataset | null;
  /** Epoch number nearest to the time shown. */
  readonly epoch: number;
  /** Goes to an epoch by its number. */
  goToEpoch(epoch: number): void;
  select(ids: readonly number[], how: SelectHow): void;
  undoSelection(): void;
  /** Shows the sample's card. */
  focus(id: number): void;
  /** A short message; errors stay until they are read. */
  say(message: string, kind?: "info" | "error", action?: { text: string; action: () => void }): void;
  /** What is shown, as the part of a link after #. */
  hash(): string;
  /** Opens a panel, and hands it what it should do: a condition to search for, say. */
  show(panel: string, detail?: string): void;
}

/**
 * A part of the page: an element of its own, told of changes. Another one is a class in a file beside this
 * and a line in page/app.ts, which gives it its place in the rail and a digit as its key.
 */
export interface Panel {
  /** In the state's `panel`, and so in links. */
  readonly id: string;
  readonly title: string;
  readonly icon: IconName;
  readonly element: HTMLElement;
  /** `changes` holds everything the first time. Called only while the panel is open. */
  update(state: State, changes: Changes): void;
  /** See Host.show. */
  receive?(detail: string): void;
}
