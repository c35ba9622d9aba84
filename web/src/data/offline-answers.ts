import { type EventRow, type RunInfo, splitSamples, splitTerritory, type ViewInfo } from "./api";
import { compile } from "./condition.mjs";
import { fromBase64, type StoredCopy, storedPath } from "./copy-format";

const columns: Record<string, string> = {
  id: "number of the sample, from 0",
  epoch: "the epoch asked about",
  label: "name of the class the sample is labelled with",
  prediction: "name of the class predicted at the epoch",
  runner_up: "name of the second most likely class",
  group: "name of the sample's group",
  correct: "1 if the prediction is the label, else 0",
  confidence: "probability of the prediction, 0 to 1",
  margin: "lead over the runner-up, 0 to 1",
  boundary: "1 if margin < 0.1, else 0",
  kept: "of 15 neighbours, how many the picture keeps",
  round_trip_ok: "1 if the prediction survives the round trip, else 0",
  moved: "how far it was moved after the fit, in shares of the picture's side",
};

/**
 * Answers requests of the API out of what a copy of the page carries. What the server would work out is worked out here
 * where the stored arrays allow it; the rest says that it needs the server.
 */
export class OfflineAnswers {
  constructor(private readonly copy: StoredCopy) {}

  async answer(path: string, init?: RequestInit): Promise<Response> {
    const stored = this.copy.answers[storedPath(path)];
    if (stored && (init?.method ?? "GET") === "GET")
      return new Response(stored.json ?? fromBase64(stored.bytes!));
    try {
      const url = new URL(path, "http://copy/");
      const made = this.make(
        url,
        init?.body ? (JSON.parse(String(init.body)) as Record<string, unknown>) : {},
      );
      if (made !== null) return made instanceof ArrayBuffer ? new Response(made) : Response.json(made);
    } catch (error) {
      return Response.json({ error: (error as Error).message }, { status: 400 });
    }
    return Response.json({ error: "This is an offline copy: that needs the server." }, { status: 404 });
  }

  private make(url: URL, body: Record<string, unknown>): object | null {
    const epoch = /\/epochs\/(\d+)\/(\w+)$/.exec(url.pathname);
    const call = epoch?.[2] ?? url.pathname.split("/").at(-1);
    const number = (name: string) => Number(url.searchParams.get(name));
    switch (call) {
      case "query_columns":
        return { columns: Object.entries(columns).map(([name, meaning]) => ({ name, type: "", meaning })) };
      case "trails":
        return this.trails((url.searchParams.get("ids") ?? "").split(",").map(Number));
      case "events":
        return this.events(
          number("from"),
          number("to"),
          (url.searchParams.get("kinds") ?? "").split(",").map(Number),
        );
      case "query":
        return body.epochs === "each"
          ? { epochs: this.epochs.map((e) => ({ epoch: e, ids: this.query(String(body.where), e) })) }
          : this.oneQuery(String(body.where), Number(body.epoch));
      case "compare":
        return url.searchParams.has("run") ? null : this.compare(number("a"), number("b"));
      case "neighbors":
        return {
          features: [],
          plane: this.nearest(Number(epoch![1]), this.place(Number(epoch![1]), number("id")), 15).map(
            (n) => n.id,
          ),
        };
      case "card":
        return this.card(Number(epoch![1]), number("id"));
      case "decode":
        return this.decode(Number(epoch![1]), number("x"), number("y"));
      default:
        return null;
    }
  }

  private stored(end: string): ArrayBuffer {
    const key = Object.keys(this.copy.answers).find((k) => k.includes(end));
    if (!key) throw new Error("This copy does not hold that epoch.");
    return fromBase64(this.copy.answers[key]!.bytes!).buffer;
  }

  private readonly info = once(() => this.json<RunInfo>(/^api\/runs\/\d+$/));
  private readonly viewInfo = once(() => this.json<ViewInfo>(/^api\/runs\/\d+\/views\/[^/]+$/));
  private readonly labelArray = once(() => new Int32Array(this.stored("/labels")));
  private readonly samplesOf = keyed((e: number) =>
    splitSamples(this.stored(`/epochs/${e}/samples`), this.info().sample_count),
  );
  private readonly positionsOf = keyed((e: number) => new Uint16Array(this.stored(`/epochs/${e}/positions`)));

  private readonly movedOf = keyed((e: number) =>
    this.viewInfo().moved ? new Uint16Array(this.stored(`/epochs/${e}/moved`)) : new Uint16Array(),
  );

  private json<T>(pattern: RegExp): T {
    const key = Object.keys(this.copy.answers).find((k) => pattern.test(k))!;
    return JSON.parse(this.copy.answers[key]!.json!) as T;
  }

  private get epochs(): readonly number[] {
    return this.viewInfo().epochs;
  }

  private trails(ids: readonly number[]): ArrayBuffer {
    const { epochs } = this;
    const out = new ArrayBuffer(4 + ids.length * epochs.length * 4);
    new Int32Array(out, 0, 1)[0] = epochs.length;
    const places = new Uint16Array(out, 4);
    epochs.forEach((e, t) => {
      const positions = this.positionsOf(e);
      ids.forEach((id, k) => places.set(positions.subarray(2 * id, 2 * id + 2), (k * epochs.length + t) * 2));
    });
    return out;
  }

  private events(from: number, to: number, kinds: readonly number[]) {
    const key = Object.keys(this.copy.answers).find((k) => /\/events\?/.test(k));
    const all = key ? (JSON.parse(this.copy.answers[key]!.json!) as { events: EventRow[] }).events : [];
    const events = all.filter((e) => e[1] >= from && e[1] <= to && kinds.includes(e[2]));
    return { count: events.length, events };
  }

  private oneQuery(where: string, epoch: number) {
    const start = performance.now();
    const ids = this.query(where, epoch);
    return { epoch, count: ids.length, seconds: (performance.now() - start) / 1000, ids };
  }

  private query(where: string, epoch: number): number[] {
    const run = this.info();
    const labels = this.labelArray();
    const s = this.samplesOf(epoch);
    const moved = this.movedOf(epoch);
    const test = compile(where, Object.keys(columns));
    const values: Record<string, (i: number) => string | number> = {
      id: (i) => i,
      epoch: () => epoch,
      label: (i) => run.classes[labels[i]!] ?? "",
      prediction: (i) => run.classes[s.predictions[i]!]!,
      runner_up: (i) => run.classes[s.runnerUp[i]!]!,
      group: (i) => run.groups.find((g) => i >= g.begin && i < g.begin + g.count)?.name ?? "",
      correct: (i) => (labels[i] === s.predictions[i] ? 1 : 0),
      confidence: (i) => s.confidence[i]! / 255,
      margin: (i) => s.margin[i]! / 255,
      boundary: (i) => (s.margin[i]! < 25.5 ? 1 : 0),
      kept: (i) => s.kept[i]!,
      round_trip_ok: (i) => (s.roundTrip[i] === s.predictions[i] ? 1 : 0),
      moved: (i) => (moved[i] ?? Number.NaN) / 65535,
    };
    const out: number[] = [];
    for (let i = 0; i < run.sample_count; ++i) if (test((name) => values[name]!(i))) out.push(i);
    return out;
  }

  private compare(a: number, b: number) {
    const from = this.samplesOf(a).predictions;
    const to = this.samplesOf(b).predictions;
    const ids: number[] = [];
    for (let i = 0; i < from.length; ++i) if (from[i] !== to[i]) ids.push(i);
    return { count: ids.length, ids, from: ids.map((i) => from[i]), to: ids.map((i) => to[i]) };
  }

  private place(epoch: number, id: number): [number, number] {
    const positions = this.positionsOf(epoch);
    const [x0, y0, x1, y1] = this.viewInfo().extent;
    return [x0 + (positions[2 * id]! / 65535) * (x1 - x0), y0 + (positions[2 * id + 1]! / 65535) * (y1 - y0)];
  }

  private nearest(epoch: number, [x, y]: readonly [number, number], count: number) {
    const found: { id: number; distance: number }[] = [];
    const all = this.info().sample_count;
    for (let id = 0; id < all; ++id) {
      const [px, py] = this.place(epoch, id);
      const distance = Math.hypot(px - x, py - y);
      if (distance === 0 || (found.length === count && distance >= found[count - 1]!.distance)) continue;
      found.push({ id, distance });
      found.sort((a, b) => a.distance - b.distance);
      if (found.length > count) found.pop();
    }
    return found;
  }

  private card(epoch: number, id: number) {
    const run = this.info();
    const s = this.samplesOf(epoch);
    const group = run.groups.find((g) => id >= g.begin && id < g.begin + g.count);
    return {
      id,
      group: group?.name ?? "",
      role: group?.role ?? "",
      label: this.labelArray()[id],
      prediction: s.predictions[id],
      confidence: s.confidence[id]! / 255,
      margin: s.margin[id]! / 255,
      top: [{ class: s.predictions[id], probability: s.confidence[id]! / 255 }],
      history: {
        epochs: this.epochs,
        predictions: this.epochs.map((e) => this.samplesOf(e).predictions[id]),
        confidence: this.epochs.map((e) => this.samplesOf(e).confidence[id]! / 255),
      },
      neighbors: { features: [], plane: this.nearest(epoch, this.place(epoch, id), 15) },
      kept: s.kept[id],
      round_trip: s.roundTrip[id],
      columns: {},
    };
  }

  private decode(epoch: number, x: number, y: number) {
    const land = splitTerritory(this.stored(`/epochs/${epoch}/territory`));
    const [x0, y0, x1, y1] = this.viewInfo().extent;
    const cell = (v: number, a: number, b: number) =>
      Math.min(land.size - 1, Math.max(0, Math.floor(((v - a) / (b - a)) * land.size)));
    const i = cell(y, y0, y1) * land.size + cell(x, x0, x1);
    return {
      prediction: land.classes[i],
      confidence: land.confidence[i]! / 255,
      runner_up: -1,
      margin: land.margin[i]! / 255,
      boundary: land.margin[i]! < 38,
      top: [{ class: land.classes[i], probability: land.confidence[i]! / 255 }],
      nearest: this.nearest(epoch, [x, y], 5),
    };
  }
}

function once<T>(make: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= make();
    return value;
  };
}

function keyed<T>(make: (key: number) => T): (key: number) => T {
  const known = new Map<number, T>();
  return (key) => {
    let value = known.get(key);
    if (value === undefined) {
      value = make(key);
      known.set(key, value);
    }
    return value;
  };
}
