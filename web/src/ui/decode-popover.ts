import type { Pane } from "../pane";
import type { Host } from "../panels/panel";
import type { Point } from "../renderer/viewport";
import { h, number, percent, replace } from "./dom";
import { listThumbnail } from "./sample-row";
import { classChip } from "./tooltip";

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

  async show(at: Point, screen: Point, pane: Pane): Promise<void> {
    const asked = ++this.wanted;
    const { data } = pane;
    const epoch = pane.epoch?.epoch;
    const [x0, y0, x1, y1] = data.view.extent;
    if (epoch === undefined || at.x < x0 || at.x > x1 || at.y < y0 || at.y > y1) return this.hide();
    try {
      const found = await this.host.api.decode(data.runId, data.viewName, epoch, at.x, at.y);
      if (asked !== this.wanted) return;
      const ids = found.nearest.map((n) => n.id);
      replace(
        this.element,
        h(
          "header",
          {},
          h("b", {}, `Here, at epoch ${epoch}`),
          h("span", { class: "spring" }),
          h(
            "button",
            { type: "button", class: "remove", "aria-label": "Close", onclick: () => this.hide() },
            "×",
          ),
        ),
        h(
          "div",
          { class: "line" },
          h("span", { class: "caption" }, "class"),
          classChip(data, found.prediction),
          h("b", {}, percent(found.confidence)),
        ),
        h(
          "div",
          { class: "line" },
          h("span", { class: "caption" }, "then"),
          classChip(data, found.runner_up),
        ),
        h(
          "div",
          { class: "line" },
          h("span", { class: "caption" }, "margin"),
          h("b", {}, number(found.margin, 3)),
          found.boundary && h("span", { class: "badge" }, "on a boundary"),
        ),
        ids.length > 0 && h("p", { class: "caption" }, "nearest samples"),
        h(
          "div",
          { class: "neighbor-row" },
          ...ids.slice(0, 6).map((id, i) =>
            h(
              "button",
              {
                type: "button",
                class: "neighbor",
                title: `#${id} ${data.className(data.labels[id]!)}, distance ${number(found.nearest[i]!.distance, 2)}`,
                "aria-label": `Sample ${id}`,
                onclick: () => this.host.focus(id),
                onpointerenter: () => this.host.viewer.point(id),
                onpointerleave: () => this.host.viewer.point(-1),
              },
              listThumbnail(this.host.api, data, ids, i, 32) ?? `#${id}`,
            ),
          ),
        ),
      );
      this.element.hidden = false;
      const { width, height } = this.host.viewer.stage.size;
      const w = this.element.offsetWidth;
      const tall = this.element.offsetHeight;
      const x = screen.x + 14 + w > width ? screen.x - w - 14 : screen.x + 14;
      const y = Math.min(Math.max(screen.y - 20, 6), height - tall - 6);
      this.element.style.transform = `translate(${Math.max(4, x).toFixed(0)}px, ${y.toFixed(0)}px)`;
    } catch (error) {
      if (asked === this.wanted) this.host.say((error as Error).message, "error");
    }
  }
}
