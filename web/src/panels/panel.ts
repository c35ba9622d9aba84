import type { Api } from "../data/api";
import type { Dataset } from "../data/dataset";
import type { State, Store } from "../state/store";
import type { IconName } from "../ui/icons";
import type { Viewer } from "../viewer";

/**
 * What changed: fields of the state, and
 * - "data": another run or view was opened, or the one shown grew;
 * - "epoch": another epoch became the nearest one shown (or arrived);
 * - "hover": another sample is under the pointer;
 * - "legend": the colouring changed.
 */
export type Change = keyof State | "data" | "epoch" | "hover" | "legend";
export type Changes = ReadonlySet<Change>;

/** How ids are put into the selection. */
export type SelectHow = "replace" | "add" | "subtract";

/** What a panel may use of the page. A panel knows no other panel. */
export interface Host {
  readonly store: Store;
  readonly api: Api;
  readonly viewer: Viewer;
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
  say(message: string, kind?: "info" | "error"): void;
  /** Sends something to all panels that only one of them knows (a query to run, say). */
  request(name: "search", detail: string): void;
}

/** A part of the page: an element of its own, told of changes. */
export interface Panel {
  readonly id: string;
  readonly title: string;
  readonly icon: IconName;
  readonly element: HTMLElement;
  /** `changes` holds everything the first time. Called only while the panel is open. */
  update(state: State, changes: Changes): void;
  /** See Host.request. */
  onRequest?(name: string, detail: string): void;
}
