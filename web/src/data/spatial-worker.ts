// Builds spatial indices off the main thread. Positions of an epoch are sent once; afterwards only a time is.

import { buildIndex, mixPositions } from "./spatial-index";

export type ToIndexer =
  | { kind: "positions"; key: string; positions: Uint16Array }
  | { kind: "drop"; key: string }
  | { kind: "index"; request: number; a: string; b: string; mixture: number };

export interface FromIndexer {
  request: number;
  side: number;
  start: Uint32Array;
  ids: Uint32Array;
  positions: Uint16Array;
}

const known = new Map<string, Uint16Array>();

self.onmessage = (event: MessageEvent<ToIndexer>) => {
  const message = event.data;
  if (message.kind === "positions") known.set(message.key, message.positions);
  else if (message.kind === "drop") known.delete(message.key);
  else {
    const a = known.get(message.a);
    const b = known.get(message.b);
    if (!a || !b) return;
    const mixed = mixPositions(a, b, message.mixture);
    const positions = mixed === a || mixed === b ? mixed.slice() : mixed;
    const { side, start, ids } = buildIndex(positions);
    const answer: FromIndexer = { request: message.request, side, start, ids, positions };
    self.postMessage(answer, { transfer: [start.buffer, ids.buffer, positions.buffer] });
  }
};
