import { classColor, css } from "../color/palette";
import type { NamedSelection } from "../data/api";
import type { Dataset } from "../data/dataset";
import { selectionCsv, selectionJson } from "../export/selection-file";
import type { State } from "../state/store";
import { h, number, percent, replace } from "../ui/dom";
import { download } from "../ui/download";
import { listThumbnail } from "../ui/sample-row";
import { classChip } from "../ui/tooltip";
import { VirtualList } from "../ui/virtual-list";
import type { Changes, Host, Panel } from "./panel";

/** The selected samples: what they are, sets kept under a name, undo and export. */
export class SelectionPanel implements Panel {
  readonly id = "selection";
  readonly title = "Select";
  readonly icon = "selection" as const;
  readonly element: HTMLElement;

  private readonly head = h("div", { class: "row selection-head" });
  private readonly make_up = h("div", { class: "make-up" });
  private readonly kept = h("div", { class: "kept" });
  private readonly list: VirtualList;
  private readonly through: HTMLInputElement;
  private readonly name: HTMLInputElement;
  private readonly empty: HTMLElement;
  private ids: readonly number[] = [];
  private runOfKept = -1;
  private askedForKept = 0;
  private named: NamedSelection[] = [];

  constructor(private readonly host: Host) {
    const { store } = host;
    this.list = new VirtualList(
      36,
      "Selected samples",
      (i) => this.row(i),
      (i, event) => {
        if (event.shiftKey || event.altKey) host.select([this.ids[i]!], "subtract");
        else host.focus(this.ids[i]!);
      },
      (i) => host.picture.point(i < 0 ? -1 : this.ids[i]!),
    );
    this.through = h("input", {
      type: "checkbox",
      onchange: () => store.set({ throughHidden: this.through.checked }),
    });
    this.name = h("input", {
      type: "text",
      placeholder: "name",
      "aria-label": "Name of the selection",
      maxlength: 64,
    });
    this.empty = h(
      "div",
      { class: "empty" },
      h("h3", {}, "Nothing selected"),
      h(
        "p",
        {},
        "Shift-click points, draw a box (X) or a lasso (O) around them, or search. Shift adds, Alt takes away.",
      ),
    );
    const button = (text: string, title: string, action: () => void) =>
      h("button", { type: "button", class: "button", title, onclick: action }, text);
    this.element = h(
      "div",
      { class: "panel selection" },
      this.head,
      this.empty,
      this.make_up,
      this.list.element,
      h(
        "label",
        {
          class: "check",
          title: "Box and lasso also take samples that a filter, a group or the legend hides",
        },
        this.through,
        h("span", { class: "name" }, "Box and lasso take hidden samples too"),
      ),
      h(
        "form",
        {
          class: "row",
          onsubmit: ((event: Event) => {
            event.preventDefault();
            void this.save();
          }) as (event: never) => void,
        },
        this.name,
        h(
          "button",
          { type: "submit", class: "button main", title: "Keeps the selection on disk with the run" },
          "Save",
        ),
        button("CSV", "Downloads id, group, label, prediction and confidence", () => this.exportAs("csv")),
        button("JSON", "Downloads the ids and what they are, for relabelling or active learning", () =>
          this.exportAs("json"),
        ),
      ),
      h("h3", {}, "Saved selections"),
      this.kept,
    );
  }

  update(state: State, changes: Changes): void {
    const { data } = this.host;
    if (!data) return;
    if (this.runOfKept !== data.runId || changes.has("data")) {
      this.runOfKept = data.runId;
      void this.loadKept();
    }
    if (changes.has("throughHidden")) this.through.checked = state.throughHidden;
    if (["selection", "epoch", "data", "focus"].some((c) => changes.has(c as keyof State))) {
      const top = this.ids !== state.selection;
      this.ids = state.selection;
      this.show(data);
      this.list.setCount(this.ids.length, top);
    }
  }

  /** The line between the two that are selected, and where its class changes. */
  private async showLine(data: Dataset): Promise<void> {
    const [a, b] = this.ids;
    try {
      const { points } = await this.host.api.between(data.runId, data.viewName, this.host.epoch, a!, b!);
      if (this.ids[0] !== a || this.ids[1] !== b) return;
      this.host.picture.showLine(points);
      const changes = points
        .map((p, k) => ({ share: (k - 0.5) / (points.length - 1), name: data.className(p.prediction) }))
        .filter((c, k) => k === 0 || c.name !== data.className(points[k - 1]!.prediction));
      const way = changes.map((c, k) => (k === 0 ? c.name : `${c.name} from ${percent(c.share, 0)}`));
      this.host.say(`From #${a} to #${b} through feature space: ${way.join(", then ")}.`);
    } catch (error) {
      this.host.say((error as Error).message, "error");
    }
  }

  private show(data: Dataset): void {
    const count = this.ids.length;
    const link = (text: string, title: string, action: () => void) =>
      h("button", { type: "button", class: "link", title, onclick: action }, text);
    replace(
      this.head,
      h("b", { role: "status" }, `${number(count)} selected`),
      h("span", { class: "spring" }),
      count > 0 && link("Zoom", "Zooms to them (z)", () => this.host.picture.zoomTo(this.ids)),
      count > 0 &&
        link("Show only", "Hides all others", () =>
          this.host.store.set({ shown: { what: `${count} selected`, ids: this.ids } }),
        ),
      link("Invert", "Selects all that are not selected", () => {
        const chosen = new Set(this.ids);
        this.host.select(
          Array.from({ length: data.count }, (_, i) => i).filter((i) => !chosen.has(i)),
          "replace",
        );
      }),
      link("Undo", "Takes back the last change (u)", () => this.host.undoSelection()),
      count === 2 &&
        link(
          "Line between",
          "The way from one to the other through feature space",
          () => void this.showLine(data),
        ),
      count > 0 && link("Clear", "Selects nothing (Esc)", () => this.host.select([], "replace")),
    );
    this.empty.hidden = count > 0;
    this.list.element.hidden = count === 0;
    this.make_up.hidden = count === 0;
    if (count === 0) return;
    const predictions = this.host.picture.epochData?.predictions;
    const counts = new Map<number, { all: number; wrong: number }>();
    for (const id of this.ids) {
      const label = data.labels[id] ?? -1;
      const entry = counts.get(label) ?? { all: 0, wrong: 0 };
      entry.all++;
      if (label >= 0 && predictions && predictions[id] !== label) entry.wrong++;
      counts.set(label, entry);
    }
    const sorted = [...counts].sort((a, b) => b[1].all - a[1].all);
    const bar = h("div", { class: "stack", "aria-hidden": "true" });
    for (const [label, { all }] of sorted) {
      const part = h("span", { title: `${data.className(label)}: ${number(all)}` });
      part.style.width = `${(all / count) * 100}%`;
      part.style.backgroundColor = label < 0 ? "#888" : css(classColor(label, data.classes.length));
      bar.append(part);
    }
    const wrong = sorted.reduce((sum, [, c]) => sum + c.wrong, 0);
    replace(
      this.make_up,
      bar,
      h(
        "p",
        { class: "hint" },
        sorted
          .slice(0, 3)
          .map(([label, c]) => `${data.className(label)} ${number(c.all)}`)
          .join(", ") + (sorted.length > 3 ? `, ${sorted.length - 3} more classes` : ""),
        `; ${number(wrong)} predicted wrong.`,
      ),
    );
  }

  private row(index: number): HTMLElement {
    const { data, api, picture, store } = this.host;
    const id = this.ids[index]!;
    if (!data || id >= data.count) return h("div");
    const epoch = picture.epochData;
    const prediction = epoch?.predictions[id] ?? -1;
    const label = data.labels[id]!;
    return h(
      "div",
      { class: store.state.focus === id ? "sample-row focused" : "sample-row" },
      listThumbnail(api, data, this.ids, index),
      h("span", { class: "id" }, `#${id}`),
      classChip(data, label),
      label !== prediction && h("span", { class: "arrow" }, "→"),
      label !== prediction && classChip(data, prediction),
      h("span", { class: "count" }, number((epoch?.samples.confidence[id] ?? 0) / 255, 2)),
    );
  }

  private async loadKept(): Promise<void> {
    const { data, api } = this.host;
    if (!data) return;
    const asked = ++this.askedForKept;
    try {
      const { selections } = await api.selections(data.runId);
      if (asked !== this.askedForKept) return;
      this.named = selections;
    } catch (error) {
      if (asked !== this.askedForKept) return;
      replace(this.kept, h("p", { class: "problem" }, (error as Error).message));
      return;
    }
    replace(
      this.kept,
      this.named.length === 0 &&
        h("p", { class: "hint" }, "None yet. They are kept in the run's folder, under selections."),
      ...this.named.map((selection) =>
        h(
          "div",
          { class: "kept-row" },
          h(
            "button",
            {
              type: "button",
              class: "link name",
              title: "Selects these samples",
              onclick: () => this.host.select(selection.ids, "replace"),
            },
            selection.name,
          ),
          h("span", { class: "caption" }, number(selection.count)),
          h(
            "a",
            {
              class: "link",
              href: api.selectionCsvUrl(data.runId, selection.name, data.viewName, this.host.epoch),
              download: `${selection.name}.csv`,
            },
            "CSV",
          ),
          h(
            "button",
            {
              type: "button",
              class: "remove",
              "aria-label": `Delete ${selection.name}`,
              title: "Delete",
              onclick: () => void this.remove(selection),
            },
            "×",
          ),
        ),
      ),
    );
  }

  private async remove(selection: NamedSelection): Promise<void> {
    const { data, api } = this.host;
    if (!data) return;
    try {
      await api.deleteSelection(data.runId, selection.name);
      this.host.say(`"${selection.name}" is deleted.`, "info", {
        text: "Undo",
        action: () =>
          void api.saveSelection(data.runId, selection.name, selection.ids).then(() => this.loadKept()),
      });
    } catch (error) {
      this.host.say((error as Error).message, "error");
    }
    await this.loadKept();
  }

  private async save(): Promise<void> {
    const { data, api } = this.host;
    const name = this.name.value.trim();
    if (!data) return;
    if (!name) return this.host.say("Give the selection a name first.");
    if (this.ids.length === 0) return this.host.say("Nothing is selected.");
    try {
      await api.saveSelection(data.runId, name, [...this.ids]);
      this.host.say(`"${name}" is saved with the run.`);
      this.name.value = "";
    } catch (error) {
      this.host.say((error as Error).message, "error");
    }
    await this.loadKept();
  }

  private exportAs(format: "csv" | "json"): void {
    const { data, picture } = this.host;
    const epoch = picture.epochData;
    if (!data || !epoch || this.ids.length === 0) {
      this.host.say("Nothing is selected.");
      return;
    }
    const name = this.name.value.trim() || "selection";
    if (format === "csv")
      download(`${name}.csv`, new Blob([selectionCsv(data, epoch, this.ids)], { type: "text/csv" }));
    else
      download(
        `${name}.json`,
        new Blob([selectionJson(data, epoch, this.ids, name)], { type: "application/json" }),
      );
  }
}
