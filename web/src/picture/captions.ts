import type { Stage } from "../renderer/stage";
import { h } from "../ui/dom";
import type { Pane } from "./pane";

/** What stands in a pane: run and epoch. */
export function captionOf(pane: Pane): string {
  const epochs = pane.data.fitted;
  const i = Math.floor(pane.time);
  const part = pane.time - i;
  const between = pane.data.run.epoch_names
    ? `${pane.data.epochName(epochs[i]!)} …`
    : (epochs[i]! + part * (epochs[i + 1]! - epochs[i]!)).toFixed(1);
  const epoch = part === 0 ? pane.data.epochName(epochs[i]!) : between;
  return `${pane.data.run.name}, epoch ${epoch}`;
}

/** With two pictures, each says what it is. */
export class Captions {
  readonly element = h("div", { class: "captions" });

  constructor(private readonly stage: Stage) {}

  place(panes: readonly Pane[]): void {
    const shown = panes.length > 1 ? panes : [];
    while (this.element.children.length > shown.length) this.element.lastElementChild!.remove();
    shown.forEach((pane, k) => {
      const element =
        (this.element.children[k] as HTMLElement | undefined) ??
        this.element.appendChild(h("div", { class: "pane-caption" }));
      const text = captionOf(pane);
      if (element.textContent !== text) element.textContent = text;
      const { left } = this.stage.rect(pane.scene);
      element.style.transform = `translate(${left}px, 0)`;
      element.classList.toggle("divided", left > 0);
    });
  }
}
