/** What the page shows and how. Everything that a link restores or the browser remembers is in here. */
export interface State {
  run: number;
  view: string | null;
  /** Place in the list of fitted epochs, fractional between two. */
  time: number;
  playing: boolean;
  /** epochs a second */
  speed: number;
  loop: boolean;
  /** Places in the list of epochs between which the time is played; null = all. */
  range: readonly [number, number] | null;
  /** [centre x, centre y, zoom]; null = fitted */
  camera: readonly [number, number, number] | null;
  /** id of a colouring (colorings/table.ts) */
  colorBy: string;
  /** Legend entries shown alone; empty = all. */
  solo: readonly number[];
  hiddenGroups: readonly string[];
  layers: readonly Layer[];
  pointScale: number;
  /** Cells along a territory's side; 0 = as fitted. */
  resolution: number;
  theme: "system" | "light" | "dark";
  /** Open panel on the right; null = closed. */
  panel: string | null;
  legendOpen: boolean;
  tool: Tool;
  /** Sample whose card is shown, -1 = none. */
  focus: number;
  selection: readonly number[];
  /** Training samples joined to the one in focus by lines, instead of its neighbours: those that pushed it. */
  pushers: readonly number[];
  /** Condition that hides all other samples; empty = none. */
  filter: string;
  /** "keep": the ids found once; "each": evaluated again at every epoch. */
  acrossEpochs: "keep" | "each";
  /** Epoch at which the ids that the filter keeps were found, -1 = the one shown. */
  filterEpoch: number;
  /** Samples shown alone, with what they are; null = all. Joins the filter. */
  shown: { readonly what: string; readonly ids: readonly number[] } | null;
  /** Epoch that the epoch shown is compared with, -1 = none. */
  reference: number;
  /** Second picture: another time of the same run, or another run's view. */
  compare: Compare | null;
  /** A selection by box or lasso also takes hidden samples. */
  throughHidden: boolean;
  /** Both axes of the plane are drawn to the same scale, instead of stretched to the picture's shape. */
  equalAxes: boolean;
}

export type Layer =
  | "territory"
  | "points"
  | "names"
  | "rings"
  | "boundary"
  | "trails"
  | "neighbors"
  | "trust"
  | "diff";
export type Tool = "pan" | "box" | "lasso" | "decode";

export interface Compare {
  /** null: the same run and view at another time */
  readonly run: number | null;
  readonly view: string | null;
  /** How many epochs behind (negative) or ahead the second picture is. */
  readonly offset: number;
}

export const initialState: State = {
  run: 0,
  view: null,
  time: Number.POSITIVE_INFINITY,
  playing: false,
  speed: 1.5,
  loop: true,
  range: null,
  camera: null,
  colorBy: "label",
  solo: [],
  hiddenGroups: [],
  layers: ["territory", "points", "names", "rings", "trails", "neighbors"],
  pointScale: 1,
  resolution: 0,
  theme: "system",
  panel: "findings",
  legendOpen: true,
  tool: "pan",
  focus: -1,
  selection: [],
  pushers: [],
  filter: "",
  acrossEpochs: "keep",
  filterEpoch: -1,
  shown: null,
  reference: -1,
  compare: null,
  throughHidden: false,
  equalAxes: false,
};

export type Changed = ReadonlySet<keyof State>;
type Listener = (state: State, changed: Changed) => void;

/** The state and who wants to know of its changes. Listeners are told once a change, in the order they came. */
export class Store {
  private state_: State;
  private readonly listeners: Listener[] = [];

  constructor(state: State = initialState) {
    this.state_ = state;
  }

  get state(): State {
    return this.state_;
  }

  set(patch: Partial<State>): void {
    const changed = new Set<keyof State>();
    for (const key of Object.keys(patch) as (keyof State)[]) {
      if (!Object.is(this.state_[key], patch[key])) changed.add(key);
    }
    if (changed.size === 0) return;
    this.state_ = { ...this.state_, ...patch };
    for (const listener of this.listeners) listener(this.state_, changed);
  }

  subscribe(listener: Listener): void {
    this.listeners.push(listener);
  }
}

/** `list` with `item` put in or taken out. */
export function toggled<T>(list: readonly T[], item: T, on = !list.includes(item)): readonly T[] {
  const without = list.filter((x) => x !== item);
  return on ? [...without, item] : without;
}
