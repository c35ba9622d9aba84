import type { SelectHow } from "../panels/panel";
import type { Store } from "../state/store";

const most = 50;

/** Changes of the selection, and the way back. */
export class Selecting {
  private readonly before: (readonly number[])[] = [];

  constructor(private readonly store: Store) {}

  select(ids: readonly number[], how: SelectHow): void {
    const { selection } = this.store.state;
    let next: readonly number[] = ids;
    if (how !== "replace") {
      const set = new Set(selection);
      for (const id of ids) how === "add" ? set.add(id) : set.delete(id);
      next = [...set];
    }
    if (next.length === 0 && selection.length === 0) return;
    this.before.push(selection);
    if (this.before.length > most) this.before.shift();
    this.store.set({ selection: next });
  }

  /** False where there is nothing to undo. */
  undo(): boolean {
    const selection = this.before.pop();
    if (selection) this.store.set({ selection });
    return selection !== undefined;
  }
}
