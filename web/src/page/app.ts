import type { Api, RunEntry } from "../data/api";
import type { Dataset } from "../data/dataset";
import { NewSamples } from "../data/new-samples";
import { Queries } from "../data/queries";
import { Session } from "../data/session";
import { Exporter } from "../export/exporter";
import { CardPanel } from "../panels/card";
import { ComparePanel } from "../panels/compare";
import { DecodePopover } from "../panels/decode-popover";
import { EventsPanel } from "../panels/events";
import { ExportPanel } from "../panels/export";
import { FindingsPanel } from "../panels/findings";
import { LegendPanel } from "../panels/legend";
import { NewSamplesPanel } from "../panels/new-samples";
import type { Change, Host, Panel, Picture, SelectHow } from "../panels/panel";
import { QualityPanel } from "../panels/quality";
import { SearchPanel } from "../panels/search";
import { SelectionPanel } from "../panels/selection";
import { SuspectsPanel } from "../panels/suspects";
import { TimeBand } from "../panels/time-band";
import { Viewer } from "../picture/viewer";
import { fromHash, loadSettings, saveSettings, timeOf, toHash } from "../state/persist";
import { initialState, type State, Store } from "../state/store";
import { h, replace } from "../ui/dom";
import { Tooltip } from "../ui/tooltip";
import { Dock } from "./dock";
import { Header } from "./header";
import { Keyboard } from "./keyboard";
import { Notice } from "./notice";
import { Selecting } from "./selecting";
import { takeIn } from "./take-in";

/** Puts the page together: the picture, the panels around it, and what runs between them. */
export class App implements Host {
  readonly store: Store;
  readonly viewer: Viewer;
  readonly queries: Queries;
  readonly newSamples: NewSamples;
  readonly timeBand: TimeBand;
  readonly legend: LegendPanel;
  /** Panels of the right side; one at a time is open. */
  readonly panels: readonly Panel[];
  readonly popover: DecodePopover;
  runs: RunEntry[] = [];
  /** Milliseconds from the navigation until the first frame with samples in it had been handed over; 0 before. */
  firstPicture = 0;
  /** True while the panels have yet to be told of the epoch shown. */
  epochToTell = false;

  private readonly tooltip: Tooltip;
  private readonly keyboard: Keyboard;
  private readonly notice = new Notice();
  private readonly curtain = h("div", { class: "curtain" });
  private readonly header: Header;
  private readonly dock: Dock;
  private readonly selecting: Selecting;
  /** With the notebook that opened this page; null where none did. */
  private readonly session: Session | null;
  private readonly system = window.matchMedia("(prefers-color-scheme: dark)");
  private data_: Dataset | null = null;
  private wantedEpoch: number | null = null;
  private hashTimer = 0;
  private epochTimer = 0;
  private growing = false;
  private outdated = false;
  private pending = new Set<Change>();
  private flushing = false;

  constructor(
    private readonly root: HTMLElement,
    readonly api: Api,
  ) {
    const link = fromHash(location.hash);
    this.wantedEpoch = link.epoch;
    this.store = new Store({ ...initialState, ...loadSettings(localStorage), ...link.patch });
    this.viewer = new Viewer(this.store, this.api, {
      hover: (hover) =>
        this.tooltip.show(
          hover && { ...hover, data: hover.pane.data, epoch: hover.pane.epoch },
          this.viewer.stage.size,
        ),
      sample: (id, { add, subtract }) => {
        if (add) this.select([id], this.store.state.selection.includes(id) ? "subtract" : "add");
        else if (subtract) this.select([id], "subtract");
        else this.focus(id);
      },
      place: (at, screen, pane) => void this.popover.show(at, screen, pane.data, pane.epoch?.epoch ?? null),
      area: (ids, { add, subtract }) => this.select(ids, subtract ? "subtract" : add ? "add" : "replace"),
      epoch: () => {
        if (!this.firstPicture) this.noteFirstPicture();
        // While the time runs, what costs more than a frame follows only once it has rested on an epoch.
        clearTimeout(this.epochTimer);
        this.epochToTell = true;
        this.epochTimer = window.setTimeout(() => {
          this.epochToTell = false;
          this.changed("epoch");
        }, 60);
      },
      legend: () => this.changed("legend"),
      second: () => this.changed("compare-data"),
      error: (message) => this.say(message, "error"),
    });
    this.tooltip = new Tooltip(this.api);
    this.popover = new DecodePopover(this);
    this.viewer.element.append(this.tooltip.element, this.popover.element);
    this.queries = new Queries(
      this.store,
      this.api,
      this.viewer,
      () => this.data_,
      (ids) => this.select(ids, "replace"),
      () => this.changed("queries"),
    );
    this.newSamples = new NewSamples(this.api, () => {
      this.viewer.showNew(this.newSamples.list);
      this.changed("new-samples");
    });
    const newPanel = new NewSamplesPanel(this);
    takeIn(
      this.root,
      (files) => {
        this.store.set({ panel: newPanel.id });
        void newPanel.take(files);
      },
      (text) => {
        if (this.store.state.panel === newPanel.id) void newPanel.takeText(text);
      },
    );
    this.timeBand = new TimeBand(this);
    this.legend = new LegendPanel(this);
    this.panels = [
      new FindingsPanel(this),
      new SearchPanel(this),
      new CardPanel(this),
      new SelectionPanel(this),
      new SuspectsPanel(this),
      new EventsPanel(this),
      new QualityPanel(this),
      new ComparePanel(this),
      new ExportPanel(this, new Exporter(this.viewer, this.store)),
      newPanel,
    ];
    this.keyboard = new Keyboard(this);
    this.selecting = new Selecting(this.store);
    this.dock = new Dock(this.store, this.panels);
    this.header = new Header(this.store, {
      zoomToSelection: () => this.viewer.zoomTo(this.store.state.selection),
      fit: () => this.viewer.fit(),
      switchTheme: () => this.switchTheme(),
      help: () => this.keyboard.help.showModal(),
      clearSelection: () => this.select([], "replace"),
    });
    this.session = this.sharing();
    this.layOut();
    this.store.subscribe((state, changed) => this.stateChanged(state, changed));
    this.system.addEventListener("change", () => this.applyTheme());
    this.applyTheme();
    // The address itself may have been written over since, by what was shown before.
    window.addEventListener("hashchange", (event) => this.followLink(new URL(event.newURL).hash));
  }

  get picture(): Picture {
    return this.viewer;
  }

  get data(): Dataset | null {
    return this.data_;
  }

  /** True when the time's epoch is drawn and samples can be picked. */
  get ready(): boolean {
    const pane = this.viewer.main;
    return pane?.epoch?.epoch === this.epoch && pane.settled && pane.picker.current;
  }

  get epoch(): number {
    return this.viewer.epoch;
  }

  async start(): Promise<void> {
    this.cover("Opening the run …", "");
    try {
      const open = this.open();
      open.catch(() => {});
      this.runs = (await this.api.runs()).runs;
      if (this.runs.length === 0) {
        this.cover("No run is served", "Start the server with one: dvi serve RUN");
        return;
      }
      await open;
    } catch (error) {
      this.cover("The run cannot be shown", (error as Error).message);
    }
    this.api.live(
      (kind, where) => {
        if (kind !== "session") void this.grown(where.run);
        else if (where.session === this.session?.name) void this.session?.sync();
      },
      () => this.session?.reconnected(),
    );
    this.changed("data");
  }

  goToEpoch(epoch: number): void {
    this.store.set({ time: Math.round(timeOf(this.data_?.fitted ?? [], epoch)), playing: false });
  }

  select(ids: readonly number[], how: SelectHow): void {
    this.selecting.select(ids, how);
  }

  undoSelection(): void {
    if (!this.selecting.undo()) this.say("There is nothing to undo.");
  }

  /** A click in the picture opens the card; a click in a panel's list leaves that panel open. */
  focus(id: number): void {
    this.store.set({ focus: id, ...(id >= 0 && !this.dock.focused ? { panel: "sample" } : {}) });
  }

  hash(): string {
    return toHash(this.store.state, this.data_?.fitted ?? []);
  }

  say(message: string, kind: "info" | "error" = "info", action?: { text: string; action: () => void }): void {
    this.notice.say(message, kind, action);
  }

  show(panel: string, detail?: string): void {
    this.store.set({ panel });
    if (detail !== undefined) this.panels.find((p) => p.id === panel)?.receive?.(detail);
  }

  nextColoring(): string | null {
    return this.legend.nextColoring();
  }

  switchTheme(): void {
    this.store.set({ theme: this.dark ? "light" : "dark" });
  }

  /** Closes the topmost thing that is open, then lets go of what is chosen. Returns false when nothing was. */
  escape(): void {
    const { focus, selection } = this.store.state;
    if (!this.popover.element.hidden) this.popover.hide();
    else if (this.notice.open) this.notice.close();
    else if (focus >= 0) this.store.set({ focus: -1 });
    else if (selection.length) this.select([], "replace");
    else this.store.set({ tool: "pan" });
  }

  /** To the next or previous sample, of the selection if there is one: a way through the samples without a mouse. */
  stepSample(by: number): void {
    const pane = this.viewer.main;
    if (!pane) return;
    const { selection, focus } = this.store.state;
    if (selection.length > 1) {
      const at = selection.indexOf(focus);
      const next = at < 0 ? 0 : (at + by + selection.length) % selection.length;
      this.store.set({ focus: selection[next]!, panel: "sample" });
      return;
    }
    const { count } = pane.data;
    for (let k = 1; k <= count; ++k) {
      const id = (((focus + by * k) % count) + count) % count;
      if (pane.isVisible(id)) {
        this.store.set({ focus: id, panel: "sample" });
        return;
      }
    }
  }

  private sharing(): Session | null {
    const name = new URLSearchParams(location.search).get("session");
    if (name === null) return null;
    return new Session(name, this.api, this.store, {
      selection: (ids) => this.select(ids, "replace"),
      samples: async (shared) => {
        if (this.data_) await this.newSamples.showShared(this.data_, name, shared);
      },
      error: (message) => this.say(message, "error"),
    });
  }

  private async open(): Promise<void> {
    const { run, view } = this.store.state;
    const data = await this.viewer.open(run, view, ({ fitted }) => {
      const wanted = this.wantedEpoch;
      this.wantedEpoch = null;
      const last = Math.max(0, fitted.length - 1);
      return Math.min(wanted === null ? this.store.state.time : timeOf(fitted, wanted), last);
    });
    if (!data) return;
    this.data_ = data;
    this.store.set({ selection: this.store.state.selection.filter((i) => i < data.count) });
    document.title = `${data.run.name} · DeepVisualInsight`;
    this.coverIfEmpty(data);
    this.changed("data");
  }

  private noteFirstPicture(): void {
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        this.firstPicture ||= performance.now();
      }),
    );
  }

  private coverIfEmpty(data: Dataset): void {
    if (data.fitted.length === 0)
      this.cover(
        "No epoch is fitted yet",
        "The picture appears by itself as soon as `dvi fit` has finished the first one.",
      );
    else this.curtain.hidden = true;
  }

  /** A run or view grew: new epochs are taken in without a reload. */
  private async grown(run: number): Promise<void> {
    if (run !== this.store.state.run) return;
    this.outdated = true;
    // Of several events at once, one reading after the last tells everything.
    if (this.growing) return;
    this.growing = true;
    try {
      while (this.outdated) {
        this.outdated = false;
        await this.takeIn();
      }
    } finally {
      this.growing = false;
    }
  }

  private async takeIn(): Promise<void> {
    const data = this.data_;
    if (!data) {
      await this.open().catch(() => {});
      return;
    }
    const last = data.fitted.length - 1;
    let changed: boolean;
    try {
      if (await data.replaced()) {
        this.say("Another run was put into this folder. What you see is the earlier one.", "error", {
          text: "Show the new one",
          action: () => window.location.reload(),
        });
        return;
      }
      changed = await data.refresh();
    } catch (error) {
      this.say((error as Error).message, "error");
      return;
    }
    if (data !== this.data_) return;
    this.coverIfEmpty(data);
    const atEnd = this.store.state.time >= last;
    if (atEnd && !this.store.state.playing) this.store.set({ time: Math.max(0, data.fitted.length - 1) });
    this.viewer.grown(changed);
    this.changed("data");
  }

  /** Tells the panels, once a turn, however many things changed. */
  private changed(...what: Change[]): void {
    for (const w of what) this.pending.add(w);
    if (this.flushing) return;
    this.flushing = true;
    queueMicrotask(() => {
      this.flushing = false;
      const changes = this.pending;
      this.pending = new Set();
      this.update(changes.has("data") ? new Set([...changes, ...everything(this.store.state)]) : changes);
    });
  }

  private update(changes: ReadonlySet<Change>): void {
    const { state } = this.store;
    if (changes.has("data")) this.header.showChoosers(this.runs, this.data_);
    if (changes.has("data") && this.data_) this.session?.open(this.data_.runId);
    if (changes.has("data") && this.data_)
      this.newSamples.follow(this.data_).catch((error: Error) => this.say(error.message, "error"));
    if (changes.has("panel")) this.dock.show();
    if (changes.has("legendOpen")) this.legend.element.hidden = !state.legendOpen;
    if (changes.has("tool")) this.header.showTool(state);
    void this.queries.update(changes);
    this.legend.update(state, changes);
    this.timeBand.update(state, changes);
    if (changes.size === 1 && changes.has("time")) return;
    const { open } = this.dock;
    // A panel that was closed has missed changes: it is told of everything.
    open?.update(state, changes.has("panel") ? new Set([...changes, ...everything(state)]) : changes);
    const chips: Change[] = ["filter", "shown", "queries", "solo", "selection", "data"];
    if (chips.some((c) => changes.has(c))) this.header.showStatus(state, this.queries.filterCount ?? 0);
  }

  private stateChanged(state: State, changed: ReadonlySet<keyof State>): void {
    this.changed(...changed);
    if (changed.has("theme")) this.applyTheme();
    if (changed.has("time")) this.popover.hide();
    if (changed.has("run") || changed.has("view")) {
      if (changed.has("run") || !this.data_ || (state.view && this.data_.viewName !== state.view))
        this.open().catch((error: Error) => this.cover("The run cannot be shown", error.message));
    }
    clearTimeout(this.hashTimer);
    this.hashTimer = window.setTimeout(() => {
      saveSettings(localStorage, this.store.state);
      if (this.data_) history.replaceState(null, "", `#${this.hash()}`);
    }, 250);
  }

  private followLink(hash: string): void {
    const { patch, epoch } = fromHash(hash);
    const { run } = this.store.state;
    const view = this.data_?.viewName;
    const same = (patch.run ?? run) === run && (patch.view ?? view) === view;
    const data = same ? this.data_ : null;
    // Which time an epoch is, only its own view's list of epochs tells.
    if (!data) this.wantedEpoch = epoch;
    this.store.set({ ...patch, ...(epoch !== null && data ? { time: timeOf(data.fitted, epoch) } : {}) });
  }

  private layOut(): void {
    replace(
      this.root,
      this.header.element,
      this.legend.element,
      h("main", { class: "stage" }, this.viewer.element, this.notice.element, this.curtain),
      this.dock.element,
      this.dock.rail,
      this.timeBand.element,
      this.keyboard.help,
    );
  }

  private get dark(): boolean {
    const { theme } = this.store.state;
    return theme === "dark" || (theme === "system" && this.system.matches);
  }

  private applyTheme(): void {
    document.documentElement.dataset.theme = this.dark ? "dark" : "light";
    this.header.showTheme(this.dark);
    this.viewer.setTheme(this.dark);
  }

  private cover(title: string, text: string): void {
    this.curtain.hidden = false;
    replace(this.curtain, h("h2", {}, title), h("p", {}, text));
  }
}

/** Every change there is, for a panel that has just been opened. */
function everything(state: State): Change[] {
  return [...(Object.keys(state) as (keyof State)[]), "data", "epoch", "legend", "queries", "compare-data"];
}
