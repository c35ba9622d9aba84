import { css } from "../color/palette";
import { captionOf } from "../picture/captions";
import { nameSize, namesIn, nameWeight } from "../picture/name-layer";
import { attributesOf, type Shape } from "../picture/new-sample-layer";
import type { Pane } from "../picture/pane";
import type { Viewer } from "../picture/viewer";
import { toScreen } from "../renderer/viewport";
import { drawPicture, keyShapes, legendLines, textLeft } from "./picture";

/** More points than this make a file that no program opens with pleasure. */
export const svgPointLimit = 50_000;

const escapeXml = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const legendWidth = 160;

/**
 * The scene as vectors: the territory as an embedded image (it is one), every visible point, the names, legend and
 * caption as shapes and text.
 */
export function svgOf(viewer: Viewer): string {
  const { width, height } = viewer.stage.size;
  const theme = viewer.main?.currentTheme;
  const wide = width + legendWidth;
  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${height}" viewBox="0 0 ${wide} ${height}" font-family="system-ui, sans-serif">`,
    theme ? `<rect width="100%" height="100%" fill="${css(theme.ground)}"/>` : "",
  ];
  for (const pane of viewer.panes) {
    const rect = viewer.stage.rect(pane.scene);
    out.push(
      `<svg x="${rect.left}" y="0" width="${rect.width}" height="${rect.height}" viewBox="0 0 ${rect.width} ${rect.height}">`,
      `<image width="${rect.width}" height="${rect.height}" href="${territoryPng(viewer, pane)}"/>`,
      ...pointsOf(viewer, pane),
      ...(viewer.showsNames ? namesOf(viewer, pane) : []),
      `<g transform="translate(${-rect.left})">`,
      ...viewer.newShapes(pane).map(svgShape),
      "</g>",
      `<text x="14" y="${height - 14}" font-size="12" fill="${css(pane.currentTheme.ink)}">${escapeXml(captionOf(pane))}</text>`,
      "</svg>",
    );
  }
  if (viewer.main) out.push(...legendOf(viewer, viewer.main, width, height));
  out.push("</svg>");
  return `${out.join("\n")}\n`;
}

/** The pane's ground without what is drawn as vectors. */
function territoryPng(viewer: Viewer, pane: Pane): string {
  const canvas = document.createElement("canvas");
  const { scene } = pane;
  const points = scene.showPoints;
  scene.hideMarks = true;
  scene.showPoints = false;
  drawPicture(viewer, { scale: 2, names: false, marks: false, legend: false, caption: false }, canvas);
  scene.showPoints = points;
  scene.hideMarks = false;
  const rect = viewer.stage.rect(scene);
  const part = document.createElement("canvas");
  part.width = rect.width * 2;
  part.height = rect.height * 2;
  part.getContext("2d")!.drawImage(canvas, -rect.left * 2, 0);
  return part.toDataURL("image/png");
}

function pointsOf(viewer: Viewer, pane: Pane): string[] {
  if (!pane.scene.showPoints) return [];
  const size = viewer.size(pane);
  const r = Math.max(0.8, pane.scene.pointDiameter(size) / 2);
  const byColor = new Map<string, string[]>();
  let drawn = 0;
  for (const id of pane.data.plot.order) {
    if (!pane.isVisible(id)) continue;
    const at = toScreen(pane.scene.view, size, ...pane.scene.planePlace(id));
    if (at.x < -r || at.y < -r || at.x > size.width + r || at.y > size.height + r) continue;
    if (++drawn > svgPointLimit) break;
    const color = css(pane.colorOf(id));
    let list = byColor.get(color);
    if (!list) {
      list = [];
      byColor.set(color, list);
    }
    list.push(`<circle cx="${at.x.toFixed(1)}" cy="${at.y.toFixed(1)}" r="${r.toFixed(1)}"/>`);
  }
  return [...byColor].flatMap(([color, list]) => [`<g fill="${color}">`, ...list, "</g>"]);
}

function namesOf(viewer: Viewer, pane: Pane): string[] {
  const { ink, paper } = pane.currentTheme;
  const size = viewer.size(pane);
  const style = `text-anchor="middle" dominant-baseline="middle" font-size="${nameSize(size)}" font-weight="${nameWeight}" fill="${css(ink)}" stroke="${css(paper)}" stroke-width="3" paint-order="stroke"`;
  return namesIn(pane, size).map(
    (n) => `<text x="${n.x.toFixed(1)}" y="${n.y.toFixed(1)}" ${style}>${escapeXml(n.text)}</text>`,
  );
}

function svgShape(shape: Shape): string {
  const attributes = Object.entries(attributesOf(shape)).map(([name, value]) => `${name}="${value}"`);
  if (!shape.text) return `<path ${attributes.join(" ")}/>`;
  return `<text ${attributes.join(" ")}>${escapeXml(shape.text.letters)}</text>`;
}

function legendOf(viewer: Viewer, pane: Pane, left: number, height: number): string[] {
  const ink = css(pane.currentTheme.ink);
  return legendLines(viewer, pane, height).flatMap((line, k) => {
    const y = 20 + k * 18;
    return [
      ...keyShapes(line, left + 17, y, pane.currentTheme).map(svgShape),
      `<text x="${left + textLeft(line)}" y="${y}" dominant-baseline="middle" font-size="11.5" fill="${ink}">${escapeXml(line.name)}</text>`,
    ];
  });
}
