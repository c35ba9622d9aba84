import type { Dataset, EpochData } from "../data/dataset";
import type { State } from "../state/store";
import { h, number, replace, s } from "../ui/dom";
import { listThumbnail } from "../ui/sample-row";
import { classChip } from "../ui/tooltip";
import { VirtualList } from "../ui/virtual-list";
import type { Changes, Host, Panel } from "./panel";

/** A string as an SQL literal. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** What the form's fields say. Empty strings mean any. */
export interface FormValues {
  label: string;
  prediction: string;
  group: string;
  correct: "" | "0" | "1";
  from: string;
  to: string;
  flags: readonly string[];
  column: string;
  operator: string;
  value: string;
}

/** The condition that the form's fields stand for; empty where they ask for nothing. */
export function conditionOf(form: FormValues, isText: (column: string) => boolean = () => false): string {
  const parts: string[] = [];
  if (form.label) parts.push(`label = ${quote(form.label)}`);
  if (form.prediction) parts.push(`prediction = ${quote(form.prediction)}`);
  if (form.group) parts.push(`group = ${quote(form.group)}`);
  if (form.correct) parts.push(`correct = ${form.correct}`);
  if (form.from !== "" && Number(form.from) > 0) parts.push(`confidence >= ${Number(form.from)}`);
  if (form.to !== "" && Number(form.to) < 1) parts.push(`confidence <= ${Number(form.to)}`);
  for (const flag of form.flags)
    parts.push(flag === "round_trip_changes" ? "round_trip_ok = 0" : `${flag} = 1`);
  if (form.column && form.value !== "") {
    const name = /^[a-z_][a-z0-9_]*$/.test(form.column)
      ? form.column
      : `"${form.column.replaceAll('"', '""')}"`;
    const value =
      isText(form.column) || Number.isNaN(Number(form.value))
        ? quote(form.value)
        : String(Number(form.value));
    parts.push(`${name} ${form.operator} ${value}`);
  }
  return parts.join(" and ");
}

/** Pairs of label and other prediction, most frequent first. */
export function commonMistakes(
  labels: Int32Array,
  predictions: Uint16Array,
  classes: number,
  limit: number,
): { label: number; prediction: number; count: number }[] {
  const counts = new Uint32Array(classes * classes);
  for (let i = 0; i < labels.length; ++i) {
    const label = labels[i]!;
    if (label >= 0 && label !== predictions[i]) counts[label * classes + predictions[i]!]!++;
  }
  const found: [number, number][] = [];
  for (let key = 0; key < counts.length; ++key) if (counts[key]) found.push([key, counts[key]!]);
  return found
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, limit)
    .map(([key, count]) => ({ label: Math.floor(key / classes), prediction: key % classes, count }));
}

type Mistakes = ReturnType<typeof commonMistakes>;

const emptyForm: FormValues = {
  label: "",
  prediction: "",
  group: "",
  correct: "",
  from: "",
  to: "",
  flags: [],
  column: "",
  operator: "=",
  value: "",
};

/** Finds samples by form or by condition, lists them, and tells at which epochs there are how many. */
export class SearchPanel implements Panel {
  readonly id = "search";
  readonly title = "Search";
  readonly icon = "search" as const;
  readonly element: HTMLElement;

  private form: FormValues = emptyForm;
  private readonly fields: HTMLElement;
  private readonly text: HTMLTextAreaElement;
  private readonly mistakes: HTMLElement;
  private readonly results: HTMLElement;
  private readonly summary: HTMLElement;
  private readonly chart: HTMLElement;
  private readonly saved: HTMLElement;
  private readonly list: VirtualList;
  private readonly problem = h("p", { class: "problem", role: "alert", hidden: true });
  private listed: readonly number[] = [];
  private columns: { name: string; type: string; meaning: string }[] = [];
  /** What the form was made for: made anew with every epoch that comes, it would lose what is being typed. */
  private formOf = "";
  /** Counting a million samples takes longer than a frame has: once an epoch is enough. */
  private readonly mistakesOf = new WeakMap<EpochData, Mistakes>();
  private shownMistakes: Mistakes | null = null;

  constructor(private readonly host: Host) {
    this.fields = h("div", { class: "form" });
    this.text = h("textarea", {
      class: "condition",
      rows: 2,
      spellcheck: "false",
      "aria-label": "Condition",
      placeholder: "label = 'Shirt' and confidence > 0.9",
      onkeydown: ((event: KeyboardEvent) => {
        if (event.key === "Enter" && !event.shiftKey) {
          event.preventDefault();
          this.search();
        }
      }) as (event: never) => void,
    });
    this.mistakes = h("div", { class: "mistakes" });
    this.summary = h("div", { class: "summary" });
    this.chart = h("div", { class: "by-epoch" });
    this.saved = h("div", { class: "chips" });
    this.list = new VirtualList(
      36,
      "Samples found",
      (i) => this.row(i),
      (i, event) => {
        const id = this.listed[i]!;
        if (event.shiftKey) host.select([id], "add");
        else host.focus(id);
      },
      (i) => host.picture.point(i < 0 ? -1 : this.listed[i]!),
    );
    this.results = h("div", { class: "results" }, this.summary, this.chart, this.list.element);
    const button = (text: string, title: string, action: () => void, main = false) =>
      h("button", { type: "button", class: main ? "button main" : "button", title, onclick: action }, text);
    this.element = h(
      "div",
      { class: "panel search" },
      h(
        "form",
        {
          onsubmit: ((event: Event) => {
            event.preventDefault();
            this.search();
          }) as (event: never) => void,
        },
        this.fields,
        h("details", { class: "condition-box", open: true }, h("summary", {}, "Condition"), this.text),
        this.problem,
        h(
          "div",
          { class: "row" },
          h(
            "button",
            { type: "submit", class: "button main", title: "Selects the samples found (Enter)" },
            "Search",
          ),
          button("Filter", "Hides all other samples", () => this.filter()),
          h("span", { class: "spring" }),
          button("Save", "Keeps this condition in the browser", () => this.save()),
          button("Clear", "Empties the form, removes the filter", () => this.clear()),
        ),
        this.saved,
      ),
      this.mistakes,
      this.results,
    );
    this.showSaved();
  }

  receive(condition: string): void {
    this.form = emptyForm;
    this.showForm();
    this.text.value = condition;
    this.search();
  }

  update(state: State, changes: Changes): void {
    const { data, queries } = this.host;
    if (!data) return;
    if (changes.has("data")) {
      const { columns, groups, training_sets } = data.run;
      const formOf = `${data.key}/${columns.length}/${groups.length}/${training_sets}`;
      if (formOf !== this.formOf) {
        this.formOf = formOf;
        this.columns = [];
        this.showForm();
        this.host.api.queryColumns(data.runId).then(
          (known) => {
            if (formOf !== this.formOf) return;
            this.columns = known.columns;
            this.showForm();
          },
          () => {
            if (formOf === this.formOf) this.formOf = "";
          },
        );
      }
      if (state.filter && !this.text.value) this.text.value = state.filter;
    }
    if (changes.has("acrossEpochs")) {
      const box = this.fields.querySelector<HTMLInputElement>("#across");
      if (box) box.checked = state.acrossEpochs === "each";
    }
    if (changes.has("epoch") || changes.has("data") || changes.has("queries")) this.showMistakes(data);
    if (
      ["queries", "epoch", "acrossEpochs", "filter", "shown", "data"].some((c) =>
        changes.has(c as keyof State),
      )
    ) {
      this.problem.hidden = !queries.error;
      this.problem.textContent = queries.error;
      this.showResults(data);
    }
    if (changes.has("focus")) this.list.setCount(this.listed.length);
  }

  private search(): void {
    const where = this.text.value.trim();
    if (where) void this.host.queries.search(where);
    else this.host.say("Say what to look for: choose a label, a prediction or another field first.");
  }

  private filter(): void {
    const where = this.text.value.trim();
    if (!where) this.host.say("Say what to keep: choose a label, a prediction or another field first.");
    else this.host.store.set({ filter: where, filterEpoch: this.host.epoch });
  }

  private clear(): void {
    this.form = emptyForm;
    this.text.value = "";
    this.host.queries.clear();
    this.host.select([], "replace");
    this.showForm();
  }

  private change(patch: Partial<FormValues>): void {
    this.form = { ...this.form, ...patch };
    const isText = (name: string) => this.columns.find((c) => c.name === name)?.type === "text";
    this.text.value = conditionOf(this.form, isText);
  }

  private showForm(): void {
    const { data, store } = this.host;
    if (!data) return;
    const { form } = this;
    const field = (name: string, id: string, ...children: HTMLElement[]) =>
      h("label", { class: "field", for: id }, h("span", {}, name), ...children);
    const choice = (
      id: string,
      value: string,
      options: readonly (readonly [string, string])[],
      set: (v: string) => void,
    ) => {
      const select = h(
        "select",
        { id, onchange: () => set(select.value) },
        ...options.map(([v, t]) => h("option", { value: v }, t)),
      );
      select.value = value;
      return select;
    };
    const any = [["", "any"]] as const;
    const names = data.classes.map((c) => [c, c] as const);
    const confidence = (id: "from" | "to", label: string) => {
      const input = h("input", {
        type: "number",
        min: 0,
        max: 1,
        step: 0.05,
        placeholder: id === "from" ? "0" : "1",
        "aria-label": label,
        id: `confidence-${id}`,
        oninput: () => this.change({ [id]: input.value }),
      });
      input.value = form[id];
      return input;
    };
    const flag = (name: string, text: string) => {
      const input = h("input", {
        type: "checkbox",
        onchange: () =>
          this.change({
            flags: input.checked ? [...this.form.flags, name] : this.form.flags.filter((f) => f !== name),
          }),
      });
      input.checked = form.flags.includes(name);
      return h("label", { class: "check inline" }, input, text);
    };
    // A column with named categories is text in a condition; its number has a name of its own.
    const noisy = data.run.columns.find((c) => c.name === "is_noisy");
    const flags = [
      flag("boundary", "on a boundary"),
      data.run.training_sets && flag("newly_selected", "newly selected"),
      noisy && flag(noisy.type === "category" ? "is_noisy_id" : "is_noisy", "noisy label"),
      flag("round_trip_changes", "round trip changes it"),
    ];
    const value = h("input", {
      type: "text",
      id: "column-value",
      "aria-label": "Value",
      placeholder: "value",
      oninput: () => this.change({ value: value.value }),
    });
    value.value = form.value;
    const extra = this.columns.filter((c) => !["id"].includes(c.name));
    const across = h("input", {
      type: "checkbox",
      id: "across",
      onchange: () => store.set({ acrossEpochs: across.checked ? "each" : "keep" }),
    });
    across.checked = store.state.acrossEpochs === "each";
    const stacked = (name: string, id: string, input: HTMLElement) =>
      h("label", { class: "stacked", for: id }, h("span", {}, name), input);
    const options = [...any, ...names];
    const groups = [...any, ...data.run.groups.map((g) => [g.name, g.name] as const)];
    const results = [...any, ["0", "wrong"], ["1", "right"]] as const;
    const operators = ["=", "!=", ">", ">=", "<", "<="].map((o) => [o, o] as const);
    const columns = [["", "–"] as const, ...extra.map((c) => [c.name, c.name] as const)];
    const more = this.fields.querySelector<HTMLDetailsElement>("details.more");
    replace(
      this.fields,
      h(
        "div",
        { class: "two" },
        stacked(
          "Label",
          "form-label",
          choice("form-label", form.label, options, (v) => this.change({ label: v })),
        ),
        stacked(
          "Predicted as",
          "form-prediction",
          choice("form-prediction", form.prediction, options, (v) => this.change({ prediction: v })),
        ),
        stacked(
          "Result",
          "form-correct",
          choice("form-correct", form.correct, results, (v) =>
            this.change({ correct: v as FormValues["correct"] }),
          ),
        ),
        h(
          "div",
          { class: "stacked" },
          h("label", { for: "confidence-from" }, "Confidence"),
          h(
            "div",
            { class: "pair" },
            confidence("from", "Confidence from"),
            h("span", { class: "caption" }, "to"),
            confidence("to", "Confidence to"),
          ),
        ),
      ),
      h(
        "details",
        { class: "more", open: more?.open ?? false },
        h("summary", {}, "More fields"),
        field(
          "Group",
          "form-group",
          choice("form-group", form.group, groups, (v) => this.change({ group: v })),
        ),
        h("div", { class: "checks-row" }, ...flags),
        h(
          "div",
          { class: "field" },
          h("label", { for: "form-column" }, "Any column"),
          h(
            "div",
            { class: "triple" },
            choice("form-column", form.column, columns, (v) => this.change({ column: v })),
            choice("form-operator", form.operator, operators, (v) => this.change({ operator: v })),
            value,
          ),
        ),
      ),
      h(
        "label",
        {
          class: "check",
          title:
            "Off: the samples found at this epoch stay selected. On: the condition is evaluated again at every epoch.",
        },
        across,
        h("span", { class: "name" }, "Evaluate again at each epoch"),
      ),
    );
    this.fields.querySelector("#form-operator")?.setAttribute("aria-label", "Comparison");
    this.text.title = this.columns.map((c) => `${c.name}: ${c.meaning}`).join("\n");
  }

  private showMistakes(data: Dataset): void {
    const epoch = this.host.picture.epochData;
    const show = !this.host.queries.found && epoch;
    this.mistakes.hidden = !show;
    if (!show) return;
    let list = this.mistakesOf.get(epoch);
    if (!list) {
      list = commonMistakes(data.labels, epoch.predictions, data.classes.length, 8);
      this.mistakesOf.set(epoch, list);
    }
    if (list === this.shownMistakes) return;
    this.shownMistakes = list;
    const most = list[0]?.count ?? 1;
    replace(
      this.mistakes,
      h("h3", {}, `Most common mistakes at epoch ${epoch.epoch}`),
      list.length === 0 && h("p", { class: "hint" }, "Every sample is predicted as it is labelled."),
      ...list.map((m) => {
        const bar = h("span", { class: "bar" });
        bar.style.width = `${(m.count / most) * 100}%`;
        return h(
          "button",
          {
            type: "button",
            class: "mistake",
            title: "Search for these",
            onclick: () => {
              this.form = {
                ...emptyForm,
                label: data.className(m.label),
                prediction: data.className(m.prediction),
              };
              this.showForm();
              this.change({});
              this.search();
            },
          },
          bar,
          classChip(data, m.label),
          h("span", { class: "arrow", "aria-label": "taken for" }, "→"),
          classChip(data, m.prediction),
          h("span", { class: "count" }, number(m.count)),
        );
      }),
    );
  }

  private showResults(data: Dataset): void {
    const { queries, store } = this.host;
    const { found } = queries;
    const { filter, shown } = store.state;
    this.results.hidden = !found && !filter && !shown;
    const removeFilter = () => store.set({ filter: "", shown: null });
    const filterNote =
      (filter || shown) &&
      h(
        "p",
        { class: "filter-note" },
        h("span", {}, `Filter shows ${number(queries.filterCount ?? 0)} of ${number(data.count)}`),
        h("button", { type: "button", class: "link", onclick: removeFilter }, "Show all"),
      );
    if (!found) {
      replace(this.summary, filterNote);
      replace(this.chart);
      this.listed = [];
      this.list.setCount(0);
      this.list.element.hidden = true;
      return;
    }
    this.list.element.hidden = false;
    const ids = queries.current;
    const epoch = store.state.acrossEpochs === "each" ? this.host.epoch : found.epoch;
    const counts =
      found.byEpoch && data.fitted.map((e) => ({ epoch: e, count: found.byEpoch!.get(e)?.length ?? 0 }));
    const first = counts?.find((c) => c.count > 0);
    const top = counts?.reduce((a, b) => (b.count > a.count ? b : a), counts[0]!);
    const goTo = (e: number) =>
      h("button", { type: "button", class: "link", onclick: () => this.host.goToEpoch(e) }, `epoch ${e}`);
    replace(
      this.summary,
      h(
        "p",
        { class: "found", role: "status" },
        h("b", {}, `${number(ids.length)} ${ids.length === 1 ? "sample" : "samples"}`),
        ` at epoch ${epoch}`,
        ids.length > 0 &&
          h(
            "button",
            { type: "button", class: "link", onclick: () => this.host.picture.zoomTo(ids) },
            "Zoom",
          ),
        ids.length > 0 &&
          h(
            "button",
            { type: "button", class: "link", onclick: () => this.host.select(ids, "replace") },
            "Select",
          ),
      ),
      first && top
        ? h(
            "p",
            { class: "hint" },
            "Began at ",
            goTo(first.epoch),
            ` with ${number(first.count)}; most at `,
            goTo(top.epoch),
            `, ${number(top.count)}.`,
          )
        : counts && h("p", { class: "hint" }, "At no epoch are there any."),
      filterNote,
    );
    if (counts && counts.length > 1) replace(this.chart, this.countChart(counts));
    else replace(this.chart);
    const same = this.listed === ids;
    this.listed = ids;
    this.list.setCount(ids.length, !same);
  }

  /** Bars of how many samples meet the condition at each epoch; a click goes there. */
  private countChart(counts: { epoch: number; count: number }[]): SVGSVGElement {
    const width = 280;
    const height = 44;
    const most = Math.max(1, ...counts.map((c) => c.count));
    const step = width / counts.length;
    return s(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        class: "count-chart",
        role: "img",
        "aria-label": `Samples by epoch: ${counts.map((c) => `${c.epoch}: ${c.count}`).join(", ")}`,
      },
      ...counts.map((c, k) => {
        const barHeight = c.count ? Math.max(2, (c.count / most) * (height - 14)) : 0;
        return s(
          "g",
          {
            class: c.epoch === this.host.epoch ? "count-bar now" : "count-bar",
            onclick: () => this.host.goToEpoch(c.epoch),
          },
          s("title", {}, `epoch ${c.epoch}: ${number(c.count)}`),
          s("rect", { class: "hit", x: k * step, y: 0, width: step, height }),
          s("rect", {
            class: "fill",
            x: k * step + step * 0.15,
            y: height - 12 - barHeight,
            width: step * 0.7,
            height: barHeight,
          }),
          (counts.length <= 16 || k % Math.ceil(counts.length / 12) === 0) &&
            s("text", { x: (k + 0.5) * step, y: height - 1, "text-anchor": "middle" }, String(c.epoch)),
        );
      }),
    );
  }

  private row(index: number): HTMLElement {
    const { data, api, picture, store } = this.host;
    const id = this.listed[index]!;
    const epoch = picture.epochData;
    if (!data) return h("div");
    const prediction = epoch?.predictions[id] ?? -1;
    return h(
      "div",
      { class: store.state.focus === id ? "sample-row focused" : "sample-row" },
      listThumbnail(api, data, this.listed, index),
      h("span", { class: "id" }, `#${id}`),
      classChip(data, data.labels[id]!),
      data.labels[id] !== prediction && h("span", { class: "arrow" }, "→"),
      data.labels[id] !== prediction && classChip(data, prediction),
      h("span", { class: "count" }, number((epoch?.samples.confidence[id] ?? 0) / 255, 2)),
    );
  }

  private savedKey(): string {
    return "dvi.queries";
  }

  private savedList(): string[] {
    try {
      const list = JSON.parse(localStorage.getItem(this.savedKey()) ?? "[]") as unknown;
      return Array.isArray(list) ? list.filter((x): x is string => typeof x === "string") : [];
    } catch {
      return [];
    }
  }

  private save(): void {
    const where = this.text.value.trim();
    if (where) this.keep([where, ...this.savedList().filter((w) => w !== where)].slice(0, 20));
    else this.host.say("There is no condition to save.");
  }

  private keep(list: string[]): void {
    try {
      localStorage.setItem(this.savedKey(), JSON.stringify(list));
    } catch {
      this.host.say("The browser does not let this page save anything.", "error");
    }
    this.showSaved();
  }

  private showSaved(): void {
    replace(
      this.saved,
      ...this.savedList().map((where) =>
        h(
          "span",
          { class: "saved" },
          h(
            "button",
            {
              type: "button",
              class: "link",
              title: where,
              onclick: () => {
                this.text.value = where;
                this.search();
              },
            },
            where,
          ),
          h(
            "button",
            {
              type: "button",
              class: "remove",
              "aria-label": `Forget ${where}`,
              onclick: () => this.keep(this.savedList().filter((w) => w !== where)),
            },
            "×",
          ),
        ),
      ),
    );
  }
}
