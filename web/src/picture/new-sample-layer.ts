import { classColor, css, type Rgb } from "../color/palette";
import type { Theme } from "../color/theme";
import type { LinePoint } from "../data/api";
import type { NewSample } from "../data/new-samples";
import type { Size } from "../renderer/viewport";
import { type Point, toScreen } from "../renderer/viewport";
import { s } from "../ui/dom";
import type { Pane } from "./pane";

/** More samples than this have no trails but that of the one looked at, and above the second no letters. */
const mostTrails = 12;
const mostLetters = 26;

/** A part of what is laid over the picture: the same on the screen, in a PNG, a film and an SVG. */
export interface Shape {
  readonly name: string;
  /** A path, in pixels of the page. */
  readonly path?: string;
  /** Or a text, in the middle of which `x`, `y` is. */
  readonly text?: { readonly letters: string; readonly x: number; readonly y: number; readonly size: number };
  readonly fill?: Rgb;
  readonly stroke?: Rgb;
  readonly width?: number;
  readonly dash?: readonly number[];
  readonly opacity: number;
}

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

const at = ({ x, y }: Point) => `${x.toFixed(1)} ${y.toFixed(1)}`;
const linePath = (points: readonly Point[]) => (points.length > 1 ? `M${points.map(at).join("L")}` : "");
const discPath = ({ x, y }: Point, r: number) =>
  `M${at({ x: x - r, y })}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`;
const diamondPath = ({ x, y }: Point, r: number) =>
  `M${at({ x, y: y - r })}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`;

/** How a pane's plane lies on the page. */
export interface Ground {
  readonly pane: Pane;
  readonly left: number;
  readonly size: Size;
}

function onPage({ pane, left, size }: Ground, x: number, y: number): Point {
  const point = toScreen(pane.scene.view, size, x, y);
  return { x: point.x + left, y: point.y };
}

/** Stretches in the colours of their classes, a dot where the class changes. */
function lineShapes(line: readonly LinePoint[], ground: Ground): Shape[] {
  const { ink, paper } = ground.pane.currentTheme;
  const points = line.map(({ place }) => onPage(ground, place[0], place[1]));
  const shapes: Shape[] = [
    { name: "between under", path: linePath(points), stroke: ink, width: 5.5, opacity: 1 },
  ];
  for (const { from, to, index } of stretches(line.map((p) => p.prediction))) {
    const stroke = classColor(index, ground.pane.data.classes.length);
    shapes.push({
      name: "between",
      path: linePath(points.slice(from, to + 1)),
      stroke,
      width: 3,
      opacity: 1,
    });
    if (from > 0)
      shapes.push({
        name: "between-change",
        path: discPath(points[from]!, 4.5),
        fill: paper,
        stroke: ink,
        width: 2,
        opacity: 1,
      });
  }
  return shapes;
}

/** The way over the epochs: solid up to the time shown, dotted beyond it. */
function trailShapes(
  places: readonly Point[],
  past: number,
  here: Point,
  theme: Theme,
  main: boolean,
): Shape[] {
  const opacity = main ? 1 : 0.25;
  const before = linePath([...places.slice(0, past), here]);
  const after = linePath([here, ...places.slice(past)]);
  const stroke = theme.ink;
  const shapes: Shape[] = [];
  if (before) {
    shapes.push({
      name: "new-trail under",
      path: before,
      stroke: theme.paper,
      width: 4.5,
      opacity: 0.8 * opacity,
    });
    shapes.push({ name: "new-trail", path: before, stroke, width: 1.8, opacity });
  }
  if (after)
    shapes.push({ name: "new-trail future", path: after, stroke, width: 1.2, dash: [2, 4], opacity });
  for (const place of places)
    shapes.push({ name: "new-stop", path: discPath(place, 2.2), fill: theme.ink, opacity });
  return shapes;
}

function sampleShapes(
  sample: NewSample,
  ground: Ground,
  main: boolean,
  few: boolean,
  letter: boolean,
): Shape[] {
  const { pane } = ground;
  const { fitted } = pane.data;
  const now = placeAt(sample, fitted, pane.time);
  if (!now) return [];
  const { ink, paper } = pane.currentTheme;
  const here = onPage(ground, now.x, now.y);
  const shapes: Shape[] = [];
  if (few) {
    const stops = fitted.map((_, k) => placeAt(sample, fitted, k));
    const places = stops.filter((p) => p !== null).map((p) => onPage(ground, p.x, p.y));
    const past = stops.slice(0, Math.floor(pane.time) + 1).filter((p) => p !== null).length;
    shapes.push(...trailShapes(places, past, here, pane.currentTheme, main));
  }
  const opacity = main ? 1 : 0.8;
  const r = letter ? 11 : 6;
  shapes.push({ name: "new-mark", path: diamondPath(here, r), fill: ink, stroke: paper, width: 2, opacity });
  const size = sample.letter.length > 1 ? 9 : 11;
  if (letter)
    shapes.push({
      name: "new-letter",
      text: { letters: sample.letter, ...here, size },
      fill: paper,
      opacity,
    });
  return shapes;
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

  /** What lies over a pane; `main`: it is the main picture's. The one looked at lies over the others. */
  shapes(ground: Ground, main: boolean): Shape[] {
    const { shown, looked } = this;
    const shapes = shown
      .filter((one) => one !== looked)
      .flatMap((one) =>
        sampleShapes(one, ground, looked === null, shown.length <= mostTrails, shown.length <= mostLetters),
      );
    if (looked && shown.includes(looked)) shapes.push(...sampleShapes(looked, ground, true, true, true));
    if (main && this.line) shapes.push(...lineShapes(this.line, ground));
    return shapes;
  }

  place(grounds: readonly Ground[]): void {
    const parts = grounds.flatMap((ground, k) => this.shapes(ground, k === 0)).map(elementOf);
    if (parts.length || this.element.childNodes.length) this.element.replaceChildren(...parts);
  }
}

/** Attributes of an SVG element that draws it. */
export function attributesOf(shape: Shape): Record<string, string | number> {
  const { path, text, fill, stroke, width, dash, opacity } = shape;
  const attributes: Record<string, string | number> = {
    fill: fill ? css(fill) : "none",
    ...(stroke && {
      stroke: css(stroke),
      "stroke-width": width!,
      "stroke-linejoin": "round",
      "stroke-linecap": "round",
    }),
    ...(dash && { "stroke-dasharray": dash.join(" ") }),
    ...(opacity < 1 && { opacity }),
  };
  if (path !== undefined) return { ...attributes, d: path };
  return {
    ...attributes,
    x: text!.x.toFixed(1),
    y: text!.y.toFixed(1),
    "font-size": text!.size,
    "font-weight": 700,
    "text-anchor": "middle",
    "dominant-baseline": "central",
  };
}

function elementOf(shape: Shape): SVGElement {
  const attributes = { class: shape.name, ...attributesOf(shape) };
  return shape.text ? s("text", attributes, shape.text.letters) : s("path", attributes);
}

/** Draws it as it is on the page. */
export function drawShape(context: CanvasRenderingContext2D, shape: Shape, font: string): void {
  const { path, text, fill, stroke, width, dash, opacity } = shape;
  context.save();
  context.globalAlpha = opacity;
  if (fill) context.fillStyle = css(fill);
  if (text) {
    context.font = `700 ${text.size}px ${font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(text.letters, text.x, text.y);
  } else {
    const drawn = new Path2D(path);
    if (fill) context.fill(drawn);
    if (stroke) {
      context.strokeStyle = css(stroke);
      context.lineWidth = width!;
      context.lineJoin = "round";
      context.lineCap = "round";
      context.setLineDash([...(dash ?? [])]);
      context.stroke(drawn);
    }
  }
  context.restore();
}
