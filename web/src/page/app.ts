import type { Api, RunEntry } from "../data/api";
import type { Dataset } from "../data/dataset";
import { Queries } from "../data/queries";
import { Exporter } from "../export/exporter";
import { CardPanel } from "../panels/card";
import { ComparePanel } from "../panels/compare";
import { DecodePopover } from "../panels/decode-popover";
import { EventsPanel } from "../panels/events";
import { ExportPanel } from "../panels/export";
import { LegendPanel } from "../panels/legend";
import type { Change, Host, Panel, Picture, SelectHow } from "../panels/panel";
import { QualityPanel } from "../panels/quality";
import { SearchPanel } from "../panels/search";
import { SelectionPanel } from "../panels/selection";
import { SuspectsPanel } from "../panels/suspects";
import { TimeBand } from "../panels/time-band";
import { tools } from "../picture/tools";
import { Viewer } from "../picture/viewer";
import { fromHash, loadSettings, saveSettings, timeOf, toHash } from "../state/persist";
import { initialState, type State, Store } from "../state/store";
import { h, number, replace } from "../ui/dom";
import { type IconName, icon } from "../ui/icons";
import { Tooltip } from "../ui/tooltip";
import { Keyboard } from "./keyboard";

const undoLimit = 50;

/** Puts the page together: the picture, the panels around it, and what runs between them. */
export class App implements Host {
  readonly store: Store;
  readonly viewer: Viewer;
  readonly queries: Queries;
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
  private readonly runSelect = h("select", { "aria-label": "Run" });
  private readonly viewSelect = h("select", { "aria-label": "View" });
  private readonly notice = h("div", { class: "notice", role: "alert", hidden: true });
  private readonly curtain = h("div", { class: "curtain" });
  private readonly dock = h("aside", { class: "dock right" });
  private readonly rail = h("nav", { class: "rail", "aria-label": "Panels" });
  private readonly status = h("div", { class: "status" });
  private readonly toolButtons = new Map<string, HTMLButtonElement>();
  private readonly themeButton: HTMLButtonElement;
  private readonly system = window.matchMedia("(prefers-color-scheme: dark)");
  private readonly undo: (readonly number[])[] = [];
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
    this.timeBand = new TimeBand(this);
    this.legend = new LegendPanel(this);
    this.panels = [
      new SearchPanel(this),
      new CardPanel(this),
      new SelectionPanel(this),
      new SuspectsPanel(this),
      new EventsPanel(this),
      new QualityPanel(this),
      new ComparePanel(this),
      new ExportPanel(this, new Exporter(this.viewer, this.store)),
    ];
    this.keyboard = new Keyboard(this);
    this.themeButton = this.button("light", "Dark or light (M)", () => this.switchTheme());
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
    this.api.live((kind, where) => void this.grown(kind, where.run));
    this.changed("data");
  }

  goToEpoch(epoch: number): void {
    this.store.set({ time: Math.round(timeOf(this.data_?.fitted ?? [], epoch)), playing: false });
  }

  select(ids: readonly number[], how: SelectHow): void {
    const before = this.store.state.selection;
    let next: readonly number[] = ids;
    if (how !== "replace") {
      const set = new Set(before);
      for (const id of ids) how === "add" ? set.add(id) : set.delete(id);
      next = [...set];
    }
    if (next.length === 0 && before.length === 0) return;
    this.undo.push(before);
    if (this.undo.length > undoLimit) this.undo.shift();
    this.store.set({ selection: next });
  }

  undoSelection(): void {
    const before = this.undo.pop();
    if (before) this.store.set({ selection: before });
    else this.say("There is nothing to undo.");
  }

  /** A click in the picture opens the card; a click in a panel's list leaves that panel open. */
  focus(id: number): void {
    const fromPanel = this.dock.contains(document.activeElement) && this.store.state.panel !== null;
    this.store.set({ focus: id, ...(id >= 0 && !fromPanel ? { panel: "sample" } : {}) });
  }

  hash(): string {
    return toHash(this.store.state, this.data_?.fitted ?? []);
  }

  say(message: string, kind: "info" | "error" = "info", action?: { text: string; action: () => void }): void {
    const close = () => {
      this.notice.hidden = true;
    };
    const act = () => {
      close();
      action?.action();
    };
    const text = h("span", {}, message);
    replace(
      this.notice,
      text,
      action && h("button", { type: "button", class: "link", onclick: act }, action.text),
      this.button("close", "Dismiss", close),
    );
    this.notice.className = `notice ${kind}`;
    this.notice.hidden = false;
    if (kind === "info")
      window.setTimeout(
        () => {
          if (this.notice.firstChild === text) close();
        },
        action ? 8000 : 4000,
      );
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
    else if (!this.notice.hidden) this.notice.hidden = true;
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
  private async grown(_kind: "view" | "run", run: number): Promise<void> {
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
    if (changes.has("data")) this.showChoosers();
    if (changes.has("panel")) this.showPanel(state);
    if (changes.has("legendOpen")) this.legend.element.hidden = !state.legendOpen;
    if (changes.has("tool")) this.showTool(state);
    void this.queries.update(changes);
    this.legend.update(state, changes);
    this.timeBand.update(state, changes);
    if (changes.size === 1 && changes.has("time")) return;
    const open = this.panels.find((p) => p.id === state.panel);
    // A panel that was closed has missed changes: it is told of everything.
    open?.update(state, changes.has("panel") ? new Set([...changes, ...everything(state)]) : changes);
    const chips: Change[] = ["filter", "shown", "queries", "solo", "selection", "data"];
    if (chips.some((c) => changes.has(c))) this.showStatus(state);
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

  private button(name: IconName, label: string, action: () => void): HTMLButtonElement {
    return h(
      "button",
      { class: "tool", type: "button", "aria-label": label, title: label, onclick: action },
      icon(name),
    );
  }

  private layOut(): void {
    const { store, viewer } = this;
    for (const { tool, icon: name, name: title, key, hint } of tools)
      this.toolButtons.set(
        tool,
        this.button(name, `${title} (${key.toUpperCase()}). ${hint}`, () => store.set({ tool })),
      );
    for (const [k, panel] of this.panels.entries())
      this.rail.append(
        h(
          "button",
          {
            type: "button",
            class: "rail-button",
            title: `${panel.title} (${k + 1})`,
            "data-panel": panel.id,
            onclick: () => store.set({ panel: store.state.panel === panel.id ? null : panel.id }),
          },
          icon(panel.icon),
          h("span", {}, panel.title),
        ),
      );
    const fresh = {
      camera: null,
      selection: [],
      focus: -1,
      solo: [],
      shown: null,
      filter: "",
      compare: null,
      reference: -1,
    };
    this.runSelect.addEventListener("change", () =>
      store.set({
        ...fresh,
        run: Number(this.runSelect.value),
        view: null,
        time: Number.POSITIVE_INFINITY,
        colorBy: "label",
      }),
    );
    this.viewSelect.addEventListener("change", () =>
      store.set({ view: this.viewSelect.value, camera: null }),
    );
    const divider = () => h("span", { class: "divider" });
    replace(
      this.root,
      h(
        "header",
        { class: "bar" },
        this.button("legend", "Show or hide the legend (L)", () =>
          store.set({ legendOpen: !store.state.legendOpen }),
        ),
        h("h1", {}, "DeepVisualInsight"),
        this.runSelect,
        this.viewSelect,
        this.status,
        h("span", { class: "spring" }),
        h("div", { class: "tools", role: "group", "aria-label": "Pointer" }, ...this.toolButtons.values()),
        divider(),
        this.button("zoomSelection", "Zoom to the selection (Z)", () => viewer.zoomTo(store.state.selection)),
        this.button("fit", "Fit the picture (0)", () => viewer.fit()),
        divider(),
        this.themeButton,
        this.button("help", "Help and keys (?)", () => this.keyboard.help.showModal()),
      ),
      this.legend.element,
      h("main", { class: "stage" }, viewer.element, this.notice, this.curtain),
      this.dock,
      this.rail,
      this.timeBand.element,
      this.keyboard.help,
    );
  }

  private showPanel(state: State): void {
    const open = this.panels.find((p) => p.id === state.panel);
    this.dock.hidden = !open;
    if (open && this.dock.firstChild !== open.element) replace(this.dock, open.element);
    this.dock.setAttribute("aria-label", open?.title ?? "Panel");
    for (const button of this.rail.children)
      button.setAttribute("aria-pressed", String((button as HTMLElement).dataset.panel === open?.id));
  }

  private showTool(state: State): void {
    for (const [tool, button] of this.toolButtons)
      button.setAttribute("aria-pressed", String(tool === state.tool));
  }

  /** What is hidden or chosen at the moment, in the header, each with its way out. */
  private showStatus(state: State): void {
    const chip = (text: string, title: string, clear: () => void) =>
      h(
        "span",
        { class: "status-chip", title },
        text,
        h(
          "button",
          { type: "button", class: "remove", "aria-label": `Remove: ${text}`, onclick: clear },
          "×",
        ),
      );
    replace(
      this.status,
      (state.filter || state.shown) &&
        chip(
          `${number(this.queries.filterCount ?? 0)} shown`,
          `Filter: ${[state.filter, state.shown?.what].filter(Boolean).join("; ")}`,
          () => this.store.set({ filter: "", shown: null }),
        ),
      state.solo.length > 0 &&
        chip("legend filter", "Only the chosen legend entries are shown", () => this.store.set({ solo: [] })),
      state.selection.length > 0 &&
        chip(`${number(state.selection.length)} selected`, "Selected samples", () =>
          this.select([], "replace"),
        ),
    );
  }

  private showChoosers(): void {
    replace(this.runSelect, ...this.runs.map((r) => h("option", { value: r.id }, r.name)));
    this.runSelect.value = String(this.store.state.run);
    const views = this.data_?.run.views ?? [];
    replace(this.viewSelect, ...views.map((v) => h("option", { value: v }, v)));
    if (this.data_) this.viewSelect.value = this.data_.viewName;
    this.viewSelect.hidden = views.length < 2;
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

  private cover(title: string, text: string): void {
    this.curtain.hidden = false;
    replace(this.curtain, h("h2", {}, title), h("p", {}, text));
  }
}

/** Every change there is, for a panel that has just been opened. */
function everything(state: State): Change[] {
  return [...(Object.keys(state) as (keyof State)[]), "data", "epoch", "legend", "queries", "compare-data"];
}
