import type { Difference } from "../data/api";
import type { State } from "../state/store";
import { toggled } from "../state/store";
import { h, number, percent, replace } from "../ui/dom";
import { listThumbnail } from "../ui/sample-row";
import { classChip } from "../ui/tooltip";
import { VirtualList } from "../ui/virtual-list";
import type { Changes, Host, Panel } from "./panel";

/** Two epochs or two runs beside each other, and what changed since a reference epoch. */
export class ComparePanel implements Panel {
  readonly id = "compare";
  readonly title = "Compare";
  readonly icon = "compare" as const;
  readonly element: HTMLElement;

  private readonly sides = h("div", { class: "form" });
  private readonly reference = h("div", { class: "form" });
  private readonly summary = h("div", { class: "summary" });
  private readonly list: VirtualList;
  private difference: Difference | null = null;
  private wanted = "";

  constructor(private readonly host: Host) {
    this.list = new VirtualList(
      36,
      "Samples that differ",
      (i) => this.row(i),
      (i) => host.focus(this.difference!.ids[i]!),
      (i) => host.picture.point(i < 0 ? -1 : this.difference!.ids[i]!),
    );
    this.element = h(
      "div",
      { class: "panel compare" },
      h("h3", {}, "Side by side"),
      this.sides,
      h("h3", {}, "What changed since"),
      this.reference,
      this.summary,
      this.list.element,
    );
  }

  update(state: State, changes: Changes): void {
    const { data } = this.host;
    if (!data) return;
    if (
      ["data", "compare", "compare-data", "reference", "layers", "epoch"].some((c) =>
        changes.has(c as keyof State),
      )
    ) {
      this.showSides(state);
      this.showReference(state);
      void this.load(state);
    }
  }

  private showSides(state: State): void {
    const { store, data } = this.host;
    if (!data) return;
    const { compare } = state;
    const others = this.host.runs.flatMap((r) =>
      r.views.map((v) => ({ run: r.id, view: v, name: r.views.length > 1 ? `${r.name}, ${v}` : r.name })),
    );
    const value = !compare ? "" : compare.run === null ? "time" : `${compare.run}/${compare.view ?? ""}`;
    const select = h(
      "select",
      {
        id: "compare-with",
        onchange: () => {
          if (select.value === "") store.set({ compare: null });
          else if (select.value === "time")
            store.set({
              compare: { run: null, view: null, offset: -Math.max(1, Math.round(store.state.time)) },
            });
          else {
            const [run, view] = select.value.split("/");
            store.set({ compare: { run: Number(run), view: view ?? null, offset: 0 } });
          }
        },
      },
      h("option", { value: "" }, "nothing"),
      h("option", { value: "time" }, "another epoch of this run"),
      ...others
        .filter((o) => o.run !== data.runId || o.view !== data.viewName)
        .map((o) => h("option", { value: `${o.run}/${o.view}` }, o.name)),
    );
    select.value = value;
    const second = this.host.picture.beside;
    const epochs = second?.data.fitted ?? data.fitted;
    const epochSelect = h(
      "select",
      {
        id: "compare-epoch",
        onchange: () => {
          const at = epochs.indexOf(Number(epochSelect.value));
          store.set({ compare: { ...store.state.compare!, offset: at - Math.round(store.state.time) } });
        },
      },
      ...epochs.map((e) => h("option", { value: e }, (second?.data ?? data).epochName(e))),
    );
    if (second) epochSelect.value = String(second.epoch ?? "");
    replace(
      this.sides,
      h("label", { class: "field", for: "compare-with" }, h("span", {}, "Beside it"), select),
      compare && h("label", { class: "field", for: "compare-epoch" }, h("span", {}, "At epoch"), epochSelect),
      compare &&
        h(
          "p",
          { class: "hint" },
          "Time runs in both, this far apart. Hover, selection, zoom and colours are shared; the left picture is the one the panels describe.",
        ),
    );
  }

  private showReference(state: State): void {
    const { store, data, picture } = this.host;
    if (!data) return;
    const select = h(
      "select",
      {
        id: "reference",
        onchange: () => {
          const reference = Number(select.value);
          store.set({ reference, layers: toggled(store.state.layers, "diff", reference >= 0) });
        },
      },
      h("option", { value: -1 }, "no epoch"),
      ...data.fitted.map((e) => h("option", { value: e }, `epoch ${data.epochName(e)}`)),
    );
    select.value = String(state.reference);
    const { changedShare } = picture;
    const on = state.layers.includes("diff") && state.reference >= 0;
    replace(
      this.reference,
      h("label", { class: "field", for: "reference" }, h("span", {}, "Reference"), select),
      on &&
        changedShare !== null &&
        h(
          "p",
          { class: "hint" },
          `${percent(changedShare)} of the territory changed class between epoch ${data.epochName(state.reference)} and ${data.epochName(this.host.epoch)}: hatched in the picture. Samples that did not cross are pale.`,
        ),
      on &&
        state.reference === this.host.epoch &&
        h("p", { class: "hint" }, "This is the reference epoch; move the time to see what changed."),
    );
  }

  private async load(state: State): Promise<void> {
    const { data, api } = this.host;
    if (!data) return;
    const second = this.host.picture.beside;
    const a = this.host.epoch;
    let b: number;
    let other: { run: number; view: string } | null = null;
    if (second && second.epoch !== null) {
      b = second.epoch;
      if (second.data !== data) other = { run: second.data.runId, view: second.data.viewName };
    } else if (state.reference >= 0) b = state.reference;
    else {
      this.wanted = "";
      this.difference = null;
      replace(
        this.summary,
        h(
          "p",
          { class: "hint" },
          "Choose something to compare with, and the samples whose prediction differs are listed here.",
        ),
      );
      this.list.setCount(0);
      this.list.element.hidden = true;
      return;
    }
    const key = `${data.key}/${a}/${b}/${other?.run}/${other?.view}`;
    if (key === this.wanted) return;
    this.wanted = key;
    try {
      const found = await api.compare(data.runId, data.viewName, a, b, other);
      if (this.wanted !== key) return;
      this.difference = found;
      const link = (text: string, action: () => void) =>
        h("button", { type: "button", class: "link", onclick: action }, text);
      replace(
        this.summary,
        h(
          "p",
          { class: "found", role: "status" },
          h("b", {}, `${number(found.count)} ${found.count === 1 ? "sample" : "samples"}`),
          ` predicted differently (epoch ${data.epochName(a)} | ${other ? `${second!.data.run.name}, ` : ""}epoch ${(second?.data ?? data).epochName(b)})`,
          found.count > 0 && link("Select", () => this.host.select(found.ids, "replace")),
          found.count > 0 &&
            link("Show only", () =>
              this.host.store.set({ shown: { what: "samples that differ", ids: found.ids } }),
            ),
        ),
      );
      this.list.element.hidden = false;
      this.list.setCount(found.ids.length, true);
    } catch (error) {
      this.wanted = "";
      this.difference = null;
      this.list.setCount(0);
      replace(this.summary, h("p", { class: "problem" }, (error as Error).message));
    }
  }

  private row(index: number): HTMLElement {
    const { data, api } = this.host;
    const found = this.difference;
    if (!data || !found) return h("div");
    const id = found.ids[index]!;
    return h(
      "div",
      { class: this.host.store.state.focus === id ? "sample-row focused" : "sample-row" },
      listThumbnail(api, data, found.ids, index),
      h("span", { class: "id" }, `#${id}`),
      classChip(data, found.from[index]!),
      h("span", { class: "arrow" }, "|"),
      classChip(data, found.to[index]!),
    );
  }
}
