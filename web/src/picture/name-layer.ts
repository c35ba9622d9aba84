import type { Size } from "../renderer/viewport";
import { toScreen } from "../renderer/viewport";
import { h } from "../ui/dom";
import { type Name, placeNames } from "./class-names";
import type { Pane } from "./pane";

export const nameWeight = 600;
const smallest = 11.5;

/** Size of the names' text in a pane of this size, in CSS pixels: larger where there is much room. */
export function nameSize({ width, height }: Size): number {
  return Math.min(Math.max(smallest, Math.min(width, height) / 60), 20);
}

/** Width of a class's name in the smallest size; measured once. */
const widths = new Map<string, number>();
let ruler: CanvasRenderingContext2D | null = null;
function widthOf(text: string): number {
  let width = widths.get(text);
  if (width === undefined) {
    if (!ruler) {
      ruler = h("canvas").getContext("2d")!;
      ruler.font = `${nameWeight} ${smallest}px ${getComputedStyle(document.body).fontFamily}`;
    }
    width = ruler.measureText(text).width;
    widths.set(text, width);
  }
  return width;
}

/**
 * The names written in a pane of this size, in its pixels. The one answer for the screen and for every
 * exported picture.
 */
export function namesIn(pane: Pane, size: Size): (Name & { text: string })[] {
  const { view } = pane.scene;
  const [x0, y0, x1, y1] = pane.data.view.extent;
  const letters = nameSize(size);
  const wishes = pane.anchors().map((a) => {
    const text = pane.data.className(a.index);
    const at = toScreen(view, size, x0 + a.x * (x1 - x0), y0 + a.y * (y1 - y0));
    const room = Math.min((a.room * (x1 - x0)) / view.ux, (a.room * (y1 - y0)) / view.uy);
    const width = (widthOf(text) / smallest + 1) * letters;
    return { ...at, index: a.index, text, width, room, opacity: a.opacity };
  });
  return placeNames(wishes, size, 1.5 * letters) as (Name & { text: string })[];
}

/** Names of classes as elements laid over the canvas. */
export class NameLayer {
  readonly element = h("div", { class: "names", "aria-hidden": "true" });
  private readonly spans: HTMLElement[] = [];
  private letters = 0;

  /** `panes` with where they are on the canvas; none to show no names. */
  place(panes: readonly { pane: Pane; left: number; size: Size }[]): void {
    let used = 0;
    const letters = panes[0] ? nameSize(panes[0].size) : smallest;
    if (this.letters !== letters) {
      this.letters = letters;
      this.element.style.fontSize = `${letters}px`;
    }
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
