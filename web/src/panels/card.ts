import { classColor, css } from "../color/palette";
import type { Card, Neighbor } from "../data/api";
import type { Dataset } from "../data/dataset";
import type { State } from "../state/store";
import { curves } from "../ui/curves";
import { h, number, percent, replace, s } from "../ui/dom";
import { link } from "../ui/form";
import { listThumbnail } from "../ui/sample-row";
import { classChip } from "../ui/tooltip";
import { WhyView } from "./card/why";
import type { Changes, Host, Panel } from "./panel";

/** Epochs at which a history's prediction changes, with what it changes to; the first entry is its beginning. */
export function historyChanges(history: Card["history"]): { epoch: number; prediction: number }[] {
  return history.epochs
    .map((epoch, k) => ({ epoch, prediction: history.predictions[k]! }))
    .filter((entry, k) => k === 0 || entry.prediction !== history.predictions[k - 1]);
}

/** A line of a list of names and values. */
function pair(name: string, ...value: (Node | string | false)[]): HTMLElement {
  return h("div", { class: "pair-row" }, h("dt", {}, name), h("dd", {}, ...value));
}

/** Everything about one sample: image, label, prediction, history over the epochs, neighbours, columns. */
export class CardPanel implements Panel {
  readonly id = "sample";
  readonly title = "Sample";
  readonly icon = "sample" as const;
  readonly element = h("div", { class: "panel card" });
  private wanted = "";
  private card: Card | null = null;
  private part: "sample" | "why" = "sample";
  private readonly why: WhyView;

  constructor(private readonly host: Host) {
    this.why = new WhyView(host, () => this.joinPushers());
  }

  update(state: State, changes: Changes): void {
    const { data, api } = this.host;
    if (!data) return;
    if (!changes.has("focus") && !changes.has("data") && !changes.has("epoch") && !changes.has("selection"))
      return;
    const id = state.focus;
    if (id < 0 || id >= data.count) {
      this.wanted = "";
      this.card = null;
      this.joinPushers();
      replace(
        this.element,
        h(
          "div",
          { class: "empty" },
          h("h3", {}, "No sample chosen"),
          h(
            "p",
            {},
            "Click a point in the picture, or a row of a list, to see its image, history and neighbours here.",
          ),
          this.idField(),
        ),
      );
      return;
    }
    const key = `${data.key}/${data.fitted.length}/${this.host.epoch}/${id}`;
    if (key === this.wanted) {
      if (this.card) this.show(data, this.card);
      return;
    }
    this.wanted = key;
    this.card = null;
    api.card(data.runId, data.viewName, this.host.epoch, id).then(
      (card) => {
        if (this.wanted !== key) return;
        this.card = card;
        this.show(data, card);
      },
      (error: Error) => {
        if (this.wanted === key)
          replace(this.element, h("p", { class: "problem" }, error.message), this.idField());
      },
    );
  }

  private idField(): HTMLElement {
    const input = h("input", {
      type: "text",
      inputmode: "numeric",
      placeholder: "id",
      "aria-label": "Go to sample by its id",
      onchange: () => {
        const id = Number(input.value.replace("#", ""));
        if (Number.isInteger(id) && id >= 0 && id < (this.host.data?.count ?? 0)) this.host.focus(id);
        else
          this.host.say(
            `There is no sample ${input.value}; ids go from 0 to ${(this.host.data?.count ?? 1) - 1}.`,
            "error",
          );
      },
    });
    return h("label", { class: "id-field" }, "Go to sample ", input);
  }

  private show(data: Dataset, card: Card): void {
    const scroll = this.element.scrollTop;
    replace(
      this.element,
      this.head(card),
      this.top(data, card),
      this.parts(data, card),
      ...(this.part === "why" ? [this.why.element] : this.about(data, card)),
      this.idField(),
    );
    if (this.part === "why") this.why.show(data, card, null);
    this.joinPushers();
    this.element.scrollTop = scroll;
  }

  /** Lines to the samples that pushed this one, while they are listed. */
  private joinPushers(): void {
    const { store } = this.host;
    const shown = this.part === "why" && store.state.focus >= 0 && this.card?.id === store.state.focus;
    const pushers = shown ? this.why.ids : [];
    if (pushers.length || store.state.pushers.length) store.set({ pushers });
  }

  private parts(data: Dataset, card: Card): HTMLElement {
    const part = (id: "sample" | "why", text: string, title: string) =>
      h(
        "button",
        {
          type: "button",
          class: "toggle",
          "aria-pressed": String(this.part === id),
          title,
          onclick: () => {
            this.part = id;
            this.show(data, card);
          },
        },
        text,
      );
    return h(
      "div",
      { class: "tabs card-parts", role: "group", "aria-label": "What to show of the sample" },
      part("sample", "About", "What it is, its history and its neighbours"),
      part("why", "Why", "The training samples that changed its prediction"),
    );
  }

  private about(data: Dataset, card: Card): (HTMLElement | SVGSVGElement | false | null | undefined)[] {
    return [
      card.series && curves(card.series),
      card.text !== undefined && h("p", { class: "card-text" }, card.text),
      card.row && h("dl", { class: "pairs" }, ...card.row.map(([name, value]) => pair(name, String(value)))),
      h("h4", {}, `Most likely at epoch ${data.epochName(this.host.epoch)}`),
      this.mostLikely(data, card),
      h("h4", {}, "Prediction over the epochs"),
      this.historyStrip(data, card),
      h("p", { class: "hint" }, this.historyText(data, card)),
      ...this.neighbors(data, card),
      ...this.columns(data, card),
    ];
  }

  private head(card: Card): HTMLElement {
    const { store, picture } = this.host;
    const selected = store.state.selection.includes(card.id);
    return h(
      "div",
      { class: "card-head" },
      h("h3", {}, `Sample #${card.id}`),
      h("span", { class: "caption" }, card.group),
      h("span", { class: "spring" }),
      link("Zoom", () => picture.zoomTo([card.id])),
      link(selected ? "Deselect" : "Select", () =>
        this.host.select([card.id], selected ? "subtract" : "add"),
      ),
      link("Close", () => this.host.focus(-1)),
    );
  }

  /** Image, label, prediction, confidence and margin. */
  private top(data: Dataset, card: Card): HTMLElement {
    const wrong = card.label >= 0 && card.label !== card.prediction;
    const noisy = card.original_label !== undefined && card.original_label !== card.label;
    const badge = (text: string, kind = "") => h("span", { class: `badge ${kind}`.trim() }, text);
    const image = () =>
      h("img", {
        class: "card-image",
        alt: `Image of sample ${card.id}`,
        src: this.host.api.imageUrl(
          data.runId,
          card.id,
          card.role === "adversarial" ? this.host.epoch : undefined,
        ),
      });
    return h(
      "div",
      { class: "card-top" },
      data.run.inputs?.kind === "image" && image(),
      h(
        "dl",
        { class: "pairs" },
        pair("Label", classChip(data, card.label)),
        noisy && pair("Originally", classChip(data, card.original_label!), badge("noisy", "wrong")),
        pair("Predicted", classChip(data, card.prediction), wrong && badge("wrong", "wrong")),
        pair("Confidence", h("b", {}, number(card.confidence, 3))),
        pair("Margin", number(card.margin, 3), card.margin < 0.1 && badge("boundary")),
      ),
    );
  }

  private mostLikely(data: Dataset, card: Card): HTMLElement {
    const bars = card.top.slice(0, 5).map((t) => {
      const fill = h("span", { class: "fill" });
      fill.style.width = `${Math.max(0.5, t.probability * 100)}%`;
      fill.style.backgroundColor = css(classColor(t.class, data.classes.length));
      return h(
        "div",
        { class: "bar-row" },
        h("span", { class: "name" }, data.className(t.class)),
        h("span", { class: "track" }, fill),
        h("span", { class: "value" }, percent(t.probability)),
      );
    });
    return h("div", { class: "bars" }, ...bars);
  }

  private neighbors(data: Dataset, card: Card): HTMLElement[] {
    const { features, plane } = card.neighbors;
    const heading = (text: string, lines: string) =>
      h("h4", {}, text, h("span", { class: "caption" }, ` ${lines} lines`));
    return [
      heading("Nearest in feature space", "solid"),
      this.neighborRow(data, card, features, plane),
      heading("Nearest in the plane", "dashed"),
      this.neighborRow(data, card, plane, features),
      h(
        "p",
        { class: "hint" },
        `${card.kept} of ${features.length} neighbours are near in both. Orange frame: missing in the other list.`,
        card.round_trip !== card.prediction &&
          ` Projected and back, this sample would be taken for ${data.className(card.round_trip)}: the picture is not to be trusted here.`,
      ),
    ];
  }

  private columns(data: Dataset, card: Card): HTMLElement[] {
    const rows = Object.entries(card.columns).map(([name, value]) => {
      const column = data.run.columns.find((c) => c.name === name);
      const text =
        value === null
          ? "–"
          : column?.type === "category" && column.categories
            ? (column.categories[value] ?? String(value))
            : String(Number(value.toPrecision(5)));
      return pair(column?.title ?? name, text);
    });
    return rows.length ? [h("h4", {}, "Columns"), h("dl", { class: "pairs" }, ...rows)] : [];
  }

  private historyText(data: Dataset, card: Card): string {
    const changes = historyChanges(card.history);
    const last = changes[changes.length - 1];
    if (!last) return "";
    const now = data.className(last.prediction);
    if (changes.length === 1) return `${now} at every epoch.`;
    return `${now} since epoch ${data.epochName(last.epoch)}; ${changes.length - 1} ${changes.length === 2 ? "change" : "changes"} in all.`;
  }

  private historyStrip(data: Dataset, card: Card): SVGSVGElement {
    const width = 288;
    const height = 34;
    const { epochs, predictions, confidence } = card.history;
    const step = width / Math.max(1, epochs.length);
    return s(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        class: "history",
        role: "img",
        "aria-label": this.historyText(data, card),
      },
      ...epochs.map((epoch, k) => {
        const right = predictions[k] === card.label;
        const tall = 4 + 18 * (confidence[k] ?? 0);
        const rect = s("rect", {
          x: k * step + 0.5,
          y: 22 - tall,
          width: Math.max(1, step - 1),
          height: tall,
        });
        rect.style.fill = css(classColor(predictions[k]!, data.classes.length));
        return s(
          "g",
          {
            class: epoch === this.host.epoch ? "cell now" : "cell",
            onclick: () => this.host.goToEpoch(epoch),
          },
          s(
            "title",
            {},
            `epoch ${data.epochName(epoch)}: ${data.className(predictions[k]!)}, confidence ${number(confidence[k] ?? 0, 2)}${card.label < 0 ? "" : right ? ", right" : ", wrong"}`,
          ),
          s("rect", { class: "hit", x: k * step, y: 0, width: step, height }),
          rect,
          !right &&
            card.label >= 0 &&
            s("path", { class: "cross", d: `M${(k + 0.5) * step - 2.5} 25l5 5m0 -5l-5 5` }),
          right && s("circle", { class: "dot", cx: (k + 0.5) * step, cy: 27.5, r: 1.6 }),
        );
      }),
    );
  }

  private neighborRow(data: Dataset, card: Card, list: Neighbor[], other: Neighbor[]): HTMLElement {
    const ids = list.map((n) => n.id);
    const there = new Set(other.map((n) => n.id));
    const predictions = this.host.picture.epochData?.predictions;
    return h(
      "div",
      { class: "neighbor-row" },
      ...list.map((n, i) => {
        const label = data.labels[n.id]!;
        const chip = h("span", { class: "swatch" });
        chip.style.backgroundColor = css(classColor(Math.max(0, label), data.classes.length));
        return h(
          "button",
          {
            type: "button",
            class: there.has(n.id) ? "neighbor" : "neighbor missing",
            title: `#${n.id} ${data.className(label)}${predictions && predictions[n.id] !== label ? `, taken for ${data.className(predictions[n.id]!)}` : ""}, distance ${Number(n.distance.toPrecision(3))}${there.has(n.id) ? "" : ", not near in the other space"}`,
            "aria-label": `Neighbour ${n.id}`,
            onclick: () => this.host.focus(n.id),
            onpointerenter: () => this.host.picture.point(n.id),
            onpointerleave: () => this.host.picture.point(-1),
          },
          listThumbnail(this.host.api, data, ids, i, 32) ?? h("span", { class: "id" }, `#${n.id}`),
          chip,
        );
      }),
      list.length === 0 && h("span", { class: "hint" }, `None: #${card.id} is alone.`),
    );
  }
}
