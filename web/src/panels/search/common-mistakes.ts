import type { Dataset, EpochData } from "../../data/dataset";
import { h, number, replace } from "../../ui/dom";
import { classChip } from "../../ui/tooltip";

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

/** The most common mistakes of an epoch as a list; a click on one hands over its two classes. */
export class MistakeList {
  readonly element = h("div", { class: "mistakes" });
  /** Counting a million samples takes longer than a frame has: once an epoch is enough. */
  private readonly known = new WeakMap<EpochData, Mistakes>();
  private shown: Mistakes | null = null;

  constructor(private readonly open: (label: number, prediction: number) => void) {}

  show(data: Dataset, epoch: EpochData): void {
    let list = this.known.get(epoch);
    if (!list) {
      list = commonMistakes(data.labels, epoch.predictions, data.classes.length, 8);
      this.known.set(epoch, list);
    }
    if (list === this.shown) return;
    this.shown = list;
    const most = list[0]?.count ?? 1;
    replace(
      this.element,
      h("h3", {}, `Most common mistakes at epoch ${data.epochName(epoch.epoch)}`),
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
            onclick: () => this.open(m.label, m.prediction),
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
}
