import type { Decoded, Neighbor } from "../data/api";
import type { Dataset } from "../data/dataset";
import type { Point } from "../renderer/viewport";
import { h, number, percent, replace } from "../ui/dom";
import { listThumbnail } from "../ui/sample-row";
import { classChip } from "../ui/tooltip";
import type { Host } from "./panel";

/** What the classifier says of a place of the picture, beside that place. */
export class DecodePopover {
  readonly element = h("div", {
    class: "popover",
    role: "dialog",
    "aria-label": "What the classifier says here",
    hidden: true,
  });
  private wanted = 0;

  constructor(private readonly host: Host) {}

  hide(): void {
    this.element.hidden = true;
    this.wanted++;
  }

  /** `at` in plane units, `screen` in pixels of what the popover lies in. */
  async show(at: Point, screen: Point, data: Dataset, epoch: number | null): Promise<void> {
    const asked = ++this.wanted;
    const [x0, y0, x1, y1] = data.view.extent;
    if (epoch === null || at.x < x0 || at.x > x1 || at.y < y0 || at.y > y1) return this.hide();
    try {
      const found = await this.host.api.decode(data.runId, data.viewName, epoch, at.x, at.y);
      if (asked !== this.wanted) return;
      this.fill(data, epoch, found);
      this.element.hidden = false;
      this.moveTo(screen);
      const { api } = this.host;
      // A copy without a server cannot tell.
      const back = await api.back(data.runId, data.viewName, epoch, at.x, at.y).catch(() => null);
      if (asked !== this.wanted || !back) return;
      const along = back.nearest.slice(0, 6).map((id, i) => ({ id, distance: back.distances[i]! }));
      this.element.append(
        h("p", { class: "caption" }, "training samples nearest to what is decoded here"),
        this.nearest(data, along),
      );
      this.moveTo(screen);
    } catch (error) {
      if (asked === this.wanted) this.host.say((error as Error).message, "error");
    }
  }

  private fill(data: Dataset, epoch: number, found: Decoded): void {
    const line = (name: string, ...what: (Node | false)[]) =>
      h("div", { class: "line" }, h("span", { class: "caption" }, name), ...what);
    const close = h(
      "button",
      { type: "button", class: "remove", "aria-label": "Close", onclick: () => this.hide() },
      "×",
    );
    replace(
      this.element,
      h("header", {}, h("b", {}, `Here, at epoch ${epoch}`), h("span", { class: "spring" }), close),
      line("class", classChip(data, found.prediction), h("b", {}, percent(found.confidence))),
      line("then", classChip(data, found.runner_up)),
      line(
        "margin",
        h("b", {}, number(found.margin, 3)),
        found.boundary && h("span", { class: "badge" }, "on a boundary"),
      ),
      found.nearest.length > 0 && h("p", { class: "caption" }, "nearest samples in the picture"),
      this.nearest(data, found.nearest),
    );
  }

  private nearest(data: Dataset, list: readonly Neighbor[]): HTMLElement {
    const ids = list.map((n) => n.id);
    return h(
      "div",
      { class: "neighbor-row" },
      ...list.slice(0, 6).map(({ id, distance }, i) =>
        h(
          "button",
          {
            type: "button",
            class: "neighbor",
            title: `#${id} ${data.className(data.labels[id]!)}, distance ${number(distance, 2)}`,
            "aria-label": `Sample ${id}`,
            onclick: () => this.host.focus(id),
            onpointerenter: () => this.host.picture.point(id),
            onpointerleave: () => this.host.picture.point(-1),
          },
          listThumbnail(this.host.api, data, ids, i, 32) ?? `#${id}`,
        ),
      ),
    );
  }

  private moveTo(screen: Point): void {
    const around = this.element.parentElement!;
    const w = this.element.offsetWidth;
    const tall = this.element.offsetHeight;
    const x = screen.x + 14 + w > around.clientWidth ? screen.x - w - 14 : screen.x + 14;
    const y = Math.min(Math.max(screen.y - 20, 6), around.clientHeight - tall - 6);
    this.element.style.transform = `translate(${Math.max(4, x).toFixed(0)}px, ${y.toFixed(0)}px)`;
  }
}
