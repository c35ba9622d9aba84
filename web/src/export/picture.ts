import { css, type Rgb } from "../color/palette";
import type { Theme } from "../color/theme";
import { captionOf } from "../picture/captions";
import { nameSize, namesIn, nameWeight } from "../picture/name-layer";
import type { Pane } from "../picture/pane";
import type { Viewer } from "../picture/viewer";

export interface PictureOptions {
  /** pixels of the picture for one pixel of the page */
  readonly scale: number;
  readonly names: boolean;
  readonly legend: boolean;
  readonly caption: boolean;
}

const legendWidth = 150;
const font = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif";

/** One line of the picture's legend. */
export interface LegendLine {
  readonly name: string;
  readonly color: Rgb | null;
}

export function legendLines(pane: Pane, room: number): LegendLine[] {
  const { legend } = pane;
  if (legend.kind === "ramp")
    return [{ name: `${legend.note}: ${legend.from} to ${legend.to}`, color: null }];
  const fits = Math.max(1, Math.floor(room / 18) - 1);
  const lines: LegendLine[] = legend.entries.slice(0, fits).map((e) => ({ name: e.name, color: e.color }));
  if (legend.entries.length > fits)
    lines.push({ name: `and ${legend.entries.length - fits} more`, color: null });
  return lines;
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
    if (options.caption) drawCaption(context, viewer, pane);
  }
  if (options.legend && viewer.main) {
    context.translate(width, 0);
    drawLegend(context, viewer.main, extra, height);
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

function drawLegend(context: CanvasRenderingContext2D, pane: Pane, width: number, height: number): void {
  const theme = pane.currentTheme;
  context.fillStyle = css(surface(theme));
  context.fillRect(0, 0, width, height);
  context.font = `11.5px ${font}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  legendLines(pane, height).forEach((line, k) => {
    const y = 20 + k * 18;
    if (line.color) {
      context.fillStyle = css(line.color);
      context.fillRect(12, y - 5, 10, 10);
    }
    context.fillStyle = css(theme.ink);
    context.fillText(line.name, line.color ? 28 : 12, y, width - 32);
  });
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
