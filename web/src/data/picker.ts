import type { Frame } from "../renderer/scene";
import { nearest, type SpatialIndex } from "./spatial-index";
import type { FromIndexer, ToIndexer } from "./spatial-worker";
import workerUrl from "./spatial-worker.ts?worker&url";

let workerSource: string | null = null;

/** The worker's address on the server. */
export { workerUrl };

/** Gives the worker's code itself, for a copy of the page that has no server to load it from. */
export function setWorkerCode(code: string): void {
  workerSource = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
}

/** Answers which sample is at a place of the picture, with an index that a worker keeps up to date with the time. */
export class Picker {
  private readonly worker: Worker;
  private readonly sent = new Map<string, number>();
  private index: SpatialIndex | null = null;
  private request = 0;
  private answered = 0;
  private waiting: ToIndexer | null = null;

  constructor(private readonly onIndex: () => void = () => {}) {
    // Pages opened from disk may not start module workers; the worker is one file without imports and runs as either.
    this.worker = workerSource ? new Worker(workerSource) : new Worker(workerUrl, { type: "module" });
    this.worker.onmessage = (event: MessageEvent<FromIndexer>) => {
      this.answered = event.data.request;
      this.index = event.data;
      if (this.waiting) {
        this.post(this.waiting);
        this.waiting = null;
      } else this.onIndex();
    };
  }

  /** True when the index is of the last time given. */
  get current(): boolean {
    return this.index !== null && this.answered === this.request && this.waiting === null;
  }

  /** Asks for the index of a time between two epochs; while one is being built only the newest wish is kept. */
  setTime(a: Frame, b: Frame, mixture: number): void {
    for (const frame of [a, b]) {
      if (!this.sent.has(frame.key))
        this.post({ kind: "positions", key: frame.key, positions: frame.positions });
      this.sent.delete(frame.key);
      this.sent.set(frame.key, 1);
    }
    for (const key of this.sent.keys()) {
      if (this.sent.size <= 8) break;
      this.sent.delete(key);
      this.post({ kind: "drop", key });
    }
    const message: ToIndexer = { kind: "index", request: this.request + 1, a: a.key, b: b.key, mixture };
    if (this.answered === this.request) this.post(message);
    else this.waiting = { ...message, request: this.request + 1 };
  }

  /** The positions that the index is of; null before the first one. */
  get positions(): Uint16Array | null {
    return this.index?.positions ?? null;
  }

  reset(): void {
    this.index = null;
  }

  /** The nearest accepted sample within `radius` of (x, y), all in 0..1 over the extent; -1 if none. See nearest(). */
  pick(x: number, y: number, radius: number, accept: (id: number) => boolean, weight = 1): number {
    return this.index ? nearest(this.index, x, y, radius, accept, weight) : -1;
  }

  close(): void {
    this.worker.terminate();
  }

  private post(message: ToIndexer): void {
    if (message.kind === "index") this.request = message.request;
    this.worker.postMessage(message);
  }
}
