import type { Figures } from "../data/api";
import type { State } from "../state/store";
import { h, number, replace, s } from "../ui/dom";
import type { Changes, Host, Panel } from "./panel";

/** What each measure is, in plain words. `good` says which way is better. */
const measures: { key: string; name: string; good: "up" | "down"; meaning: string; chance?: string }[] = [
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

/** How far the picture can be trusted, epoch by epoch, each measure with its meaning. */
export class QualityPanel implements Panel {
  readonly id = "quality";
  readonly title = "Quality";
  readonly icon = "quality" as const;
  readonly element = h("div", { class: "panel quality" });
  private part: "train" | "test" | "boundary" = "test";

  constructor(private readonly host: Host) {}

  update(_state: State, changes: Changes): void {
    if (!this.host.data || !(changes.has("data") || changes.has("epoch"))) return;
    const { data } = this.host;
    const { metrics, run_metrics } = data.view;
    const parts = (["train", "test", "boundary"] as const).filter((p) =>
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
    const value = (epoch: number, key: string) => {
      const figures: Figures | undefined = metrics.find((m) => m.epoch === epoch)?.[this.part];
      const v = figures?.[key];
      return typeof v === "number" ? v : null;
    };
    const scroll = this.element.scrollTop;
    replace(
      this.element,
      h("h3", {}, `How far to trust the picture at epoch ${this.host.epoch}`),
      h(
        "div",
        { class: "tabs", role: "group", "aria-label": "Samples measured" },
        ...parts.map((p) =>
          h(
            "button",
            {
              type: "button",
              class: "toggle",
              "aria-pressed": String(p === this.part),
              onclick: () => {
                this.part = p;
                this.update(_state, new Set(["epoch"]));
              },
            },
            { train: "Train", test: "Test", boundary: "Boundary samples" }[p],
          ),
        ),
      ),
      ...measures.map((m) => {
        const values = data.fitted.map((e) => value(e, m.key));
        const now = value(this.host.epoch, m.key);
        if (values.every((v) => v === null)) return null;
        const chance = m.chance ? value(this.host.epoch, m.chance) : null;
        return h(
          "div",
          { class: "measure" },
          h(
            "div",
            { class: "measure-head" },
            h("b", {}, m.name),
            h("span", { class: "value" }, now === null ? "–" : number(now, 3)),
          ),
          this.sparkline(values, m.name),
          h(
            "p",
            { class: "hint" },
            m.meaning,
            ` ${m.good === "up" ? "Higher" : "Lower"} is better (${m.key}).`,
            chance !== null && ` By chance it would be ${number(chance, 2)}.`,
          ),
        );
      }),
      h("h3", {}, "Over the whole run"),
      ...runMeasures.map((m) => {
        const v = run_metrics?.[m.key];
        return typeof v === "number"
          ? h(
              "div",
              { class: "measure" },
              h(
                "div",
                { class: "measure-head" },
                h("b", {}, m.name),

                h("span", { class: "value" }, number(v, 3)),
              ),
              h("p", { class: "hint" }, m.meaning),
            )
          : null;
      }),
    );
    this.element.scrollTop = scroll;
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
