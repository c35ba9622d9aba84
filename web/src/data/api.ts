// The server's API (docs/reference/http-api.md) as typed functions. Nothing else in the page fetches.

export interface RunEntry {
  id: number;
  name: string;
  views: string[];
}

export interface Group {
  name: string;
  role: string;
  begin: number;
  count: number;
}

export interface Column {
  name: string;
  title: string;
  type: "number" | "category";
  per_epoch: boolean;
  min?: number;
  max?: number;
  categories?: string[];
}

/** An epoch's scalars: `epoch` and whatever the run plots, such as train_loss. */
export type EpochScalars = Record<string, number>;

export interface RunInfo {
  id: number;
  /** Another one when another run has taken this one's place on disk. */
  key?: string;
  name: string;
  classes: string[];
  groups: Group[];
  sample_count: number;
  feature_dim: number;
  inputs: { kind: string; shape: number[] } | null;
  training_sets?: boolean;
  columns: Column[];
  epochs: EpochScalars[];
  /** what users call the epochs, where that is not their number: "1.5", "step 12000" */
  epoch_names?: Record<string, string>;
  finished: boolean;
  views: string[];
}

export type Figures = Record<string, number | null>;

export interface ViewInfo {
  key: string;
  epochs: number[];
  pending: number[];
  /** what the territories cover: x0, y0, x1, y1 */
  extent: [number, number, number, number];
  /** box around 98 % of the samples of every epoch */
  frame: [number, number, number, number];
  /** whether an epoch tells which samples were moved after the fit */
  moved: boolean;
  territory: { size: number; revision: number };
  state: string;
  metrics: { epoch: number; train?: Figures; test?: Figures; boundary?: Figures }[];
  run_metrics: Figures;
  events: { kinds: string[]; counts: Record<string, number[]> };
  boundary_from: string;
  preset: string;
  settings: Record<string, unknown>;
}

export interface Samples {
  predictions: Uint16Array;
  runnerUp: Uint16Array;
  roundTrip: Uint16Array;
  confidence: Uint8Array;
  margin: Uint8Array;
  kept: Uint8Array;
}

export interface Landscape {
  size: number;
  classes: Uint16Array;
  confidence: Uint8Array;
  margin: Uint8Array;
  /** the colour that a cell keeps, times 255: less the farther it is from every sample */
  fade: Uint8Array;
}

export interface Neighbor {
  id: number;
  distance: number;
}

export interface Card {
  id: number;
  group: string;
  role: string;
  label: number;
  original_label?: number;
  prediction: number;
  confidence: number;
  margin: number;
  top: { class: number; probability: number }[];
  history: { epochs: number[]; predictions: number[]; confidence: number[] };
  neighbors: { features: Neighbor[]; plane: Neighbor[] };
  kept: number;
  round_trip: number;
  columns: Record<string, number | null>;
  text?: string;
  row?: [string, string | number][];
  /** of a time series, its values: one list a channel */
  series?: (number | null)[][];
}

export interface Decoded {
  prediction: number;
  confidence: number;
  runner_up: number;
  margin: number;
  boundary: boolean;
  top: { class: number; probability: number }[];
  nearest: Neighbor[];
}

/** What the server is asked to place: pictures (PNG in base64), lines of numbers, or what a notebook brought. */
export interface ProjectRequest {
  pictures?: { name: string; png: string }[];
  resize?: boolean;
  text?: string;
  /** What the numbers of a text are, where features and inputs are as long. */
  kind?: "inputs" | "features";
  /** name of the session, and which samples of it */
  session?: string;
  samples?: number;
}

/** What a notebook and the pages that it opened share. */
export interface SessionState {
  /** Counts changes; 0 = nothing was shared yet. */
  version: number;
  selection: number[];
  /** `inputs`: they are inputs of the model, not features. `thrown_away`: rows that are not to be shown. */
  samples: { id: number; count: number; inputs: boolean; thrown_away: number[] }[];
}

/** A sample that was never recorded, at one epoch; `place` in plane units. */
export interface Placed {
  place: [number, number];
  moved: number;
  prediction: number;
  confidence: number;
  runner_up: number;
  margin: number;
  probabilities: number[];
  /** training samples, nearest first, and how far they are in feature space */
  nearest: number[];
  distances: number[];
  distance: number;
  /** share of the training samples that lie farther from their nearest than this one does */
  familiarity: number;
}

export interface Projected {
  samples: string[];
  epochs: { epoch: number; usual_distance: number; samples: Placed[] }[];
}

export type LiveKind = "view" | "run" | "session";

/** A point of the straight line between two samples in feature space, with its place in the picture. */
export interface LinePoint {
  place: [number, number];
  prediction: number;
  confidence: number;
  margin: number;
}

export interface Suspect {
  id: number;
  score: number;
  kind: string;
  reason: string;
  scores: Record<string, number>;
}

export interface SuspectList {
  suspects: Suspect[];
  method: string;
}

/** One thing that happened; `classes` and `samples` worst first, `link` the page's address behind #. */
export interface Finding {
  kind: string;
  from: number;
  to: number;
  classes: number[];
  samples: number[];
  score: number;
  text: string;
  link: string;
}

/** A training sample behind a change: its share of all pushes in its direction, and what it was taken for then. */
export interface Pusher {
  id: number;
  share: number;
  label: number | null;
  prediction: number;
}

export interface Why {
  sample: number;
  from: number;
  to: number;
  from_class: number;
  to_class: number;
  /** of `flips` held-out samples that flipped there; null where none did */
  hit_rate: number | null;
  flips: number;
  /** share of the change that the last layer accounts for; null where it is not linear */
  explained: number | null;
  known: boolean;
  /** what speaks against the answer; null where it is known */
  doubt: string | null;
  pushers: Pusher[];
  against: Pusher[];
}

/** What training samples did to those of some samples whose prediction changed. */
export interface Influence {
  /** How many changed. */
  readonly changed: number;
  /** Of each sample of the run, its mean share of the pushes; negative: it held them. */
  readonly pushes: Float32Array;
}

export interface NamedSelection {
  name: string;
  count: number;
  created: string;
  ids: number[];
}

/** sample, epoch, kind, from, to, value */
export type EventRow = [number, number, number, number, number, number];

export interface QueryColumn {
  name: string;
  type: string;
  meaning: string;
}

export interface Difference {
  count: number;
  ids: number[];
  from: number[];
  to: number[];
}

/** The server's own sentence on what went wrong, or the page's where the server could not be reached. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

export type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

/** Splits the answer of `samples` into its arrays; `count` samples. */
export function splitSamples(bytes: ArrayBuffer, count: number): Samples {
  const expected = count * 9;
  if (bytes.byteLength !== expected)
    throw new ApiError(
      `The server sent ${bytes.byteLength} bytes of sample state instead of ${expected}.`,
      0,
    );
  return {
    predictions: new Uint16Array(bytes, 0, count),
    runnerUp: new Uint16Array(bytes, 2 * count, count),
    roundTrip: new Uint16Array(bytes, 4 * count, count),
    confidence: new Uint8Array(bytes, 6 * count, count),
    margin: new Uint8Array(bytes, 7 * count, count),
    kept: new Uint8Array(bytes, 8 * count, count),
  };
}

/** Splits the answer of `territory`; its side follows from its length. */
export function splitTerritory(bytes: ArrayBuffer): Landscape {
  const cells = bytes.byteLength / 5;
  const size = Math.round(Math.sqrt(cells));
  if (size * size !== cells || size === 0)
    throw new ApiError(`The server sent a territory of ${bytes.byteLength} bytes, which is no square.`, 0);
  return {
    size,
    classes: new Uint16Array(bytes, 0, cells),
    confidence: new Uint8Array(bytes, 2 * cells, cells),
    margin: new Uint8Array(bytes, 3 * cells, cells),
    fade: new Uint8Array(bytes, 4 * cells, cells),
  };
}

export class Api {
  /** Requests whose answers are not here yet. */
  waiting = 0;

  constructor(private readonly fetch_: Fetch = (path, init) => fetch(path, init)) {}

  runs(): Promise<{ runs: RunEntry[]; version: string }> {
    return this.json("api/runs");
  }
  run(run: number): Promise<RunInfo> {
    return this.json(`api/runs/${run}`);
  }
  async labels(run: number): Promise<Int32Array> {
    return new Int32Array(await this.bytes(`api/runs/${run}/labels`));
  }
  async column(run: number, name: string, epoch: number | null): Promise<Float32Array> {
    const at = epoch === null ? "" : `?epoch=${epoch}`;
    return new Float32Array(await this.bytes(`api/runs/${run}/columns/${encodeURIComponent(name)}${at}`));
  }
  async trainingSet(run: number, epoch: number): Promise<Uint8Array> {
    return new Uint8Array(await this.bytes(`api/runs/${run}/training_set?epoch=${epoch}`));
  }
  queryColumns(run: number): Promise<{ columns: QueryColumn[] }> {
    return this.json(`api/runs/${run}/query_columns`);
  }
  selections(run: number): Promise<{ selections: NamedSelection[] }> {
    return this.json(`api/runs/${run}/selections`);
  }
  saveSelection(run: number, name: string, ids: number[]): Promise<unknown> {
    return this.post(`api/runs/${run}/selections`, { name, ids });
  }
  deleteSelection(run: number, name: string): Promise<unknown> {
    return this.json(`api/runs/${run}/selections/${encodeURIComponent(name)}`, {
      method: "DELETE",
      headers: { "Content-Type": "application/json" },
    });
  }
  view(run: number, view: string): Promise<ViewInfo> {
    return this.json(viewPath(run, view));
  }
  async positions(run: number, view: string, epoch: number, key: string): Promise<Uint16Array> {
    return new Uint16Array(
      await this.bytes(`${epochPath(run, view, epoch)}/positions?v=${encodeURIComponent(key)}`),
    );
  }
  async samples(run: number, view: string, epoch: number, key: string, count: number): Promise<Samples> {
    const path = `${epochPath(run, view, epoch)}/samples?v=${encodeURIComponent(key)}`;
    return splitSamples(await this.bytes(path), count);
  }
  async territory(run: number, view: string, epoch: number, key: string, size: number): Promise<Landscape> {
    const path = `${epochPath(run, view, epoch)}/territory?size=${size}&v=${encodeURIComponent(key)}`;
    return splitTerritory(await this.bytes(path));
  }
  /** How far each sample was moved after the fit, 65535 = the extent's side; empty where the view does not tell. */
  async moved(run: number, view: string, epoch: number, key: string): Promise<Uint16Array> {
    return new Uint16Array(
      await this.bytes(`${epochPath(run, view, epoch)}/moved?v=${encodeURIComponent(key)}`),
    );
  }
  async boundary(run: number, view: string, epoch: number, key: string) {
    const bytes = await this.bytes(`${epochPath(run, view, epoch)}/boundary?v=${encodeURIComponent(key)}`);
    const half = bytes.byteLength / 2;
    return {
      positions: new Uint16Array(bytes, 0, half / 2),
      classes: new Uint16Array(bytes, half, half / 2),
    };
  }
  async distances(run: number, view: string, epoch: number, key: string, size: number): Promise<Uint8Array> {
    const path = `${epochPath(run, view, epoch)}/trust?size=${size}&v=${encodeURIComponent(key)}`;
    return new Uint8Array(await this.bytes(path));
  }
  card(run: number, view: string, epoch: number, id: number): Promise<Card> {
    return this.json(`${epochPath(run, view, epoch)}/card?id=${id}`);
  }
  neighbors(
    run: number,
    view: string,
    epoch: number,
    id: number,
  ): Promise<{ features: number[]; plane: number[] }> {
    return this.json(`${epochPath(run, view, epoch)}/neighbors?id=${id}`);
  }
  decode(run: number, view: string, epoch: number, x: number, y: number): Promise<Decoded> {
    return this.json(`${epochPath(run, view, epoch)}/decode?x=${x}&y=${y}`);
  }
  /** Places samples that were never recorded, at every fitted epoch. */
  project(run: number, view: string, request: ProjectRequest): Promise<Projected> {
    return this.post(`${viewPath(run, view)}/project`, request);
  }
  /** The training samples nearest, in feature space, to what is decoded at a place. */
  back(
    run: number,
    view: string,
    epoch: number,
    x: number,
    y: number,
  ): Promise<{ nearest: number[]; distances: number[] }> {
    return this.json(`${epochPath(run, view, epoch)}/back?x=${x}&y=${y}`);
  }
  /** The line between two samples through feature space. */
  between(run: number, view: string, epoch: number, a: number, b: number): Promise<{ points: LinePoint[] }> {
    return this.json(`${epochPath(run, view, epoch)}/between?a=${a}&b=${b}`);
  }
  /** Positions of each id at every fitted epoch: [ids, epochs, 2]. */
  async trails(
    run: number,
    view: string,
    ids: readonly number[],
  ): Promise<{ epochs: number; places: Uint16Array }> {
    const bytes = await this.bytes(`${viewPath(run, view)}/trails?ids=${ids.join(",")}`);
    return { epochs: new Int32Array(bytes, 0, 1)[0]!, places: new Uint16Array(bytes, 4) };
  }
  events(
    run: number,
    view: string,
    from: number,
    to: number,
    kinds: number[],
  ): Promise<{ count: number; events: EventRow[] }> {
    return this.json(`${viewPath(run, view)}/events?from=${from}&to=${to}&kinds=${kinds.join(",")}`);
  }
  suspects(run: number, view: string, limit: number): Promise<SuspectList> {
    return this.json(`${viewPath(run, view)}/suspects?limit=${limit}`);
  }
  judgeSuspects(run: number, view: string, accepted: number[], rejected: number[]): Promise<SuspectList> {
    return this.post(`${viewPath(run, view)}/suspects`, { accepted, rejected });
  }
  findings(run: number, view: string): Promise<{ findings: Finding[] }> {
    return this.json(`${viewPath(run, view)}/findings`);
  }
  why(run: number, id: number, from: number, to: number): Promise<Why> {
    return this.json(`api/runs/${run}/why?id=${id}&from=${from}&to=${to}`);
  }
  /** Each sample's share of the pushes on those of `ids` that changed between two epochs; negative: it held them. */
  async influence(run: number, ids: readonly number[], from: number, to: number): Promise<Influence> {
    const bytes = await this.bytes(`api/runs/${run}/influence`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ids: ids.slice(0, 5000), from, to }),
    });
    return { changed: new Int32Array(bytes, 0, 1)[0]!, pushes: new Float32Array(bytes, 4) };
  }
  query(
    run: number,
    view: string,
    where: string,
    epoch: number,
  ): Promise<{ epoch: number; count: number; seconds: number; ids: number[] }> {
    return this.post(`${viewPath(run, view)}/query`, { where, epoch });
  }
  queryEach(
    run: number,
    view: string,
    where: string,
  ): Promise<{ epochs: { epoch: number; ids: number[] }[] }> {
    return this.post(`${viewPath(run, view)}/query`, { where, epochs: "each" });
  }
  compare(
    run: number,
    view: string,
    a: number,
    b: number,
    other: { run: number; view: string } | null,
  ): Promise<Difference> {
    const more = other ? `&run=${other.run}&view=${encodeURIComponent(other.view)}` : "";
    return this.json(`${viewPath(run, view)}/compare?a=${a}&b=${b}${more}`);
  }

  session(run: number, name: string): Promise<SessionState> {
    return this.json(sessionPath(run, name));
  }
  shareSelection(run: number, name: string, ids: readonly number[]): Promise<{ version: number }> {
    return this.post(`${sessionPath(run, name)}/selection`, { ids });
  }
  /** A sample that a notebook brought; all of them without `id`. */
  throwAway(run: number, name: string, id?: number, row?: number): Promise<{ version: number }> {
    const which = id === undefined ? "" : `/${id}/${row}`;
    return this.json(`${sessionPath(run, name)}/samples${which}`, {
      method: "DELETE",
      headers: { "Content-Type": "application/json" },
    });
  }
  sessionImageUrl(run: number, name: string, id: number, row: number): string {
    return `${sessionPath(run, name)}/samples/${id}/${row}.png`;
  }

  imageUrl(run: number, id: number, epoch?: number): string {
    return `api/runs/${run}/inputs/${id}.png${epoch === undefined ? "" : `?epoch=${epoch}`}`;
  }
  thumbnailsUrl(run: number, ids: readonly number[], size: number): string {
    return `api/runs/${run}/thumbnails.png?ids=${ids.join(",")}&size=${size}`;
  }
  selectionCsvUrl(run: number, name: string, view: string, epoch: number): string {
    return `api/runs/${run}/selections/${encodeURIComponent(name)}.csv?view=${encodeURIComponent(view)}&epoch=${epoch}`;
  }

  /**
   * Calls `onChange` whenever a run or view grew or a session changed, and `onConnect` whenever changes of sessions
   * may have been missed. Returns a function that stops it.
   */
  live(
    onChange: (kind: LiveKind, where: { run: number; view?: string; session?: string }) => void,
    onConnect: () => void = () => {},
  ): () => void {
    if (typeof EventSource === "undefined") return () => {};
    // What grew between the first answers and this connection is told again: each run and view once at most.
    const source = new EventSource("api/live?since=0");
    source.addEventListener("open", onConnect);
    for (const kind of ["view", "run", "session"] as const) {
      source.addEventListener(kind, (event) =>
        onChange(kind, JSON.parse((event as MessageEvent<string>).data)),
      );
    }
    return () => source.close();
  }

  private post<T>(path: string, body: unknown): Promise<T> {
    return this.json(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  }
  private json<T>(path: string, init?: RequestInit): Promise<T> {
    return this.read(path, init, (response) => response.json() as Promise<T>);
  }
  private bytes(path: string, init?: RequestInit): Promise<ArrayBuffer> {
    return this.read(path, init, (response) => response.arrayBuffer());
  }
  private async read<T>(
    path: string,
    init: RequestInit | undefined,
    body: (response: Response) => Promise<T>,
  ): Promise<T> {
    this.waiting++;
    try {
      return await body(await this.call(path, init));
    } finally {
      this.waiting--;
    }
  }
  private async call(path: string, init?: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await this.fetch_(path, init);
    } catch {
      throw new ApiError("The server does not answer. Is `dvi serve` still running?", 0);
    }
    if (!response.ok) {
      const text = await response.text();
      let message = `The server answered ${response.status} to ${path.split("?")[0]}.`;
      try {
        message = (JSON.parse(text) as { error: string }).error;
      } catch {
        // not the API's own error: keep the status line
      }
      throw new ApiError(message, response.status);
    }
    return response;
  }
}

function viewPath(run: number, view: string): string {
  return `api/runs/${run}/views/${encodeURIComponent(view)}`;
}

function sessionPath(run: number, name: string): string {
  return `api/runs/${run}/sessions/${encodeURIComponent(name)}`;
}

function epochPath(run: number, view: string, epoch: number): string {
  return `${viewPath(run, view)}/epochs/${epoch}`;
}
