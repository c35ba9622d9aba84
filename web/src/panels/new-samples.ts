import { classColor, css } from "../color/palette";
import { ApiError } from "../data/api";
import type { Dataset } from "../data/dataset";
import type { NewSample } from "../data/new-samples";
import type { State } from "../state/store";
import { h, number, percent, replace, s } from "../ui/dom";
import { link } from "../ui/form";
import { listThumbnail } from "../ui/sample-row";
import { classChip } from "../ui/tooltip";
import type { Changes, Host, Panel } from "./panel";

const width = 288;
const height = 96;

/**
 * Areas of the class probabilities over the epochs, stacked from the class that is the most likely at the end: outlines
 * in a box of 1 by 1, y down.
 */
export function stackedAreas(
  probabilities: readonly (readonly number[])[],
  most: number,
): { index: number; points: [number, number][] }[] {
  const epochs = probabilities.length;
  const classes = probabilities[0]?.length ?? 0;
  const share = (c: number) => Math.max(...probabilities.map((p) => p[c]!));
  const shown = Array.from({ length: classes }, (_, c) => c)
    .sort((a, b) => share(b) - share(a))
    .slice(0, most)
    .sort((a, b) => probabilities[epochs - 1]![b]! - probabilities[epochs - 1]![a]!);
  const x = (k: number) => (epochs > 1 ? k / (epochs - 1) : 0);
  const below = new Array<number>(epochs).fill(0);
  return shown.map((index) => {
    const low = [...below];
    for (let k = 0; k < epochs; ++k) below[k]! += probabilities[k]![index]!;
    const top = below.map((v, k): [number, number] => [x(k), 1 - v]);
    const bottom = low.map((v, k): [number, number] => [x(k), 1 - v]).reverse();
    if (epochs === 1) {
      top.push([1, top[0]![1]]);
      bottom.unshift([1, bottom[0]![1]]);
    }
    return { index, points: [...top, ...bottom] };
  });
}

/** Samples that were never recorded: bring them, see where they lie and what the classifier made of them. */
export class NewSamplesPanel implements Panel {
  readonly id = "new";
  readonly title = "New samples";
  readonly icon = "add" as const;
  readonly element = h("div", { class: "panel card new-panel" });
  private readonly files = h("input", {
    type: "file",
    accept: "image/*",
    multiple: true,
    hidden: true,
    onchange: () => {
      void this.take([...(this.files.files ?? [])]);
      this.files.value = "";
    },
  });
  private readonly list = h("div", { class: "new-list" });
  private readonly area = h("textarea", { rows: 4, "aria-label": "New samples as numbers" });
  /** Asked where inputs and features are as long. */
  private readonly kind = h(
    "select",
    { "aria-label": "What the numbers are" },
    h("option", { value: "inputs" }, "inputs"),
    h("option", { value: "features" }, "features"),
  );
  private looked: NewSample | null = null;
  /** Pictures of another size are fitted without asking again, once that was asked for. */
  private resize = false;

  constructor(private readonly host: Host) {}

  update(state: State, changes: Changes): void {
    void state;
    if (["data", "epoch", "new-samples", "panel"].some((c) => changes.has(c as never))) this.show();
  }

  /** Pictures that were dropped, pasted or chosen. */
  async take(files: readonly File[]): Promise<void> {
    const { data, newSamples } = this.host;
    if (!data || files.length === 0) return;
    await this.tried(
      () => newSamples.addPictures(data, files, this.resize),
      () => {
        this.resize = true;
        void this.take(files);
      },
    );
  }

  /** Numbers of rows or texts, a sample a line; false where they could not be placed. */
  async takeText(text: string): Promise<boolean> {
    const { data, newSamples } = this.host;
    if (!data || !text.trim()) return false;
    const size = data.run.inputs?.shape.reduce((a, b) => a * b, 1);
    const kind = size === data.run.feature_dim ? (this.kind.value as "inputs" | "features") : undefined;
    return this.tried(() => newSamples.addText(data, text, kind), null);
  }

  private async tried(action: () => Promise<void>, resized: (() => void) | null): Promise<boolean> {
    const before = this.host.newSamples.list.length;
    try {
      await action();
      this.look(this.host.newSamples.list[before] ?? null);
      return true;
    } catch (error) {
      const { message } = error as Error;
      const other = resized && error instanceof ApiError && message.includes("--resize");
      if (other)
        this.host.say(message.replace(/; [^;]*--resize[^;]*$/, "."), "error", {
          text: "Fit it to that",
          action: resized,
        });
      else this.host.say(message, "error");
      return false;
    }
  }

  private look(sample: NewSample | null): void {
    this.looked = sample;
    this.host.picture.lookAtNew(sample);
    this.show();
  }

  private show(): void {
    const { data, newSamples } = this.host;
    if (!data) return;
    const { list, waiting } = newSamples;
    if (this.looked && !list.includes(this.looked)) {
      this.looked = list.find((one) => one.letter === this.looked?.letter) ?? null;
      this.host.picture.lookAtNew(this.looked);
    }
    const { scrollTop } = this.list;
    replace(this.list, ...list.map((one) => this.row(data, one)));
    replace(
      this.element,
      h(
        "div",
        { class: "card-head" },
        h("h3", {}, "New samples"),
        h("span", { class: "spring" }),
        list.length > 0 && link("Throw all away", () => newSamples.removeAll()),
      ),
      this.intake(data, waiting, list.length > 0),
      list.length > 0 && this.list,
      ...(this.looked ? this.card(data, this.looked) : []),
    );
    this.list.scrollTop = scrollTop;
  }

  private intake(data: Dataset, waiting: number, some: boolean): HTMLElement {
    const kind = data.run.inputs?.kind;
    if (kind === "image")
      return h(
        "div",
        { class: some ? "drop-zone more" : "drop-zone" },
        h(
          "p",
          {},
          waiting > 0
            ? `Placing ${waiting} …`
            : some
              ? "Drop more, or"
              : "Drop pictures anywhere on the page, or paste one, to see where they lie and where they would have been earlier.",
        ),
        h(
          "button",
          { type: "button", class: "button", onclick: () => this.files.click() },
          "Choose pictures …",
        ),
        this.files,
      );
    return this.numbers(data);
  }

  /** A field for numbers, which keeps what was written in it. */
  private numbers(data: Dataset): HTMLElement {
    const { inputs, feature_dim } = data.run;
    const size = inputs?.shape.reduce((a, b) => a * b, 1);
    const features = `${feature_dim} numbers a line: features of the last epoch's model`;
    this.area.placeholder =
      size === undefined
        ? features
        : size === feature_dim
          ? `${size} numbers a line, one line a sample`
          : `${size} numbers a line, one line a sample; or ${features}`;
    return h(
      "div",
      { class: "drop-zone" },
      this.area,
      h(
        "div",
        { class: "row" },
        h(
          "button",
          {
            type: "button",
            class: "button",
            onclick: () =>
              void this.takeText(this.area.value).then((placed) => {
                if (placed) this.area.value = "";
              }),
          },
          "Place",
        ),
        size === feature_dim && this.kind,
      ),
    );
  }

  private row(data: Dataset, sample: NewSample): HTMLElement {
    const now = sample.at.get(this.host.epoch);
    return h(
      "div",
      { class: sample === this.looked ? "new-row now" : "new-row" },
      h(
        "button",
        { type: "button", class: "new-open", onclick: () => this.look(sample) },
        h("span", { class: "new-tag" }, sample.letter),
        sample.image && h("img", { src: sample.image, alt: "" }),
        h("span", { class: "name" }, sample.name),
        now && classChip(data, now.prediction),
      ),
      h(
        "button",
        {
          type: "button",
          class: "remove",
          title: "Throw away",
          "aria-label": `Throw ${sample.name} away`,
          onclick: () => this.host.newSamples.remove(sample),
        },
        "×",
      ),
    );
  }

  private card(data: Dataset, sample: NewSample): HTMLElement[] {
    const now = sample.at.get(this.host.epoch);
    if (!now) return [this.elsewhere(data, sample)];
    const strange =
      now.familiarity === 0
        ? "Stranger than every training sample: its place is little more than a guess."
        : now.familiarity < 0.05
          ? `Strange: only ${percent(now.familiarity)} of the training samples lie farther from their neighbours.`
          : `As near to its neighbours as training samples are (${percent(now.familiarity)} lie farther from theirs).`;
    const pair = (name: string, ...value: (Node | string)[]) =>
      h("div", { class: "pair-row" }, h("dt", {}, name), h("dd", {}, ...value));
    return [
      h(
        "div",
        { class: "card-top" },
        sample.image ? h("img", { class: "card-image", src: sample.image, alt: sample.name }) : h("span"),
        h(
          "dl",
          { class: "pairs" },
          pair("Predicted", classChip(data, now.prediction)),
          pair("Confidence", h("b", {}, number(now.confidence, 3))),
          pair("Then", classChip(data, now.runner_up)),
          pair("Margin", number(now.margin, 3)),
        ),
      ),
      h("p", { class: now.familiarity < 0.05 ? "hint problem" : "hint" }, strange),
      // Features are of one epoch: there is nothing to follow.
      ...(sample.at.size > 1
        ? [h("h4", {}, "Class probabilities over the epochs"), this.probabilities(data, sample)]
        : []),
      h("h4", {}, `Nearest training samples at epoch ${data.epochName(this.host.epoch)}`),
      this.nearest(data, now.nearest, now.distances),
    ];
  }

  /** Features are of the model of one epoch: there the sample is, and at no other. */
  private elsewhere(data: Dataset, sample: NewSample): HTMLElement {
    const [epoch] = sample.at.keys();
    return h(
      "p",
      { class: "hint" },
      "Its features are of one epoch's model. ",
      epoch !== undefined && link(`Go to epoch ${data.epochName(epoch)}`, () => this.host.goToEpoch(epoch)),
    );
  }

  private probabilities(data: Dataset, sample: NewSample): HTMLElement {
    const epochs = data.fitted.filter((e) => sample.at.has(e));
    const areas = stackedAreas(
      epochs.map((e) => sample.at.get(e)!.probabilities),
      12,
    );
    const k = epochs.indexOf(this.host.epoch);
    const x = epochs.length > 1 ? (k / (epochs.length - 1)) * width : width / 2;
    const step = width / Math.max(1, epochs.length - 1);
    const chart = s(
      "svg",
      {
        class: "new-probabilities",
        viewBox: `0 0 ${width} ${height}`,
        role: "img",
        "aria-label": "Class probabilities over the epochs",
      },
      ...areas.map(({ index, points }) => {
        const area = s(
          "polygon",
          {
            points: points
              .map(([px, py]) => `${(px * width).toFixed(1)},${(py * height).toFixed(1)}`)
              .join(" "),
          },
          s("title", {}, data.className(index)),
        );
        area.style.fill = css(classColor(index, data.classes.length));
        return area;
      }),
      s("line", { class: "now", x1: x, x2: x, y1: 0, y2: height }),
      ...epochs.map((epoch, e) =>
        s(
          "rect",
          {
            class: "hit",
            x: (e - 0.5) * step,
            y: 0,
            width: step,
            height,
            onclick: () => this.host.goToEpoch(epoch),
          },
          s(
            "title",
            {},
            `epoch ${data.epochName(epoch)}: ${data.className(sample.at.get(epoch)!.prediction)}, ${percent(sample.at.get(epoch)!.confidence)}`,
          ),
        ),
      ),
    );
    const said = new Set(epochs.map((e) => sample.at.get(e)!.prediction));
    return h(
      "div",
      {},
      chart,
      h("div", { class: "new-classes" }, ...[...said].map((c) => classChip(data, c))),
    );
  }

  private nearest(data: Dataset, ids: readonly number[], distances: readonly number[]): HTMLElement {
    return h(
      "div",
      { class: "neighbor-row" },
      ...ids.map((id, i) => {
        const label = data.labels[id]!;
        const chip = h("span", { class: "swatch" });
        chip.style.backgroundColor = css(classColor(Math.max(0, label), data.classes.length));
        return h(
          "button",
          {
            type: "button",
            class: "neighbor",
            title: `#${id} ${data.className(label)}, distance ${Number(distances[i]!.toPrecision(3))}`,
            "aria-label": `Neighbour ${id}`,
            onclick: () => this.host.focus(id),
            onpointerenter: () => this.host.picture.point(id),
            onpointerleave: () => this.host.picture.point(-1),
          },
          listThumbnail(this.host.api, data, ids, i, 32) ?? h("span", { class: "id" }, `#${id}`),
          chip,
        );
      }),
    );
  }
}
