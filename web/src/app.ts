import { Api, type RunEntry } from "./data/api";
import type { Dataset } from "./data/dataset";
import { LegendPanel } from "./panels/legend";
import type { Change, Host, Panel, SelectHow } from "./panels/panel";
import { TimeBand } from "./panels/time-band";
import { fromHash, loadSettings, saveSettings, timeOf, toHash } from "./state/persist";
import { initialState, type State, Store } from "./state/store";
import { h, replace } from "./ui/dom";
import { type IconName, icon } from "./ui/icons";
import { Tooltip } from "./ui/tooltip";
import { Viewer } from "./viewer";

/** Puts the page together: the picture, the panels around it, and what runs between them. */
export class App implements Host {
  readonly api = new Api();
  readonly store: Store;
  readonly viewer: Viewer;

  private readonly timeBand: TimeBand;
  private readonly panels: Panel[];
  private readonly tooltip: Tooltip;
  private readonly runSelect = h("select", { "aria-label": "Run" });
  private readonly viewSelect = h("select", { "aria-label": "View" });
  private readonly notice = h("div", { class: "notice", role: "alert", hidden: true });
  private readonly curtain = h("div", { class: "curtain" });
  private readonly themeButton: HTMLButtonElement;
  private runs: RunEntry[] = [];
  private data_: Dataset | null = null;
  private wantedEpoch: number | null = null;
  private hashTimer = 0;
  private pending = new Set<Change>();
  private flushing = false;
  private readonly undo: (readonly number[])[] = [];
  private readonly system = window.matchMedia("(prefers-color-scheme: dark)");

  constructor(private readonly root: HTMLElement) {
    const link = fromHash(location.hash);
    this.wantedEpoch = link.epoch;
    this.store = new Store({ ...initialState, ...loadSettings(localStorage), ...link.patch });
    this.viewer = new Viewer(this.store, this.api, {
      hover: (hover) => {
        this.tooltip.show(hover, this.viewer.stage.size);
        this.changed("hover");
      },
      sample: (id, { add, subtract }) => {
        if (add) this.select([id], this.store.state.selection.includes(id) ? "subtract" : "add");
        else if (subtract) this.select([id], "subtract");
        else this.focus(id);
      },
      place: () => {},
      area: (ids, { add, subtract }) => this.select(ids, subtract ? "subtract" : add ? "add" : "replace"),
      epoch: () => this.changed("epoch"),
      legend: () => this.changed("legend"),
      error: (message) => this.say(message, "error"),
    });
    this.tooltip = new Tooltip(this.api);
    this.viewer.element.append(this.tooltip.element);
    this.timeBand = new TimeBand(this);
    this.panels = [new LegendPanel(this), this.timeBand];
    this.themeButton = this.tool("light", "Dark or light", () => this.switchTheme());
    this.layOut();
    this.store.subscribe((state, changed) => this.stateChanged(state, changed));
    this.system.addEventListener("change", () => this.applyTheme());
    this.applyTheme();
    window.addEventListener("hashchange", () => this.followLink());
    document.addEventListener("keydown", (event) => this.key(event));
  }

  get data(): Dataset | null {
    return this.data_;
  }

  /** True when the time's epoch is drawn and samples can be picked. */
  get ready(): boolean {
    const pane = this.viewer.main;
    return pane?.epoch?.epoch === this.epoch && pane.picker.current && pane.settled;
  }

  get epoch(): number {
    return this.viewer.epoch;
  }

  async start(): Promise<void> {
    this.curtainText("Opening the run …", "");
    try {
      const open = this.open();
      const { runs } = await this.api.runs();
      this.runs = runs;
      if (runs.length === 0) {
        this.curtainText("No run is served", "Start the server with one: dvi serve RUN");
        return;
      }
      await open;
    } catch (error) {
      this.curtainText("The run cannot be shown", (error as Error).message);
      return;
    }
    this.api.live((kind, where) => {
      if (where.run === this.store.state.run) void this.grown(kind);
    });
    this.changed("data");
  }

  goToEpoch(epoch: number): void {
    this.store.set({ time: Math.round(timeOf(this.data_?.fitted ?? [], epoch)), playing: false });
  }

  select(ids: readonly number[], how: SelectHow): void {
    const before = this.store.state.selection;
    let next: readonly number[];
    if (how === "replace") next = ids;
    else {
      const set = new Set(before);
      for (const id of ids) how === "add" ? set.add(id) : set.delete(id);
      next = [...set];
    }
    this.undo.push(before);
    if (this.undo.length > 50) this.undo.shift();
    this.store.set({ selection: next });
  }

  undoSelection(): void {
    const before = this.undo.pop();
    if (before) this.store.set({ selection: before });
    else this.say("There is nothing to undo.");
  }

  focus(id: number): void {
    this.store.set({ focus: id });
  }

  say(message: string, kind: "info" | "error" = "info"): void {
    replace(
      this.notice,
      h("span", {}, message),
      this.tool("close", "Dismiss", () => {
        this.notice.hidden = true;
      }),
    );
    this.notice.className = `notice ${kind}`;
    this.notice.hidden = false;
    if (kind === "info")
      window.setTimeout(() => {
        if (this.notice.firstChild?.textContent === message) this.notice.hidden = true;
      }, 4000);
  }

  request(name: "search", detail: string): void {
    for (const panel of this.panels) panel.onRequest?.(name, detail);
  }

  private async open(): Promise<void> {
    const { run, view } = this.store.state;
    const data = await this.viewer.open(run, view);
    this.data_ = data;
    const last = Math.max(0, data.fitted.length - 1);
    if (this.wantedEpoch !== null) this.store.set({ time: timeOf(data.fitted, this.wantedEpoch) });
    else this.store.set({ time: Math.min(this.store.state.time, last) });
    this.wantedEpoch = null;
    this.viewer.main?.showTime(this.store.state.time);
    document.title = `${data.run.name} · DeepVisualInsight`;
    if (data.fitted.length === 0)
      this.curtainText(
        "No epoch is fitted yet",
        "The picture appears by itself as soon as dvi fit finishes the first one.",
      );
    else this.curtain.hidden = true;
    this.changed("data");
  }

  private async grown(_kind: "view" | "run"): Promise<void> {
    const data = this.data_;
    if (!data) return;
    const atEnd = this.store.state.time >= data.fitted.length - 1;
    try {
      if (await data.refresh()) this.viewer.main?.reset();
    } catch (error) {
      this.say((error as Error).message, "error");
      return;
    }
    if (data.fitted.length > 0) this.curtain.hidden = true;
    if (atEnd && !this.store.state.playing) this.store.set({ time: Math.max(0, data.fitted.length - 1) });
    this.changed("data");
  }

  /** Tells the panels, once a frame, however many things changed. */
  private changed(...what: Change[]): void {
    for (const w of what) this.pending.add(w);
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => {
      this.flushing = false;
      const changes = this.pending;
      this.pending = new Set();
      if (changes.has("data")) this.showChoosers();
      for (const panel of this.panels) {
        if (changes.has("data"))
          for (const key of Object.keys(this.store.state)) changes.add(key as keyof State);
        panel.update(this.store.state, changes);
      }
    });
  }

  private stateChanged(state: State, changed: ReadonlySet<keyof State>): void {
    this.changed(...changed);
    if (changed.has("theme")) this.applyTheme();
    if (changed.has("run") || changed.has("view")) {
      if (
        this.data_ &&
        (this.data_.runId !== state.run || (state.view && this.data_.viewName !== state.view))
      )
        this.open().catch((error: Error) => this.curtainText("The run cannot be shown", error.message));
    }
    clearTimeout(this.hashTimer);
    this.hashTimer = window.setTimeout(() => {
      saveSettings(localStorage, this.store.state);
      if (!this.data_) return;
      history.replaceState(null, "", `#${toHash(this.store.state, this.data_.fitted)}`);
    }, 250);
  }

  private followLink(): void {
    const { patch, epoch } = fromHash(location.hash);
    const data = this.data_;
    this.store.set({ ...patch, ...(epoch !== null && data ? { time: timeOf(data.fitted, epoch) } : {}) });
  }

  private key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) && (target as HTMLInputElement).type !== "checkbox")
      return;
    const step = 60;
    const inScene = target === this.viewer.stage.canvas;
    const actions: Record<string, () => void> = {
      " ": () => this.timeBand.togglePlay(),
      ",": () => this.timeBand.step(-1),
      ".": () => this.timeBand.step(1),
      "+": () => this.viewer.zoom(1.4),
      "=": () => this.viewer.zoom(1.4),
      "-": () => this.viewer.zoom(1 / 1.4),
      "0": () => this.viewer.fit(),
      ...(inScene
        ? {
            ArrowLeft: () => this.viewer.pan(step, 0),
            ArrowRight: () => this.viewer.pan(-step, 0),
            ArrowUp: () => this.viewer.pan(0, step),
            ArrowDown: () => this.viewer.pan(0, -step),
          }
        : {}),
    };
    if (event.key === " " && target.tagName === "BUTTON") return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  private tool(name: IconName, label: string, action: () => void): HTMLButtonElement {
    return h(
      "button",
      { class: "tool", type: "button", "aria-label": label, title: label, onclick: action },
      icon(name),
    );
  }

  private layOut(): void {
    const legend = this.panels[0]!;
    this.runSelect.addEventListener("change", () =>
      this.store.set({
        run: Number(this.runSelect.value),
        view: null,
        time: Number.POSITIVE_INFINITY,
        camera: null,
        selection: [],
        focus: -1,
        solo: [],
      }),
    );
    this.viewSelect.addEventListener("change", () =>
      this.store.set({ view: this.viewSelect.value, camera: null }),
    );
    replace(
      this.root,
      h(
        "header",
        { class: "bar" },
        this.tool("legend", "Show or hide the legend (l)", () =>
          this.store.set({ legendOpen: !this.store.state.legendOpen }),
        ),
        h("h1", {}, "DeepVisualInsight"),
        this.runSelect,
        this.viewSelect,
        h("span", { class: "spring" }),
        this.tool("fit", "Fit the picture (0)", () => this.viewer.fit()),
        this.themeButton,
      ),
      legend.element,
      h("main", { class: "stage" }, this.viewer.element, this.notice, this.curtain),
      this.timeBand.element,
    );
  }

  private showChoosers(): void {
    const { run } = this.store.state;
    replace(this.runSelect, ...this.runs.map((r) => h("option", { value: r.id }, r.name)));
    this.runSelect.value = String(run);
    const views = this.data_?.run.views ?? [];
    replace(this.viewSelect, ...views.map((v) => h("option", { value: v }, v)));
    if (this.data_) this.viewSelect.value = this.data_.viewName;
    this.viewSelect.hidden = views.length < 2;
  }

  private switchTheme(): void {
    this.store.set({ theme: this.dark ? "light" : "dark" });
  }

  private get dark(): boolean {
    const { theme } = this.store.state;
    return theme === "dark" || (theme === "system" && this.system.matches);
  }

  private applyTheme(): void {
    document.documentElement.dataset.theme = this.dark ? "dark" : "light";
    replace(this.themeButton, icon(this.dark ? "light" : "dark"));
    this.viewer.setTheme(this.dark);
  }

  private curtainText(title: string, text: string): void {
    this.curtain.hidden = false;
    replace(this.curtain, h("h2", {}, title), h("p", {}, text));
  }
}
