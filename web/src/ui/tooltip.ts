import { classColor, css } from "../color/palette";
import type { Api } from "../data/api";
import type { Dataset, EpochData } from "../data/dataset";
import { h, number, replace } from "./dom";

/** A class's name with its colour. */
export function classChip(data: Dataset, index: number): HTMLElement {
  if (index < 0 || index >= data.classes.length) return h("span", { class: "chip none" }, "none");
  const swatch = h("span", { class: "swatch" });
  swatch.style.backgroundColor = css(classColor(index, data.classes.length));
  const name = data.classes[index]!;
  return h("span", { class: "chip", title: name }, swatch, h("span", { class: "chip-name" }, name));
}

/** A sample under the pointer, and where, in CSS pixels. */
export interface Hovered {
  readonly id: number;
  readonly x: number;
  readonly y: number;
  readonly data: Dataset;
  readonly epoch: EpochData | null;
}

/** What hovers beside the pointer: image, label, prediction and confidence of the sample under it. */
export class Tooltip {
  readonly element = h("div", { class: "tooltip", role: "status", hidden: true });
  private readonly image = h("img", { class: "thumbnail", alt: "", width: 56, height: 56 });
  private readonly text = h("div", { class: "lines" });
  private shown = -1;

  constructor(private readonly api: Api) {
    this.element.append(this.image, this.text);
  }

  show(hover: Hovered | null, within: { width: number; height: number }): void {
    this.element.hidden = hover === null;
    if (!hover) {
      this.shown = -1;
      return;
    }
    const { data, epoch, id } = hover;
    if (this.shown !== id) {
      this.shown = id;
      this.image.hidden = data.run.inputs?.kind !== "image";
      if (!this.image.hidden) this.image.src = this.api.imageUrl(data.runId, id, epoch?.epoch);
    }
    const label = data.labels[id]!;
    const prediction = epoch?.predictions[id] ?? -1;
    const confidence = (epoch?.samples.confidence[id] ?? 0) / 255;
    const wrong = label >= 0 && label !== prediction;
    const line = (name: string, value: Node | string) =>
      h("div", { class: "line" }, h("span", { class: "caption" }, name), value);
    replace(
      this.text,
      h(
        "div",
        { class: "head" },
        `#${id}`,
        h("span", { class: "caption" }, data.run.groups[data.groupOf(id)]?.name ?? ""),
      ),
      line("label", classChip(data, label)),
      line("predicted", classChip(data, prediction)),
      h(
        "div",
        { class: "line" },
        h("span", { class: "caption" }, "confidence"),
        h("b", {}, number(confidence, 2)),
        wrong && h("span", { class: "badge wrong" }, "wrong"),
      ),
    );
    const w = this.element.offsetWidth;
    const height = this.element.offsetHeight;
    const x = hover.x + 16 + w > within.width ? hover.x - w - 14 : hover.x + 16;
    const y = Math.min(Math.max(hover.y - height / 2, 6), within.height - height - 6);
    this.element.style.transform = `translate(${Math.max(4, x).toFixed(0)}px, ${y.toFixed(0)}px)`;
  }
}
