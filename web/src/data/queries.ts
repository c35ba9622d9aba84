import type { Store } from "../state/store";
import type { Api } from "./api";
import type { Dataset } from "./dataset";

/** What a search found. */
export interface Found {
  readonly run: number;
  readonly where: string;
  /** epoch at which it was asked */
  readonly epoch: number;
  /** ids at that epoch */
  readonly ids: readonly number[];
  readonly seconds: number;
  /** ids at every fitted epoch, once known */
  byEpoch: ReadonlyMap<number, readonly number[]> | null;
}

/** The picture that conditions are asked about: its epoch, and what it hides. */
export interface Filtered {
  readonly epoch: number;
  setFilter(mask: Uint8Array | null): void;
}

/**
 * Runs conditions on the server. Search puts what it finds into the selection; the filter hides everything else. Both
 * either keep the ids found once or follow the epoch, as the switch `acrossEpochs` says.
 */
export class Queries {
  found: Found | null = null;
  /** samples that the filter keeps at the epoch shown; null = no filter */
  filterCount: number | null = null;
  error = "";

  private asked = 0;
  private filterKey = "";
  private filterByEpoch: ReadonlyMap<number, readonly number[]> | null = null;
  private filterIds: readonly number[] | null = null;

  constructor(
    private readonly store: Store,
    private readonly api: Api,
    private readonly picture: Filtered,
    private readonly data: () => Dataset | null,
    private readonly select: (ids: readonly number[]) => void,
    private readonly changed: () => void,
  ) {}

  /** Ids of the search at the epoch shown, as the switch says. */
  get current(): readonly number[] {
    const { found } = this;
    if (!found) return [];
    if (this.store.state.acrossEpochs === "keep") return found.ids;
    return found.byEpoch?.get(this.picture.epoch) ?? (found.epoch === this.picture.epoch ? found.ids : []);
  }

  async search(where: string): Promise<void> {
    const data = this.data();
    if (!data || !where.trim()) return;
    const epoch = this.picture.epoch;
    const asked = ++this.asked;
    this.error = "";
    this.changed();
    try {
      const answer = await this.api.query(data.runId, data.viewName, where, epoch);
      // Something else was asked for meanwhile, or another run is shown.
      if (asked !== this.asked || data.runId !== this.data()?.runId) return;
      this.found = { run: data.runId, where, epoch, ids: answer.ids, seconds: answer.seconds, byEpoch: null };
      this.select(answer.ids);
      this.changed();
      await this.followEpochs();
    } catch (error) {
      if (asked !== this.asked || data.runId !== this.data()?.runId) return;
      this.error = (error as Error).message;
      this.changed();
    }
  }

  clear(): void {
    this.forget();
    this.store.set({ filter: "", shown: null });
    this.changed();
  }

  /** The epoch shown, the filter or the switch changed. */
  async update(changes: ReadonlySet<string>): Promise<void> {
    // Ids of one run mean nothing in another.
    if (this.found && this.found.run !== this.data()?.runId) this.forget();
    if (changes.has("data") && this.found) void this.followEpochs();
    if (
      (changes.has("epoch") || changes.has("acrossEpochs")) &&
      this.found &&
      this.store.state.acrossEpochs === "each"
    )
      if (this.found.byEpoch) this.select(this.current);
    if (["filter", "shown", "acrossEpochs", "data", "epoch"].some((c) => changes.has(c)))
      await this.applyFilter();
  }

  /** Lets go of what was found and of what is still being looked for. */
  private forget(): void {
    this.asked++;
    this.found = null;
    this.error = "";
  }

  private async followEpochs(): Promise<void> {
    const data = this.data();
    const { found } = this;
    if (!data || !found) return;
    try {
      const { epochs } = await this.api.queryEach(data.runId, data.viewName, found.where);
      if (this.found !== found) return;
      found.byEpoch = new Map(epochs.map((e) => [e.epoch, e.ids]));
      this.changed();
    } catch (error) {
      if (this.found === found) this.error = (error as Error).message;
      this.changed();
    }
  }

  private async applyFilter(): Promise<void> {
    const data = this.data();
    const { filter, shown, acrossEpochs } = this.store.state;
    if (!data) return;
    const key = `${data.key}|${data.fitted.length}|${filter}|${acrossEpochs}`;
    if (key !== this.filterKey) {
      this.filterKey = key;
      this.filterByEpoch = null;
      this.filterIds = null;
      if (filter) {
        try {
          if (acrossEpochs === "each") {
            const { epochs } = await this.api.queryEach(data.runId, data.viewName, filter);
            if (this.filterKey !== key) return;
            this.filterByEpoch = new Map(epochs.map((e) => [e.epoch, e.ids]));
          } else {
            const epoch =
              this.store.state.filterEpoch >= 0 ? this.store.state.filterEpoch : this.picture.epoch;
            const { ids } = await this.api.query(data.runId, data.viewName, filter, epoch);
            if (this.filterKey !== key) return;
            this.filterIds = ids;
          }
        } catch (error) {
          if (this.filterKey !== key) return;
          this.error = (error as Error).message;
          this.store.set({ filter: "" });
          this.changed();
          return;
        }
      }
    }
    const ids = this.filterByEpoch ? (this.filterByEpoch.get(this.picture.epoch) ?? []) : this.filterIds;
    if (!ids && !shown) {
      this.picture.setFilter(null);
      this.filterCount = null;
    } else {
      const mask = new Uint8Array(data.count);
      for (const id of ids ?? shown!.ids) mask[id] = 1;
      if (ids && shown) {
        const both = new Uint8Array(data.count);
        for (const id of shown.ids) both[id] = mask[id]!;
        mask.set(both);
      }
      this.filterCount = mask.reduce((sum, v) => sum + v, 0);
      this.picture.setFilter(mask);
    }
    this.changed();
  }
}
