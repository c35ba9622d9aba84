import type { Panel } from "../panels/panel";
import type { Store } from "../state/store";
import { h, replace } from "../ui/dom";
import { icon } from "../ui/icons";

/** The right side: a rail with a button for each panel, and the one that is open. */
export class Dock {
  readonly element = h("aside", { class: "dock right" });
  readonly rail: HTMLElement;

  constructor(
    private readonly store: Store,
    private readonly panels: readonly Panel[],
  ) {
    this.rail = h(
      "nav",
      { class: "rail", "aria-label": "Panels" },
      ...panels.map((panel, k) =>
        h(
          "button",
          {
            type: "button",
            class: "rail-button",
            title: k < 9 ? `${panel.title} (${k + 1})` : panel.title,
            "data-panel": panel.id,
            onclick: () => store.set({ panel: store.state.panel === panel.id ? null : panel.id }),
          },
          icon(panel.icon),
          h("span", {}, panel.title),
        ),
      ),
    );
  }

  /** The panel that the state opens. */
  get open(): Panel | undefined {
    return this.panels.find((p) => p.id === this.store.state.panel);
  }

  /** True where the keyboard's focus is in an open panel. */
  get focused(): boolean {
    return this.open !== undefined && this.element.contains(document.activeElement);
  }

  show(): void {
    const { open } = this;
    this.element.hidden = !open;
    if (open && this.element.firstChild !== open.element) replace(this.element, open.element);
    this.element.setAttribute("aria-label", open?.title ?? "Panel");
    for (const button of this.rail.children)
      button.setAttribute("aria-pressed", String((button as HTMLElement).dataset.panel === open?.id));
  }
}
