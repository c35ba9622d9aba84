import { h, replace } from "../ui/dom";
import { link } from "../ui/form";
import { toolButton } from "./tool-button";

/** A short message over the picture. Errors stay until they are read. */
export class Notice {
  readonly element = h("div", { class: "notice", role: "alert", hidden: true });

  get open(): boolean {
    return !this.element.hidden;
  }

  close(): void {
    this.element.hidden = true;
  }

  say(message: string, kind: "info" | "error", action?: { text: string; action: () => void }): void {
    const text = h("span", {}, message);
    const act = () => {
      this.close();
      action?.action();
    };
    replace(
      this.element,
      text,
      action && link(action.text, act),
      toolButton("close", "Dismiss", () => this.close()),
    );
    this.element.className = `notice ${kind}`;
    this.element.hidden = false;
    if (kind === "error") return;
    window.setTimeout(
      () => {
        if (this.element.firstChild === text) this.close();
      },
      action ? 8000 : 4000,
    );
  }
}
