import type { Figures } from "../data/api";
import type { Dataset } from "../data/dataset";
import type { State } from "../state/store";
import { h, number, percent, replace, s } from "../ui/dom";
import type { Changes, Host, Panel } from "./panel";

interface Measure {
  readonly key: string;
  readonly name: string;
  /** Which way is better. */
  readonly good: "up" | "down";
  readonly meaning: string;
  /** Key of what it would be by chance. */
  readonly chance?: string;
  readonly percent?: true;
}

/** What each measure is, in plain words. Those that a view does not hold are left out. */
const measures: readonly Measure[] = [
  {
    key: "ppr_fitted",
    name: "Prediction kept, as fitted",
    good: "up",
    meaning:
      "Share of samples that the fitted map itself shows on the territory of the class predicted for them, before any sample was moved.",
  },
  {
    key: "moved_share",
    name: "Samples moved",
    good: "down",
    percent: true,
    meaning:
      "Share of samples that were moved into their class's territory after the fit. The colouring Moved after fit shows which.",
  },
  {
    key: "moved_mean",
    name: "How far they were moved",
    good: "down",
    percent: true,
    meaning: "Mean distance that moved samples were moved, in shares of the picture's side.",
  },
  {
    key: "margin_rank",
    name: "Margin shown",
    good: "up",
    meaning:
      "Rank correlation between a sample's own margin and the margin of the ground it lies on: 1 if who is nearer to the border in the picture is nearer to it for the classifier.",
  },
  {
    key: "nn_15",
    name: "Neighbours kept",
    good: "up",
    meaning:
      "Of a sample's 15 nearest in feature space, how many are also among its 15 nearest in the picture (the sample itself not counted).",
  },
  { key: "nn_10", name: "Neighbours kept, 10", good: "up", meaning: "The same with the 10 nearest." },
  { key: "nn_20", name: "Neighbours kept, 20", good: "up", meaning: "The same with the 20 nearest." },
  {
    key: "boundary_15",
    name: "Boundary neighbours kept",
    good: "up",
    chance: "boundary_15_chance",
    meaning:
      "Of the 15 boundary samples nearest to a sample in feature space, how many are nearest in the picture: does it show which border a sample is close to?",
  },
  {
    key: "ppr",
    name: "Prediction kept",
    good: "up",
    meaning:
      "Share of samples that are still predicted as the same class after going into the picture and back. Below 1, points and territories disagree.",
  },
  {
    key: "ccr",
    name: "Confidence change",
    good: "down",
    meaning: "How much the confidence changes over the same round trip.",
  },
  {
    key: "mse",
    name: "Reconstruction error",
    good: "down",
    meaning: "Mean squared error of the feature vector after the round trip.",
  },
  {
    key: "trustworthiness_15",
    name: "Trustworthiness",
    good: "up",
    meaning: "1 if no sample is shown near others that it is far from in feature space.",
  },
  {
    key: "continuity_15",
    name: "Continuity",
    good: "up",
    meaning: "1 if no sample is shown far from others that it is near to in feature space.",
  },
  {
    key: "keep_boundary",
    name: "Boundary on the border",
    good: "up",
    meaning: "Share of boundary samples that fall on a white border of the territory.",
  },
  {
    key: "territory_parts",
    name: "Parts of the territory",
    good: "down",
    meaning:
      "Connected pieces of one class that cover more than a thousandth of the picture. As many as there are classes is as simple as it gets.",
  },
];

const runMeasures: { key: string; name: string; meaning: string }[] = [
  {
    key: "temporal_pearson",
    name: "Motion follows change",
    meaning:
      "Correlation between a sample's movement and how many of its neighbours it keeps. Should be below 0: points should move only when their neighbourhood changes.",
  },
  {
    key: "tlr",
    name: "Order of epochs kept",
    meaning:
      "Rank correlation between how far a sample is from its other epochs in feature space and in the picture. 1 is best.",
  },
  {
    key: "tnn_3",
    name: "Nearest epochs kept",
    meaning: "Share of a sample's 3 nearest epochs that are nearest in the picture too.",
  },
];

const partNames = { train: "Train", test: "Test", boundary: "Boundary samples" } as const;
type Part = keyof typeof partNames;

function measureBlock(name: string, value: string, ...below: Node[]): HTMLElement {
  const head = h("div", { class: "measure-head" }, h("b", {}, name), h("span", { class: "value" }, value));
  return h("div", { class: "measure" }, head, ...below);
}

/** How far the picture can be trusted, epoch by epoch, each measure with its meaning. */
export class QualityPanel implements Panel {
  readonly id = "quality";
  readonly title = "Quality";
  readonly icon = "quality" as const;
  readonly element = h("div", { class: "panel quality" });
  private part: Part = "test";

  constructor(private readonly host: Host) {}

  update(state: State, changes: Changes): void {
    if (!this.host.data || !(changes.has("data") || changes.has("epoch"))) return;
    const { data } = this.host;
    const { metrics, run_metrics } = data.view;
    const parts = (Object.keys(partNames) as Part[]).filter((p) =>
      metrics.some((m) => Object.keys(m[p] ?? {}).length > 0),
    );
    if (parts.length === 0) {
      replace(
        this.element,
        h(
          "div",
          { class: "empty" },
          h("h3", {}, "Not measured yet"),
          h("p", {}, "dvi eval RUN measures how far this view can be trusted; the figures then appear here."),
        ),
      );
      return;
    }
    if (!parts.includes(this.part)) this.part = parts[0]!;
    const scroll = this.element.scrollTop;
    replace(
      this.element,
      h("h3", {}, `How far to trust the picture at epoch ${data.epochName(this.host.epoch)}`),
      h(
        "div",
        { class: "tabs", role: "group", "aria-label": "Samples measured" },
        ...parts.map((p) => this.tab(p, state)),
      ),
      ...measures.map((m) => this.measure(data, m)),
      h("h3", {}, "Over the whole run"),
      ...runMeasures.map((m) => {
        const v = run_metrics?.[m.key];
        return (
          typeof v === "number" && measureBlock(m.name, number(v, 3), h("p", { class: "hint" }, m.meaning))
        );
      }),
    );
    this.element.scrollTop = scroll;
  }

  private tab(part: Part, state: State): HTMLElement {
    return h(
      "button",
      {
        type: "button",
        class: "toggle",
        "aria-pressed": String(part === this.part),
        onclick: () => {
          this.part = part;
          this.update(state, new Set(["epoch"]));
        },
      },
      partNames[part],
    );
  }

  /** A measure of the samples chosen, or of the whole picture where it is no matter of samples. */
  private value(data: Dataset, epoch: number, key: string): number | null {
    const figures = data.view.metrics.find((m) => m.epoch === epoch);
    const value = figures?.[this.part]?.[key] ?? (figures as Figures | undefined)?.[key];
    return typeof value === "number" ? value : null;
  }

  private measure(data: Dataset, m: Measure): HTMLElement | null {
    const values = data.fitted.map((e) => this.value(data, e, m.key));
    if (values.every((v) => v === null)) return null;
    const now = this.value(data, this.host.epoch, m.key);
    const chance = m.chance ? this.value(data, this.host.epoch, m.chance) : null;
    const text = (v: number) =>
      m.percent ? percent(v) : Number.isInteger(v) && v > 1 ? number(v) : number(v, 3);
    return measureBlock(
      m.name,
      now === null ? "–" : text(now),
      this.sparkline(values, m.name),
      h(
        "p",
        { class: "hint" },
        m.meaning,
        ` ${m.good === "up" ? "Higher" : "Lower"} is better (${m.key}).`,
        chance !== null && ` By chance it would be ${number(chance, 2)}.`,
      ),
    );
  }

  private sparkline(values: (number | null)[], name: string): SVGSVGElement {
    const width = 288;
    const height = 30;
    const known = values.filter((v): v is number => v !== null);
    const low = Math.min(...known);
    const high = Math.max(...known);
    const x = (k: number) => 4 + (k / Math.max(1, values.length - 1)) * (width - 8);
    const y = (v: number) => 26 - ((v - low) / Math.max(high - low, 1e-9)) * 22;
    const points = values
      .map((v, k) => (v === null ? null : `${x(k).toFixed(1)} ${y(v).toFixed(1)}`))
      .filter(Boolean);
    const epochs = this.host.data!.fitted;
    const now = epochs.indexOf(this.host.epoch);
    const svg = s(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        class: "sparkline",
        role: "img",
        "aria-label": `${name} by epoch, from ${number(low, 3)} to ${number(high, 3)}`,
      },
      s("path", { class: "spark", d: `M${points.join("L")}` }),
      now >= 0 &&
        values[now] !== null &&
        s("circle", { class: "spark-now", cx: x(now), cy: y(values[now] ?? 0), r: 3 }),
    );
    svg.addEventListener("click", (event) => {
      const rect = svg.getBoundingClientRect();
      const k = Math.round(((event.clientX - rect.left) / rect.width) * (epochs.length - 1));
      this.host.goToEpoch(epochs[Math.min(Math.max(k, 0), epochs.length - 1)]!);
    });
    return svg;
  }
}
