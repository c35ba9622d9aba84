import { h, replace } from "../../ui/dom";
import { link } from "../../ui/form";

const key = "dvi.queries";
const most = 20;

/** Conditions kept in the browser, as chips; a click hands one over. */
export class SavedQueries {
  readonly element = h("div", { class: "chips" });

  constructor(
    private readonly open: (condition: string) => void,
    private readonly refused: (message: string) => void,
  ) {
    this.show();
  }

  add(condition: string): void {
    this.keep([condition, ...this.list().filter((c) => c !== condition)].slice(0, most));
  }

  private list(): string[] {
    try {
      const list = JSON.parse(localStorage.getItem(key) ?? "[]") as unknown;
      return Array.isArray(list) ? list.filter((x): x is string => typeof x === "string") : [];
    } catch {
      return [];
    }
  }

  private keep(list: readonly string[]): void {
    try {
      localStorage.setItem(key, JSON.stringify(list));
    } catch {
      this.refused("The browser does not let this page save anything.");
    }
    this.show();
  }

  private show(): void {
    replace(
      this.element,
      ...this.list().map((condition) =>
        h(
          "span",
          { class: "saved" },
          link(condition, () => this.open(condition), condition),
          h(
            "button",
            {
              type: "button",
              class: "remove",
              "aria-label": `Forget ${condition}`,
              onclick: () => this.keep(this.list().filter((c) => c !== condition)),
            },
            "×",
          ),
        ),
      ),
    );
  }
}
