import type { Api, RunEntry } from "../data/api";
import type { Dataset } from "../data/dataset";
import type { Queries } from "../queries";
import type { State, Store } from "../state/store";
import type { IconName } from "../ui/icons";
import type { Viewer } from "../viewer";

/**
 * What changed: fields of the state, and
 * - "data": another run or view was opened, or the one shown grew;
 * - "epoch": another epoch became the nearest one shown (or arrived);
 * - "hover": another sample is under the pointer;
 * - "legend": the colouring changed;
 * - "queries": a search or filter was asked or answered;
 * - "compare-data": the second picture was opened or closed.
 */
export type Change = keyof State | "data" | "epoch" | "hover" | "legend" | "queries" | "compare-data";
export type Changes = ReadonlySet<Change>;

/** How ids are put into the selection. */
export type SelectHow = "replace" | "add" | "subtract";

/** What a panel may use of the page. A panel knows no other panel. */
export interface Host {
  readonly store: Store;
  readonly api: Api;
  readonly viewer: Viewer;
  readonly queries: Queries;
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

/** A part of the page: an element of its own, told of changes. */
export interface Panel {
  readonly id: string;
  readonly title: string;
  readonly icon: IconName;
  readonly element: HTMLElement;
  /** `changes` holds everything the first time. Called only while the panel is open. */
  update(state: State, changes: Changes): void;
  /** See Host.show. */
  receive?(detail: string): void;
}
