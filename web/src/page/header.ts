import type { RunEntry } from "../data/api";
import type { Dataset } from "../data/dataset";
import { tools } from "../picture/tools";
import type { State, Store } from "../state/store";
import { h, number, replace } from "../ui/dom";
import { icon } from "../ui/icons";
import { toggleLegend } from "./legend-room";
import { toolButton } from "./tool-button";

/** What the header does beyond the store. */
export interface HeaderActions {
  zoomToSelection(): void;
  fit(): void;
  switchTheme(): void;
  help(): void;
  clearSelection(): void;
}

/** What is looked at and how, for another run: its samples and epochs are others. */
const fresh = {
  camera: null,
  selection: [],
  focus: -1,
  solo: [],
  shown: null,
  filter: "",
  compare: null,
  reference: -1,
} as const satisfies Partial<State>;

/** The bar at the top: run and view, what is hidden or chosen at the moment, the pointer's tools. */
export class Header {
  readonly element: HTMLElement;
  private readonly runs: HTMLSelectElement;
  private readonly views: HTMLSelectElement;
  private readonly status = h("div", { class: "status" });
  private readonly tools = new Map<string, HTMLButtonElement>();
  private readonly theme: HTMLButtonElement;

  constructor(
    private readonly store: Store,
    private readonly actions: HeaderActions,
  ) {
    this.runs = h("select", { "aria-label": "Run", onchange: () => this.openRun() });
    this.views = h("select", {
      "aria-label": "View",
      onchange: () => store.set({ view: this.views.value, camera: null }),
    });
    for (const { tool, icon: name, name: title, key, hint } of tools)
      this.tools.set(
        tool,
        toolButton(name, `${title} (${key.toUpperCase()}). ${hint}`, () => store.set({ tool })),
      );
    this.theme = toolButton("light", "Dark or light (M)", () => actions.switchTheme());
    const divider = () => h("span", { class: "divider" });
    this.element = h(
      "header",
      { class: "bar" },
      toolButton("legend", "Show or hide the legend (L)", () => toggleLegend(store)),
      h("h1", {}, "DeepVisualInsight"),
      this.runs,
      this.views,
      this.status,
      h("span", { class: "spring" }),
      h("div", { class: "tools", role: "group", "aria-label": "Pointer" }, ...this.tools.values()),
      divider(),
      toolButton("zoomSelection", "Zoom to the selection (Z)", () => actions.zoomToSelection()),
      toolButton("fit", "Fit the picture (0)", () => actions.fit()),
      divider(),
      this.theme,
      toolButton("help", "Help and keys (?)", () => actions.help()),
    );
  }

  showChoosers(runs: readonly RunEntry[], data: Dataset | null): void {
    replace(this.runs, ...runs.map((r) => h("option", { value: r.id }, r.name)));
    this.runs.value = String(this.store.state.run);
    const views = data?.run.views ?? [];
    replace(this.views, ...views.map((v) => h("option", { value: v }, v)));
    if (data) this.views.value = data.viewName;
    this.views.hidden = views.length < 2;
  }

  showTool(state: State): void {
    for (const [tool, button] of this.tools) button.setAttribute("aria-pressed", String(tool === state.tool));
  }

  showTheme(dark: boolean): void {
    replace(this.theme, icon(dark ? "light" : "dark"));
  }

  /** What is hidden or chosen at the moment, each with its way out. */
  showStatus(state: State, filtered: number): void {
    const { store } = this;
    replace(
      this.status,
      (state.filter || state.shown) &&
        chip(
          `${number(filtered)} shown`,
          `Filter: ${[state.filter, state.shown?.what].filter(Boolean).join("; ")}`,
          () => store.set({ filter: "", shown: null }),
        ),
      state.solo.length > 0 &&
        chip("legend filter", "Only the chosen legend entries are shown", () => store.set({ solo: [] })),
      state.selection.length > 0 &&
        chip(`${number(state.selection.length)} selected`, "Selected samples", () =>
          this.actions.clearSelection(),
        ),
    );
  }

  private openRun(): void {
    this.store.set({
      ...fresh,
      run: Number(this.runs.value),
      view: null,
      time: Number.POSITIVE_INFINITY,
      colorBy: "label",
    });
  }
}

function chip(text: string, title: string, clear: () => void): HTMLElement {
  return h(
    "span",
    { class: "status-chip", title },
    text,
    h("button", { type: "button", class: "remove", "aria-label": `Remove: ${text}`, onclick: clear }, "×"),
  );
}
