import { css, type Rgb } from "../color/palette";
import type { Theme } from "../color/theme";
import { captionOf } from "../picture/captions";
import { nameSize, namesIn, nameWeight } from "../picture/name-layer";
import { drawShape, type Shape } from "../picture/new-sample-layer";
import type { Pane } from "../picture/pane";
import type { Viewer } from "../picture/viewer";

export interface PictureOptions {
  /** pixels of the picture for one pixel of the page */
  readonly scale: number;
  readonly names: boolean;
  /** new samples, and the line between two samples */
  readonly marks: boolean;
  readonly legend: boolean;
  readonly caption: boolean;
}

const legendWidth = 150;
const font = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif";

/** One line of the picture's legend. */
export interface LegendLine {
  readonly name: string;
  readonly color: Rgb | null;
  /** of a new sample, what its mark says */
  readonly letter?: string;
}

/** At most so many of the new samples are told in a legend. */
const mostNew = 8;

/** As many lines as have room, each 18 pixels high: classes, or what the colours say, then new samples. */
export function legendLines(viewer: Viewer, pane: Pane, room: number): LegendLine[] {
  const { legend } = pane;
  const fresh = firstOf(
    viewer.shownNew.map(({ name, letter }) => ({ name, letter, color: null })),
    mostNew,
  );
  if (legend.kind === "ramp")
    return [{ name: `${legend.note}: ${legend.from} to ${legend.to}`, color: null }, ...fresh];
  const fits = Math.max(1, Math.floor(room / 18) - 1 - fresh.length);
  return [
    ...firstOf(
      legend.entries.map(({ name, color }) => ({ name, color })),
      fits,
    ),
    ...fresh,
  ];
}

function firstOf(lines: readonly LegendLine[], most: number): LegendLine[] {
  if (lines.length <= most) return [...lines];
  return [...lines.slice(0, most), { name: `and ${lines.length - most} more`, color: null }];
}

/** Draws the scene as it is now into `into`, with names, legend and caption as asked. */
export function drawPicture(viewer: Viewer, options: PictureOptions, into: HTMLCanvasElement): void {
  const { stage } = viewer;
  const { width, height } = stage.size;
  const { scale } = options;
  const extra = options.legend ? legendWidth : 0;
  const wide = Math.round((width + extra) * scale);
  const high = Math.round(height * scale);
  // Video encoders want even sides.
  if (into.width !== wide - (wide % 2) || into.height !== high - (high % 2)) {
    into.width = wide - (wide % 2);
    into.height = high - (high % 2);
  }
  const context = into.getContext("2d")!;
  stage.atPixelRatio(scale, () => context.drawImage(stage.canvas, 0, 0));
  context.save();
  context.scale(scale, scale);
  for (const pane of viewer.panes) {
    if (options.names) drawNames(context, viewer, pane);
    if (options.marks) drawMarks(context, viewer, pane);
    if (options.caption) drawCaption(context, viewer, pane);
  }
  if (options.legend && viewer.main) {
    context.translate(width, 0);
    drawLegend(context, viewer, viewer.main, extra, height);
  }
  context.restore();
}

function drawNames(context: CanvasRenderingContext2D, viewer: Viewer, pane: Pane): void {
  const theme = pane.currentTheme;
  const { left } = viewer.stage.rect(pane.scene);
  const size = viewer.size(pane);
  context.font = `${nameWeight} ${nameSize(size)}px ${font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = css(theme.paper, 0.85);
  context.fillStyle = css(theme.ink);
  for (const name of namesIn(pane, size)) {
    context.globalAlpha = name.opacity;
    context.strokeText(name.text, name.x + left, name.y);
    context.fillText(name.text, name.x + left, name.y);
  }
  context.globalAlpha = 1;
}

function drawMarks(context: CanvasRenderingContext2D, viewer: Viewer, pane: Pane): void {
  const { left, width, height } = viewer.stage.rect(pane.scene);
  context.save();
  context.beginPath();
  context.rect(left, 0, width, height);
  context.clip();
  for (const shape of viewer.newShapes(pane)) drawShape(context, shape, font);
  context.restore();
}

function drawCaption(context: CanvasRenderingContext2D, viewer: Viewer, pane: Pane): void {
  const theme = pane.currentTheme;
  const text = captionOf(pane);
  const { left, height } = viewer.stage.rect(pane.scene);
  context.font = `12px ${font}`;
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.fillStyle = css(surface(theme), 0.8);
  context.fillRect(left + 8, height - 28, context.measureText(text).width + 12, 20);
  context.fillStyle = css(theme.ink);
  context.fillText(text, left + 14, height - 14);
}

function drawLegend(
  context: CanvasRenderingContext2D,
  viewer: Viewer,
  pane: Pane,
  width: number,
  height: number,
): void {
  const theme = pane.currentTheme;
  context.fillStyle = css(surface(theme));
  context.fillRect(0, 0, width, height);
  context.font = `11.5px ${font}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  legendLines(viewer, pane, height).forEach((line, k) => {
    const y = 20 + k * 18;
    for (const shape of keyShapes(line, 17, y, theme)) drawShape(context, shape, font);
    context.fillStyle = css(theme.ink);
    context.fillText(line.name, textLeft(line), y, width - textLeft(line) - 4);
  });
}

/** What stands before a legend's line, around `x`, `y`. */
export function keyShapes(line: LegendLine, x: number, y: number, theme: Theme): Shape[] {
  if (line.letter === undefined)
    return line.color
      ? [{ name: "key", path: `M${x - 5} ${y - 5}h10v10h-10z`, fill: line.color, opacity: 1 }]
      : [];
  return [
    { name: "key", path: `M${x} ${y - 9}l9 9l-9 9l-9 -9z`, fill: theme.ink, opacity: 1 },
    { name: "key", text: { letters: line.letter, x, y, size: 9 }, fill: theme.paper, opacity: 1 },
  ];
}

/** Where a line's text begins in the legend. */
export function textLeft(line: LegendLine): number {
  return line.color || line.letter !== undefined ? 30 : 12;
}

/** What a legend and a caption stand on. */
function surface(theme: Theme): Rgb {
  return theme.dark ? theme.ground : theme.paper;
}

export function pngOf(viewer: Viewer, options: PictureOptions): Promise<Blob> {
  const canvas = document.createElement("canvas");
  drawPicture(viewer, options, canvas);
  return new Promise((done, fail) =>
    canvas.toBlob(
      (blob) => (blob ? done(blob) : fail(new Error("The browser could not make a PNG of this size."))),
      "image/png",
    ),
  );
}
