import { css, type Rgb } from "../color/palette";
import type { Pane } from "../pane";
import { toScreen } from "../renderer/viewport";
import { hasRoom, type Viewer } from "../viewer";

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

/** What stands under a pane: run, view and epoch. */
export function captionOf(pane: Pane): string {
  const epochs = pane.data.fitted;
  const i = Math.floor(pane.time);
  const part = pane.time - i;
  const epoch =
    part === 0 ? String(epochs[i]) : (epochs[i]! + part * (epochs[i + 1]! - epochs[i]!)).toFixed(1);
  return `${pane.data.run.name}, epoch ${epoch}`;
}

/** The names in the picture and where they stand, in CSS pixels. */
export function namesOf(
  viewer: Viewer,
  pane: Pane,
): { text: string; x: number; y: number; opacity: number }[] {
  const rect = viewer.stage.rect(pane.scene);
  const extent = pane.data.view.extent;
  const scale = (extent[2] - extent[0]) / pane.scene.view.unitsPerPixel;
  return pane
    .anchors()
    .filter(
      (a) => a.opacity > 0.05 && hasRoom(a.room * scale, pane.data.className(a.index).length * 6.4 + 12),
    )
    .slice(0, 60)
    .map((a) => {
      const p = toScreen(
        pane.scene.view,
        rect,
        extent[0] + a.x * (extent[2] - extent[0]),
        extent[1] + a.y * (extent[3] - extent[1]),
      );
      return { text: pane.data.className(a.index), x: p.x + rect.left, y: p.y, opacity: a.opacity };
    });
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
  const dark = viewer.main?.isDark ?? false;
  const ink = dark ? "#f5f6f8" : "#14171f";
  const paper = dark ? "#16191f" : "#ffffff";
  if (options.names) {
    context.font = `600 11.5px ${font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    for (const pane of viewer.panes)
      for (const name of namesOf(viewer, pane)) {
        context.globalAlpha = name.opacity;
        context.lineWidth = 4;
        context.strokeStyle = dark ? "#0b0d12cc" : "#ffffffd8";
        context.strokeText(name.text, name.x, name.y);
        context.fillStyle = ink;
        context.fillText(name.text, name.x, name.y);
      }
    context.globalAlpha = 1;
  }
  if (options.caption) {
    context.font = `12px ${font}`;
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    for (const pane of viewer.panes) {
      const text = captionOf(pane);
      const { left } = stage.rect(pane.scene);
      context.fillStyle = paper;
      context.globalAlpha = 0.8;
      context.fillRect(left + 8, height - 28, context.measureText(text).width + 12, 20);
      context.globalAlpha = 1;
      context.fillStyle = ink;
      context.fillText(text, left + 14, height - 14);
    }
  }
  if (options.legend && viewer.main) {
    context.fillStyle = paper;
    context.fillRect(width, 0, extra, height);
    context.font = `11.5px ${font}`;
    context.textAlign = "left";
    context.textBaseline = "middle";
    legendLines(viewer.main, height).forEach((line, k) => {
      const y = 20 + k * 18;
      if (line.color) {
        context.fillStyle = css(line.color);
        context.fillRect(width + 12, y - 5, 10, 10);
      }
      context.fillStyle = ink;
      context.fillText(line.name, width + (line.color ? 28 : 12), y, extra - 32);
    });
  }
  context.restore();
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
