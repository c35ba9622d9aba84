import type { QueryColumn } from "../../data/api";
import type { Dataset } from "../../data/dataset";
import type { Store } from "../../state/store";
import { h, replace } from "../../ui/dom";
import { choice, field, type Options, stacked, tick, ticked } from "../../ui/form";

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

export const emptyForm: FormValues = {
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

/** The fields that stand for a condition; `changed` is told what they say now. */
export class ConditionForm {
  readonly element = h("div", { class: "form" });
  private values: FormValues = emptyForm;
  private columns: readonly QueryColumn[] = [];

  constructor(
    private readonly store: Store,
    private readonly changed: (condition: string) => void,
  ) {}

  /** Makes the fields for a data set and the columns that its conditions know, and fills them in. */
  show(data: Dataset, columns: readonly QueryColumn[], values: FormValues = this.values): void {
    this.columns = columns;
    this.values = values;
    const more = this.element.querySelector<HTMLDetailsElement>("details.more")?.open ?? false;
    replace(this.element, this.main(data), this.more(data, more), this.across());
    this.element.querySelector("#form-operator")?.setAttribute("aria-label", "Comparison");
  }

  /** What the fields say. */
  get condition(): string {
    const isText = (name: string) => this.columns.find((c) => c.name === name)?.type === "text";
    return conditionOf(this.values, isText);
  }

  setAcross(each: boolean): void {
    const box = this.element.querySelector<HTMLInputElement>("#across");
    if (box) box.checked = each;
  }

  private change(patch: Partial<FormValues>): void {
    this.values = { ...this.values, ...patch };
    this.changed(this.condition);
  }

  private main(data: Dataset): HTMLElement {
    const { values } = this;
    const classes: Options = [any, ...data.classes.map((c) => [c, c] as const)];
    const results: Options = [any, ["0", "wrong"], ["1", "right"]];
    return h(
      "div",
      { class: "two" },
      stacked(
        "Label",
        "form-label",
        choice("form-label", values.label, classes, (v) => this.change({ label: v })),
      ),
      stacked(
        "Predicted as",
        "form-prediction",
        choice("form-prediction", values.prediction, classes, (v) => this.change({ prediction: v })),
      ),
      stacked(
        "Result",
        "form-correct",
        choice("form-correct", values.correct, results, (v) =>
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
          this.confidence("from", "Confidence from", "0"),
          h("span", { class: "caption" }, "to"),
          this.confidence("to", "Confidence to", "1"),
        ),
      ),
    );
  }

  private confidence(end: "from" | "to", label: string, placeholder: string): HTMLInputElement {
    const input = h("input", {
      type: "number",
      min: 0,
      max: 1,
      step: 0.05,
      placeholder,
      "aria-label": label,
      id: `confidence-${end}`,
      oninput: () => this.change({ [end]: input.value }),
    });
    input.value = this.values[end];
    return input;
  }

  private more(data: Dataset, open: boolean): HTMLElement {
    const groups: Options = [any, ...data.run.groups.map((g) => [g.name, g.name] as const)];
    return h(
      "details",
      { class: "more", open },
      h("summary", {}, "More fields"),
      field(
        "Group",
        "form-group",
        choice("form-group", this.values.group, groups, (v) => this.change({ group: v })),
      ),
      h("div", { class: "checks-row" }, ...this.flags(data)),
      this.column(),
    );
  }

  private flags(data: Dataset): (HTMLElement | false | undefined)[] {
    const flag = (name: string, text: string) => {
      const { flags } = this.values;
      const box = tick(flags.includes(name), (on) =>
        this.change({
          flags: on ? [...this.values.flags, name] : this.values.flags.filter((f) => f !== name),
        }),
      );
      return h("label", { class: "check inline" }, box, text);
    };
    // A column with named categories is text in a condition; its number has a name of its own.
    const noisy = data.run.columns.find((c) => c.name === "is_noisy");
    return [
      flag("boundary", "on a boundary"),
      data.run.training_sets && flag("newly_selected", "newly selected"),
      noisy && flag(noisy.type === "category" ? "is_noisy_id" : "is_noisy", "noisy label"),
      flag("round_trip_changes", "round trip changes it"),
    ];
  }

  private column(): HTMLElement {
    const { values } = this;
    const names: Options = [
      ["", "–"],
      ...this.columns.filter((c) => c.name !== "id").map((c) => [c.name, c.name] as const),
    ];
    const operators: Options = ["=", "!=", ">", ">=", "<", "<="].map((o) => [o, o] as const);
    const value = h("input", {
      type: "text",
      id: "column-value",
      "aria-label": "Value",
      placeholder: "value",
      oninput: () => this.change({ value: value.value }),
    });
    value.value = values.value;
    return h(
      "div",
      { class: "field" },
      h("label", { for: "form-column" }, "Any column"),
      h(
        "div",
        { class: "triple" },
        choice("form-column", values.column, names, (v) => this.change({ column: v })),
        choice("form-operator", values.operator, operators, (v) => this.change({ operator: v })),
        value,
      ),
    );
  }

  private across(): HTMLElement {
    const { store } = this;
    const box = tick(
      store.state.acrossEpochs === "each",
      (on) => store.set({ acrossEpochs: on ? "each" : "keep" }),
      "across",
    );
    return ticked(
      box,
      "Evaluate again at each epoch",
      "Off: the samples found at this epoch stay selected. On: the condition is evaluated again at every epoch.",
    );
  }
}

const any = ["", "any"] as const;
