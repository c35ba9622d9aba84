import type { QueryColumn } from "../data/api";
import type { Dataset } from "../data/dataset";
import type { State } from "../state/store";
import { h, number, replace, s } from "../ui/dom";
import { button, form, link, submit } from "../ui/form";
import { listThumbnail } from "../ui/sample-row";
import { classChip } from "../ui/tooltip";
import { VirtualList } from "../ui/virtual-list";
import type { Changes, Host, Panel } from "./panel";
import { MistakeList } from "./search/common-mistakes";
import { ConditionForm, emptyForm } from "./search/condition-form";
import { SavedQueries } from "./search/saved-queries";

/** Finds samples by form or by condition, lists them, and tells at which epochs there are how many. */
export class SearchPanel implements Panel {
  readonly id = "search";
  readonly title = "Search";
  readonly icon = "search" as const;
  readonly element: HTMLElement;

  private readonly form: ConditionForm;
  private readonly text: HTMLTextAreaElement;
  private readonly mistakes: MistakeList;
  private readonly saved: SavedQueries;
  private readonly summary = h("div", { class: "summary" });
  private readonly chart = h("div", { class: "by-epoch" });
  private readonly results: HTMLElement;
  private readonly list: VirtualList;
  private readonly problem = h("p", { class: "problem", role: "alert", hidden: true });
  private listed: readonly number[] = [];
  private columns: readonly QueryColumn[] = [];
  /** What the form was made for: made anew with every epoch that comes, it would lose what is being typed. */
  private formOf = "";

  constructor(private readonly host: Host) {
    this.form = new ConditionForm(host.store, (condition) => {
      this.text.value = condition;
    });
    this.text = this.makeText();
    this.mistakes = new MistakeList((label, prediction) => this.searchPair(label, prediction));
    this.saved = new SavedQueries(
      (condition) => {
        this.text.value = condition;
        this.search();
      },
      (message) => host.say(message, "error"),
    );
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
    this.element = h(
      "div",
      { class: "panel search" },
      form(
        {},
        () => this.search(),
        this.form.element,
        h("details", { class: "condition-box", open: true }, h("summary", {}, "Condition"), this.text),
        this.problem,
        h(
          "div",
          { class: "row" },
          submit("Search", "Selects the samples found (Enter)"),
          button("Filter", "Hides all other samples", () => this.filter()),
          h("span", { class: "spring" }),
          button("Save", "Keeps this condition in the browser", () => this.save()),
          button("Clear", "Empties the form, removes the filter", () => this.clear()),
        ),
        this.saved.element,
      ),
      this.mistakes.element,
      this.results,
    );
  }

  receive(condition: string): void {
    this.showForm(true);
    this.text.value = condition;
    this.search();
  }

  update(state: State, changes: Changes): void {
    const { data } = this.host;
    if (!data) return;
    if (changes.has("data")) {
      this.keepFormInStep(data);
      if (state.filter && !this.text.value) this.text.value = state.filter;
    }
    if (changes.has("acrossEpochs")) this.form.setAcross(state.acrossEpochs === "each");
    if (changes.has("epoch") || changes.has("data") || changes.has("queries")) this.showMistakes(data);
    if (
      ["queries", "epoch", "acrossEpochs", "filter", "shown", "data"].some((c) =>
        changes.has(c as keyof State),
      )
    ) {
      const { error } = this.host.queries;
      this.problem.hidden = !error;
      this.problem.textContent = error;
      this.showResults(data);
    }
    if (changes.has("focus")) this.list.setCount(this.listed.length);
  }

  private makeText(): HTMLTextAreaElement {
    return h("textarea", {
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
  }

  /** The form is another one in another run, and once it is known which columns conditions may use. */
  private keepFormInStep(data: Dataset): void {
    const { columns, groups, training_sets } = data.run;
    const formOf = `${data.key}/${columns.length}/${groups.length}/${training_sets}`;
    if (formOf === this.formOf) return;
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

  private showForm(emptied = false): void {
    const { data } = this.host;
    if (!data) return;
    this.form.show(data, this.columns, emptied ? emptyForm : undefined);
    this.text.title = this.columns.map((c) => `${c.name}: ${c.meaning}`).join("\n");
  }

  private searchPair(label: number, prediction: number): void {
    const { data } = this.host;
    if (!data) return;
    const pair = { label: data.className(label), prediction: data.className(prediction) };
    this.form.show(data, this.columns, { ...emptyForm, ...pair });
    this.text.value = this.form.condition;
    this.search();
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

  private save(): void {
    const where = this.text.value.trim();
    if (where) this.saved.add(where);
    else this.host.say("There is no condition to save.");
  }

  private clear(): void {
    this.text.value = "";
    this.host.queries.clear();
    this.host.select([], "replace");
    this.showForm(true);
  }

  private showMistakes(data: Dataset): void {
    const epoch = this.host.picture.epochData;
    const show = !this.host.queries.found && epoch;
    this.mistakes.element.hidden = !show;
    if (show) this.mistakes.show(data, epoch);
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
        link("Show all", removeFilter),
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
    const goTo = (e: number) => link(`epoch ${data.epochName(e)}`, () => this.host.goToEpoch(e));
    replace(
      this.summary,
      h(
        "p",
        { class: "found", role: "status" },
        h("b", {}, `${number(ids.length)} ${ids.length === 1 ? "sample" : "samples"}`),
        ` at epoch ${data.epochName(epoch)}`,
        ids.length > 0 &&
          h(
            "button",
            { type: "button", class: "link", onclick: () => this.host.picture.zoomTo(ids) },
            "Zoom",
          ),
        ids.length > 0 && link("Select", () => this.host.select(ids, "replace")),
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

  private name(epoch: number): string {
    return this.host.data?.epochName(epoch) ?? String(epoch);
  }

  /** Bars of how many samples meet the condition at each epoch; a click goes there. */
  private countChart(counts: { epoch: number; count: number }[]): SVGSVGElement {
    const width = 280;
    const height = 44;
    const most = Math.max(1, ...counts.map((c) => c.count));
    const step = width / counts.length;
    const longest = Math.max(...counts.map((c) => this.name(c.epoch).length));
    const every = Math.ceil((counts.length * (longest + 1)) / 48);
    return s(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        class: "count-chart",
        role: "img",
        "aria-label": `Samples by epoch: ${counts.map((c) => `${this.name(c.epoch)}: ${c.count}`).join(", ")}`,
      },
      ...counts.map((c, k) => {
        const barHeight = c.count ? Math.max(2, (c.count / most) * (height - 14)) : 0;
        return s(
          "g",
          {
            class: c.epoch === this.host.epoch ? "count-bar now" : "count-bar",
            onclick: () => this.host.goToEpoch(c.epoch),
          },
          s("title", {}, `epoch ${this.name(c.epoch)}: ${number(c.count)}`),
          s("rect", { class: "hit", x: k * step, y: 0, width: step, height }),
          s("rect", {
            class: "fill",
            x: k * step + step * 0.15,
            y: height - 12 - barHeight,
            width: step * 0.7,
            height: barHeight,
          }),
          k % every === 0 &&
            s("text", { x: (k + 0.5) * step, y: height - 1, "text-anchor": "middle" }, this.name(c.epoch)),
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
}
