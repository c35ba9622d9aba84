import { css, type Rgb } from "../color/palette";
import type { Viewer } from "../viewer";
import { captionOf, legendLines, namesOf } from "./picture";

/** More points than this make a file that no program opens with pleasure. */
export const svgPointLimit = 50_000;

const escapeXml = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/**
 * The scene as vectors: the territory as an embedded image (it is one), every visible point, the names, legend and
 * caption as shapes and text.
 */
export function svgOf(viewer: Viewer, territoryPng: (pane: number) => string): string {
  const { width, height } = viewer.stage.size;
  const dark = viewer.main?.isDark ?? false;
  const ink = dark ? "#f5f6f8" : "#14171f";
  const paper = dark ? "#16191f" : "#fafafb";
  const legend = 160;
  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width + legend}" height="${height}" viewBox="0 0 ${width + legend} ${height}" font-family="system-ui, sans-serif">`,
    `<rect width="100%" height="100%" fill="${paper}"/>`,
  ];
  viewer.panes.forEach((pane, k) => {
    const rect = viewer.stage.rect(pane.scene);
    out.push(
      `<svg x="${rect.left}" y="0" width="${rect.width}" height="${rect.height}" viewBox="0 0 ${rect.width} ${rect.height}">`,
      `<image width="${rect.width}" height="${rect.height}" href="${territoryPng(k)}"/>`,
    );
    const r = Math.max(0.8, pane.scene.pointDiameter(rect) / 2);
    const byColor = new Map<string, string[]>();
    let drawn = 0;
    for (const id of pane.data.plot.order) {
      if (!pane.scene.showPoints || !pane.isVisible(id)) continue;
      const [x, y] = pane.scene.planePlace(id);
      const px = (x - pane.scene.view.cx) / pane.scene.view.unitsPerPixel + rect.width / 2;
      const py = rect.height / 2 - (y - pane.scene.view.cy) / pane.scene.view.unitsPerPixel;
      if (px < -r || py < -r || px > rect.width + r || py > rect.height + r) continue;
      if (++drawn > svgPointLimit) break;
      const color = css(pane.colorOf(id));
      let list = byColor.get(color);
      if (!list) {
        list = [];
        byColor.set(color, list);
      }
      list.push(`<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="${r.toFixed(1)}"/>`);
    }
    for (const [color, list] of byColor) out.push(`<g fill="${color}">`, ...list, "</g>");
    out.push("</svg>");
    out.push(
      `<text x="${rect.left + 14}" y="${height - 14}" font-size="12" fill="${ink}">${escapeXml(captionOf(pane))}</text>`,
    );
    if (viewer.showsNames)
      for (const name of namesOf(viewer, pane))
        out.push(
          `<text x="${name.x.toFixed(1)}" y="${name.y.toFixed(1)}" text-anchor="middle" dominant-baseline="middle" font-size="11.5" font-weight="600" fill="${ink}" stroke="${paper}" stroke-width="3" paint-order="stroke">${escapeXml(name.text)}</text>`,
        );
  });
  if (viewer.main)
    legendLines(viewer.main, height).forEach((line, k) => {
      const y = 20 + k * 18;
      const swatch = (color: Rgb) =>
        `<rect x="${width + 12}" y="${y - 5}" width="10" height="10" fill="${css(color)}"/>`;
      if (line.color) out.push(swatch(line.color));
      out.push(
        `<text x="${width + (line.color ? 28 : 12)}" y="${y}" dominant-baseline="middle" font-size="11.5" fill="${ink}">${escapeXml(line.name)}</text>`,
      );
    });
  out.push("</svg>");
  return `${out.join("\n")}\n`;
}
