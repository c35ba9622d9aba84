import type { EpochScalars } from "../../data/api";
import type { Dataset } from "../../data/dataset";
import { s } from "../../ui/dom";

/** How a scalar is drawn: accuracies share the axis 0..1, losses their own. */
function scalarKind(name: string): "accuracy" | "loss" | "other" {
  return /acc|robust/i.test(name) ? "accuracy" : /loss/i.test(name) ? "loss" : "other";
}

/** Scalars to draw: accuracies, then losses, train before the rest; others only where there is room. */
export function scalarNames(epochs: readonly EpochScalars[]): string[] {
  const names = new Set<string>();
  for (const e of epochs)
    for (const [k, v] of Object.entries(e)) if (k !== "epoch" && typeof v === "number") names.add(k);
  const rank = (name: string) =>
    ({ accuracy: 0, loss: 10, other: 20 })[scalarKind(name)] +
    (/^train/i.test(name) ? 0 : /^test/i.test(name) ? 1 : 2);
  const sorted = [...names].sort((a, b) => rank(a) - rank(b));
  const main = sorted.filter((n) => scalarKind(n) !== "other").slice(0, 6);
  return main.length >= 2 ? main : sorted.slice(0, 4);
}

/** Where the chart's parts lie, in pixels. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  /** left and right of the first and the last epoch */
  readonly margin: number;
  /** Where an epoch of the list lies. */
  x(index: number): number;
}

const axis = 16;
const strip = 20;
const top = 6;

/** All that stands still in the chart: epochs, what is being fitted, the subject's curves, and events. */
export function timeChart(data: Dataset, scalars: ReadonlyMap<number, EpochScalars>, layout: Layout): Node[] {
  const all = [...data.fitted, ...data.view.pending];
  return [
    ...pending(data, layout),
    ...ticks(data, all, layout),
    ...curves(data, all, scalars, layout),
    ...eventBars(data, all.length, layout),
  ];
}

function pending(data: Dataset, { width, height, margin, x }: Layout): Node[] {
  if (data.view.pending.length === 0) return [];
  const from = x(data.fitted.length - 1);
  const bottom = height - axis;
  return [
    s("rect", { class: "pending", x: from, y: 2, width: width - margin - from + 6, height: bottom - 2 }),
    s(
      "text",
      { class: "pending-text", x: width - margin, y: bottom - 5, "text-anchor": "end" },
      "being fitted",
    ),
  ];
}

function ticks(data: Dataset, all: readonly number[], { width, height, margin, x }: Layout): Node[] {
  const longest = Math.max(...all.map((e) => data.epochName(e).length));
  const room = Math.max(34, 7 * longest + 10);
  const every = Math.max(1, Math.ceil(all.length / ((width - 2 * margin) / room)));
  const last = all.length - 1;
  return all.flatMap((epoch, k) => {
    const at = x(k);
    const major = k % every === 0 || k === last;
    // The last epoch is always named, and none so near to it that the two would touch.
    const named = k === last || k === 0 || (k % every === 0 && x(last) - at > room - 10);
    const line = s("line", {
      class: major ? "tick major" : "tick",
      x1: at,
      x2: at,
      y1: 6,
      y2: height - axis,
    });
    if (!named) return [line];
    const style = k < data.fitted.length ? "tick-text" : "tick-text later";
    // Long names stay within the chart at its ends.
    const anchor = longest < 5 || (k > 0 && k < last) ? "middle" : k === 0 ? "start" : "end";
    const text = { class: style, x: at, y: height - 4, "text-anchor": anchor };
    return [line, s("text", text, data.epochName(epoch))];
  });
}

/** Smallest and largest value of a curve's axis: accuracies share one, losses another, each other curve has its own. */
function range(data: Dataset, name: string, own: readonly number[]): readonly [number, number] {
  const kind = scalarKind(name);
  const values =
    kind === "other"
      ? own
      : scalarNames(data.run.epochs)
          .filter((n) => scalarKind(n) === kind)
          .flatMap((n) => data.run.epochs.map((e) => e[n]).filter((v): v is number => v !== undefined));
  let low = Math.min(...values);
  let high = Math.max(...values);
  if (kind === "accuracy") high = Math.max(high, Math.min(1, high + 0.02));
  if (kind === "loss") low = Math.min(0, low);
  return [low, high - low < 1e-9 ? low + 1 : high];
}

function curves(
  data: Dataset,
  all: readonly number[],
  scalars: ReadonlyMap<number, EpochScalars>,
  { height, x }: Layout,
): Node[] {
  const bottom = height - axis - strip - 6;
  return scalarNames(data.run.epochs).flatMap((name, k) => {
    const points = all.flatMap((epoch, i) => {
      const value = scalars.get(epoch)?.[name];
      return value === undefined ? [] : [[i, value] as const];
    });
    if (points.length === 0) return [];
    const [low, high] = range(
      data,
      name,
      points.map((p) => p[1]),
    );
    const y = (v: number) => bottom - ((v - low) / (high - low)) * (bottom - top);
    const path = points.map(([i, v], n) => `${n ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join("");
    const line = s("path", { class: `curve curve-${k}`, d: path });
    const [first, value] = points[0]!;
    const dot = () => s("circle", { class: `curve-dot curve-${k}`, cx: x(first), cy: y(value), r: 3 });
    return points.length === 1 ? [line, dot()] : [line];
  });
}

function eventBars(data: Dataset, epochs: number, { width, height, margin, x }: Layout): Node[] {
  const counts = data.fitted.map((e) => data.view.events.counts[String(e)] ?? []);
  const most = Math.max(1, ...counts.map((c) => (c[0] ?? 0) + (c[4] ?? 0)));
  const wide = Math.max(2, Math.min(16, (width - 2 * margin) / Math.max(1, epochs) - 3));
  const bottom = height - axis;
  return counts.flatMap((c, k) => {
    const flips = ((c[0] ?? 0) / most) * strip;
    const moves = ((c[4] ?? 0) / most) * strip;
    const bar = (kind: string, y: number, tall: number) =>
      tall > 0
        ? [s("rect", { class: `event-bar ${kind}`, x: x(k) - wide / 2, y, width: wide, height: tall })]
        : [];
    return [...bar("flips", bottom - flips, flips), ...bar("moves", bottom - flips - moves, moves)];
  });
}
