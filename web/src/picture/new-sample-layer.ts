import { classColor, css } from "../color/palette";
import type { LinePoint } from "../data/api";
import type { NewSample } from "../data/new-samples";
import type { Size } from "../renderer/viewport";
import { type Point, toScreen } from "../renderer/viewport";
import { s } from "../ui/dom";
import type { Pane } from "./pane";

/** Where a sample is at a time between two of `epochs`, in plane units; null where it was not placed. */
export function placeAt(sample: NewSample, epochs: readonly number[], time: number): Point | null {
  const t = Math.min(Math.max(time, 0), epochs.length - 1);
  const i = Math.floor(t);
  const a = sample.at.get(epochs[i]!);
  const b = sample.at.get(epochs[Math.min(i + 1, epochs.length - 1)]!) ?? a;
  if (!a || !b) return null;
  const mix = t - i;
  return {
    x: a.place[0] + mix * (b.place[0] - a.place[0]),
    y: a.place[1] + mix * (b.place[1] - a.place[1]),
  };
}

/** Stretches of a line along which the class stays the same, as indices of its points; each begins where one ended. */
export function stretches(classes: readonly number[]): { from: number; to: number; index: number }[] {
  const out: { from: number; to: number; index: number }[] = [];
  let from = 0;
  for (let k = 1; k <= classes.length; ++k)
    if (k === classes.length || classes[k] !== classes[from]) {
      out.push({ from, to: Math.min(k, classes.length - 1), index: classes[from]! });
      from = k;
    }
  return out;
}

/** New samples as marks with their trails, laid over the canvas: few, so that elements serve. */
export class NewSampleLayer {
  readonly element = s("svg", { class: "new-samples", "aria-hidden": "true" });
  private shown: readonly NewSample[] = [];
  private looked: NewSample | null = null;
  private line: readonly LinePoint[] | null = null;

  /** `looked`: the one whose card is open, which stands out. */
  set(samples: readonly NewSample[], looked: NewSample | null): void {
    this.shown = samples;
    this.looked = looked;
  }

  /** A line between two samples, in the main picture. */
  setLine(points: readonly LinePoint[] | null): void {
    this.line = points;
  }

  place(panes: readonly { pane: Pane; left: number; size: Size }[]): void {
    const parts: SVGElement[] = [];
    for (const { pane, left, size } of panes)
      for (const sample of this.shown) parts.push(...this.draw(sample, pane, left, size));
    const [first] = panes;
    if (first && this.line) parts.push(...this.drawLine(this.line, first));
    if (parts.length || this.element.childNodes.length) this.element.replaceChildren(...parts);
  }

  /** Stretches in the colours of their classes, a dot where the class changes. */
  private drawLine(
    line: readonly LinePoint[],
    { pane, left, size }: { pane: Pane; left: number; size: Size },
  ): SVGElement[] {
    const at = line.map(({ place }) => {
      const { x, y } = toScreen(pane.scene.view, size, place[0], place[1]);
      return `${(x + left).toFixed(1)},${y.toFixed(1)}`;
    });
    const parts: SVGElement[] = [s("polyline", { class: "between under", points: at.join(" ") })];
    for (const { from, to, index } of stretches(line.map((p) => p.prediction))) {
      const stroke = css(classColor(index, pane.data.classes.length));
      parts.push(s("polyline", { class: "between", points: at.slice(from, to + 1).join(" "), stroke }));
      if (from > 0) {
        const [cx, cy] = at[from]!.split(",");
        parts.push(s("circle", { class: "between-change", cx: cx!, cy: cy!, r: 4.5 }));
      }
    }
    return parts;
  }

  private draw(sample: NewSample, pane: Pane, left: number, size: Size): SVGElement[] {
    const { fitted } = pane.data;
    const now = placeAt(sample, fitted, pane.time);
    if (!now) return [];
    const at = (p: Point) => {
      const { x, y } = toScreen(pane.scene.view, size, p.x, p.y);
      return { x: x + left, y };
    };
    const main = this.looked === null || this.looked === sample;
    const stops = fitted.map((_, k) => placeAt(sample, fitted, k)).map((p) => p && at(p));
    const here = at(now);
    const line = (points: readonly (Point | null)[]) =>
      points
        .filter((p): p is Point => p !== null)
        .map((p) => `${p.x.toFixed(1)},${p.y.toFixed(1)}`)
        .join(" ");
    const past = [...stops.slice(0, Math.floor(pane.time) + 1), here];
    const future = [here, ...stops.slice(Math.floor(pane.time) + 1)];
    const kind = main ? "" : " aside";
    return [
      s("polyline", { class: `new-trail under${kind}`, points: line(past) }),
      s("polyline", { class: `new-trail${kind}`, points: line(past) }),
      s("polyline", { class: `new-trail future${kind}`, points: line(future) }),
      ...stops
        .filter((p): p is Point => p !== null)
        .map((p) =>
          s("circle", { class: `new-stop${kind}`, cx: p.x.toFixed(1), cy: p.y.toFixed(1), r: 2.2 }),
        ),
      s("path", {
        class: `new-mark${kind}`,
        d: `M${here.x.toFixed(1)} ${(here.y - 11).toFixed(1)}l11 11l-11 11l-11-11z`,
      }),
      s(
        "text",
        { class: `new-letter${kind}`, x: here.x.toFixed(1), y: (here.y + 4).toFixed(1) },
        sample.letter,
      ),
    ];
  }
}
