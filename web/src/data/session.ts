import type { Store } from "../state/store";
import type { Api, SessionState } from "./api";

/** Changes of the selection that follow each other more quickly are told as one. */
const pause = 60;

/**
 * What this page shares with a notebook, under the name in the page's address: the selection goes both ways, new
 * samples come from the notebook. The server holds it; of two changes the later one stays.
 */
export class Session {
  private run = -1;
  /** Of the server's state that is shown here. */
  private version = 0;
  /** This page's selection is on its way to the server: the server's is older. */
  private telling = false;
  private applying = false;
  private timer = 0;
  private asking: Promise<void> | null = null;
  private outdated = false;

  constructor(
    readonly name: string,
    private readonly api: Api,
    private readonly store: Store,
    private readonly take: {
      selection(ids: readonly number[]): void;
      samples(shared: SessionState["samples"]): Promise<void>;
      error(message: string): void;
    },
  ) {
    store.subscribe((_, changed) => {
      if (!changed.has("selection") || this.applying || this.run < 0) return;
      this.telling = true;
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => void this.tell(), pause);
    });
  }

  /** The page shows this run now. */
  open(run: number): void {
    if (run === this.run) return;
    this.run = run;
    this.version = 0;
    void this.sync();
  }

  /** The server may be another one, which counts anew. */
  reconnected(): void {
    this.version = 0;
    void this.sync();
  }

  /** Something changed, or may have. */
  sync(): Promise<void> {
    this.outdated = true;
    this.asking ??= this.ask().finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  private async ask(): Promise<void> {
    while (this.outdated && this.run >= 0) {
      this.outdated = false;
      const { run } = this;
      try {
        const state = await this.api.session(run, this.name);
        if (run !== this.run || state.version < this.version) continue;
        this.version = state.version;
        if (state.version === 0) {
          if (this.store.state.selection.length) await this.tell();
          continue;
        }
        if (!this.telling) this.select(state.selection);
        await this.take.samples(state.samples);
      } catch (error) {
        this.take.error((error as Error).message);
        return;
      }
    }
  }

  private select(ids: readonly number[]): void {
    const { selection } = this.store.state;
    if (ids.length === selection.length && ids.every((id, k) => id === selection[k])) return;
    this.applying = true;
    try {
      this.take.selection(ids);
    } finally {
      this.applying = false;
    }
  }

  private async tell(): Promise<void> {
    const { selection } = this.store.state;
    try {
      const { version } = await this.api.shareSelection(this.run, this.name, selection);
      this.version = Math.max(this.version, version);
    } catch (error) {
      this.take.error((error as Error).message);
    }
    if (selection === this.store.state.selection) this.telling = false;
  }
}
