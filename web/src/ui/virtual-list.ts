import { h } from "./dom";

/**
 * A list of any length that keeps only the rows in sight in the page. Rows are of one height. The arrow keys move the
 * active row, Enter opens it.
 */
export class VirtualList {
  readonly element: HTMLElement;
  private readonly body = h("div", { class: "virtual-body" });
  private count = 0;
  private active = -1;
  private pending = false;

  /** `draw` makes row `index`; `open` is told of a click or Enter. */
  constructor(
    private readonly rowHeight: number,
    label: string,
    private readonly draw: (index: number) => HTMLElement,
    private readonly open: (index: number, event: MouseEvent | KeyboardEvent) => void,
    private readonly hover: (index: number) => void = () => {},
  ) {
    this.element = h(
      "div",
      { class: "virtual", tabindex: "0", role: "listbox", "aria-label": label },
      this.body,
    );
    this.element.addEventListener("scroll", () => this.later());
    this.element.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.later()).observe(this.element);
  }

  /** Draws all rows in sight anew; `top` scrolls back to the first. */
  setCount(count: number, top = false): void {
    if (count === 0 && this.count === 0) return;
    this.count = count;
    this.active = Math.min(this.active, count - 1);
    this.body.style.height = `${count * this.rowHeight}px`;
    if (top) {
      this.element.scrollTop = 0;
      this.active = -1;
    }
    this.render();
  }

  private later(): void {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.render();
    });
  }

  private render(): void {
    const from = Math.max(0, Math.floor(this.element.scrollTop / this.rowHeight) - 3);
    const to = Math.min(this.count, from + Math.ceil(this.element.clientHeight / this.rowHeight) + 7);
    const rows: HTMLElement[] = [];
    for (let i = from; i < to; ++i) {
      const row = this.draw(i);
      row.classList.add("virtual-row");
      row.classList.toggle("active", i === this.active);
      row.setAttribute("role", "option");
      row.setAttribute("aria-setsize", String(this.count));
      row.setAttribute("aria-posinset", String(i + 1));
      row.setAttribute("aria-selected", String(i === this.active));
      row.style.transform = `translateY(${i * this.rowHeight}px)`;
      row.style.height = `${this.rowHeight}px`;
      row.addEventListener("click", (event) => {
        this.active = i;
        this.open(i, event);
      });
      row.addEventListener("pointerenter", () => this.hover(i));
      row.addEventListener("pointerleave", () => this.hover(-1));
      rows.push(row);
    }
    this.body.replaceChildren(...rows);
  }

  private key(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.rowHeight) - 1);
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.count,
      End: this.count,
    };
    const step = steps[event.key];
    if (step !== undefined && this.count > 0) {
      event.preventDefault();
      event.stopPropagation();
      this.active = Math.min(Math.max(this.active + step, 0), this.count - 1);
      const top = this.active * this.rowHeight;
      if (top < this.element.scrollTop) this.element.scrollTop = top;
      if (top + this.rowHeight > this.element.scrollTop + this.element.clientHeight)
        this.element.scrollTop = top + this.rowHeight - this.element.clientHeight;
      this.render();
      this.hover(this.active);
    } else if (event.key === "Enter" && this.active >= 0) {
      event.preventDefault();
      event.stopPropagation();
      this.open(this.active, event);
    }
  }
}
