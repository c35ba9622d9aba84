import type { Size } from "../renderer/viewport";
import { toScreen } from "../renderer/viewport";
import { h } from "../ui/dom";
import { type Name, placeNames } from "./class-names";
import type { Pane } from "./pane";

/** Of the names' text, in CSS pixels; style.css has the same. */
export const nameFont = { size: 11.5, weight: 600 } as const;
const line = 18;
const beside = 12;

/** Width of a class's name on screen; measured once. */
const widths = new Map<string, number>();
let ruler: CanvasRenderingContext2D | null = null;
function widthOf(text: string): number {
  let width = widths.get(text);
  if (width === undefined) {
    if (!ruler) {
      ruler = h("canvas").getContext("2d")!;
      ruler.font = `${nameFont.weight} ${nameFont.size}px ${getComputedStyle(document.body).fontFamily}`;
    }
    width = ruler.measureText(text).width;
    widths.set(text, width);
  }
  return width;
}

/** The names written in a pane of this size, in its pixels. The one answer for the screen and for every exported picture. */
export function namesIn(pane: Pane, size: Size): (Name & { text: string })[] {
  const { view } = pane.scene;
  const [x0, y0, x1, y1] = pane.data.view.extent;
  const wishes = pane.anchors().map((a) => {
    const text = pane.data.className(a.index);
    const at = toScreen(view, size, x0 + a.x * (x1 - x0), y0 + a.y * (y1 - y0));
    const room = Math.min((a.room * (x1 - x0)) / view.ux, (a.room * (y1 - y0)) / view.uy);
    return { ...at, index: a.index, text, width: widthOf(text) + beside, room, opacity: a.opacity };
  });
  return placeNames(wishes, size, line) as (Name & { text: string })[];
}

/** Names of classes as elements laid over the canvas. */
export class NameLayer {
  readonly element = h("div", { class: "names", "aria-hidden": "true" });
  private readonly spans: HTMLElement[] = [];

  /** `panes` with where they are on the canvas; none to show no names. */
  place(panes: readonly { pane: Pane; left: number; size: Size }[]): void {
    let used = 0;
    for (const { pane, left, size } of panes)
      for (const name of namesIn(pane, size)) {
        const span = this.span(used++);
        if (span.textContent !== name.text) span.textContent = name.text;
        span.style.transform = `translate(${(name.x + left).toFixed(1)}px, ${name.y.toFixed(1)}px) translate(-50%, -50%)`;
        span.style.opacity = name.opacity.toFixed(2);
        span.hidden = false;
      }
    for (const span of this.spans.slice(used)) span.hidden = true;
  }

  private span(index: number): HTMLElement {
    let span = this.spans[index];
    if (!span) {
      span = h("span", { class: "class-name" });
      this.spans.push(span);
      this.element.append(span);
    }
    return span;
  }
}
