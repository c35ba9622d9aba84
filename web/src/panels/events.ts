import type { EventRow } from "../data/api";
import type { Dataset } from "../data/dataset";
import type { State } from "../state/store";
import { h, number, replace, s } from "../ui/dom";
import { listThumbnail } from "../ui/sample-row";
import { classChip } from "../ui/tooltip";
import { VirtualList } from "../ui/virtual-list";
import type { Changes, Host, Panel } from "./panel";

const meanings = [
  { name: "Flips", hint: "the prediction changed" },
  { name: "Forgotten", hint: "was right, is wrong" },
  { name: "Learned", hint: "was wrong, is right" },
  { name: "Jumps", hint: "the confidence changed by more than 0.5" },
  { name: "Moves", hint: "moved farther than the mean + 2 sigma of its epoch" },
];

/**
 * What happened between epochs: a density strip for each kind of event (click to seek, drag to choose epochs), and the
 * list of events in the chosen epochs, which can be shown alone.
 */
export class EventsPanel implements Panel {
  readonly id = "events";
  readonly title = "Events";
  readonly icon = "events" as const;
  readonly element: HTMLElement;

  private readonly kindsRow = h("div", { class: "event-kinds" });
  private readonly strips = h("div", { class: "strips" });
  private readonly summary = h("div", { class: "summary" });
  private readonly list: VirtualList;
  private kinds: readonly number[] = [1];
  private brush: readonly [number, number] | null = null;
  private rows: EventRow[] = [];
  private total = 0;
  private ids: number[] = [];
  private wanted = "";
  /** Epochs that the rows are of; null while there are none. */
  private loaded: readonly [number, number] | null = null;

  constructor(private readonly host: Host) {
    this.list = new VirtualList(
      36,
      "Events",
      (i) => this.row(i),
      (i) => {
        host.focus(this.rows[i]![0]);
        host.goToEpoch(this.rows[i]![1]);
      },
      (i) => host.picture.point(i < 0 ? -1 : this.rows[i]![0]),
    );
    this.element = h(
      "div",
      { class: "panel events" },
      h("h3", {}, "What happened between epochs"),
      this.kindsRow,
      this.strips,
      this.summary,
      this.list.element,
    );
    this.listenToStrips();
  }

  update(_state: State, changes: Changes): void {
    const { data } = this.host;
    if (!data) return;
    if (changes.has("data") || changes.has("epoch")) {
      this.showStrips(data);
      void this.load(data);
    }
    if (changes.has("shown")) this.showSummary();
  }

  private showStrips(data: Dataset): void {
    replace(
      this.kindsRow,
      ...meanings.map(({ name, hint }, kind) =>
        h(
          "button",
          {
            type: "button",
            class: "toggle",
            "aria-pressed": String(this.kinds.includes(kind)),
            title: hint,
            onclick: () => {
              this.kinds = this.kinds.includes(kind)
                ? this.kinds.filter((k) => k !== kind)
                : [...this.kinds, kind].sort();
              this.showStrips(data);
              void this.load(data);
            },
          },
          name,
        ),
      ),
    );
    const counts = data.fitted.map((e) => data.view.events.counts[String(e)] ?? [0, 0, 0, 0, 0]);
    replace(this.strips, this.strip(data, counts));
  }

  private strip(data: Dataset, counts: number[][]): SVGSVGElement {
    const width = 288;
    const row = this.kinds.length === 1 ? 52 : 24;
    const kinds = this.kinds.length ? this.kinds : [0, 1, 2, 3, 4];
    const height = kinds.length * row + 14;
    const step = width / Math.max(1, data.fitted.length);
    const now = data.fitted.indexOf(this.host.epoch);
    const svg = s("svg", {
      viewBox: `0 0 ${width} ${height}`,
      class: "strip",
      role: "img",
      "aria-label": "Events by epoch. Click an epoch to go there, drag over epochs to choose them.",
    });
    if (this.brush)
      svg.append(
        s("rect", {
          class: "brush",
          x: this.brush[0] * step,
          y: 0,
          width: (this.brush[1] - this.brush[0] + 1) * step,
          height: height - 12,
        }),
      );
    if (now >= 0)
      svg.append(s("rect", { class: "now", x: now * step, y: 0, width: step, height: height - 12 }));
    kinds.forEach((kind, r) => {
      const most = Math.max(1, ...counts.map((c) => c[kind] ?? 0));
      const bottom = (r + 1) * row;
      svg.append(s("line", { class: "base", x1: 0, x2: width, y1: bottom, y2: bottom }));
      counts.forEach((c, k) => {
        const value = c[kind] ?? 0;
        const tall = (value / most) * (row - 5);
        if (tall > 0)
          svg.append(
            s(
              "rect",
              {
                class: `event-bar kind-${kind}`,
                x: k * step + step * 0.12,
                y: bottom - tall,
                width: step * 0.76,
                height: tall,
              },
              s(
                "title",
                {},
                `epoch ${data.epochName(data.fitted[k]!)}: ${number(value)} ${meanings[kind]!.name.toLowerCase()}`,
              ),
            ),
          );
      });
      if (kinds.length > 1)
        svg.append(s("text", { class: "strip-name", x: 2, y: bottom - row + 9 }, meanings[kind]!.name));
    });
    const longest = Math.max(...data.fitted.map((e) => data.epochName(e).length));
    const every = Math.ceil((data.fitted.length * Math.max(2, longest)) / 24);
    data.fitted.forEach((epoch, k) => {
      if (k % every === 0)
        svg.append(
          s(
            "text",
            {
              class: "tick-text",
              x: k === 0 && longest > 3 ? 0 : (k + 0.5) * step,
              y: height - 2,
              "text-anchor": k === 0 && longest > 3 ? "start" : "middle",
            },
            data.epochName(epoch),
          ),
        );
    });
    return svg;
  }

  /** On what holds the strips, since they are drawn anew whenever the epoch changes, in the middle of a drag too. */
  private listenToStrips(): void {
    let from = -1;
    const at = (event: PointerEvent, data: Dataset) => {
      const rect = this.strips.firstElementChild!.getBoundingClientRect();
      const share = (event.clientX - rect.left) / rect.width;
      return Math.min(Math.max(Math.floor(share * data.fitted.length), 0), data.fitted.length - 1);
    };
    this.strips.addEventListener("pointerdown", (event) => {
      const { data } = this.host;
      if (!data) return;
      from = at(event, data);
      this.strips.setPointerCapture(event.pointerId);
    });
    this.strips.addEventListener("pointerup", (event) => {
      const { data } = this.host;
      if (from < 0 || !data) return;
      const to = at(event, data);
      if (to === from) {
        this.brush = null;
        this.host.goToEpoch(data.fitted[to]!);
      } else this.brush = [Math.min(from, to), Math.max(from, to)];
      from = -1;
      this.showStrips(data);
      void this.load(data);
    });
    this.strips.addEventListener("pointercancel", () => {
      from = -1;
    });
  }

  private range(data: Dataset): [number, number] {
    if (this.brush)
      return [data.fitted[this.brush[0]]!, data.fitted[Math.min(this.brush[1], data.fitted.length - 1)]!];
    return [this.host.epoch, this.host.epoch];
  }

  private async load(data: Dataset): Promise<void> {
    const [from, to] = this.range(data);
    const kinds = this.kinds.length ? [...this.kinds] : [0, 1, 2, 3, 4];
    const key = `${data.key}/${data.fitted.length}/${from}-${to}/${kinds.join()}`;
    if (key === this.wanted) return;
    this.wanted = key;
    try {
      const { count, events } = await this.host.api.events(data.runId, data.viewName, from, to, kinds);
      if (this.wanted !== key) return;
      this.rows = events;
      this.total = count;
      this.ids = events.map((e) => e[0]);
      this.loaded = [from, to];
      this.showSummary();
      this.list.setCount(events.length, true);
    } catch (error) {
      this.wanted = "";
      this.loaded = null;
      replace(this.summary, h("p", { class: "problem" }, (error as Error).message));
    }
  }

  private showSummary(): void {
    if (!this.loaded) return;
    const [from, to] = this.loaded;
    const { store } = this.host;
    const unique = [...new Set(this.ids)];
    const name = (epoch: number) => this.host.data?.epochName(epoch) ?? String(epoch);
    const link = (text: string, title: string, action: () => void) =>
      h("button", { type: "button", class: "link", title, onclick: action }, text);
    replace(
      this.summary,
      h(
        "p",
        { class: "found", role: "status" },
        h("b", {}, `${number(this.total)} ${this.total === 1 ? "event" : "events"}`),
        from === to ? ` at epoch ${name(from)}` : ` from epoch ${name(from)} to ${name(to)}`,
        unique.length > 0 &&
          link("Select", "Selects their samples", () => this.host.select(unique, "replace")),
        unique.length > 0 &&
          link("Show only", "Hides all other samples", () =>
            store.set({ shown: { what: `events of epochs ${name(from)} – ${name(to)}`, ids: unique } }),
          ),
        store.state.shown !== null &&
          link("Show all", "Removes the filter", () => store.set({ shown: null })),
      ),
      this.total > this.rows.length &&
        h("p", { class: "hint" }, `The first ${number(this.rows.length)} are listed.`),
      h("p", { class: "hint" }, "Click a bar to go to its epoch; drag over bars to choose several."),
    );
  }

  private row(index: number): HTMLElement {
    const { data, api } = this.host;
    const event = this.rows[index]!;
    if (!data) return h("div");
    const [id, epoch, kind, from, to, value] = event;
    return h(
      "div",
      { class: this.host.store.state.focus === id ? "sample-row focused" : "sample-row" },
      listThumbnail(api, data, this.ids, index),
      h("span", { class: "id" }, `#${id}`),
      classChip(data, from),
      from !== to && h("span", { class: "arrow" }, "→"),
      from !== to && classChip(data, to),
      h(
        "span",
        { class: "count", title: `${meanings[kind]?.name} at epoch ${data.epochName(epoch)}` },
        kind >= 3 ? number(value, 2) : `ep ${data.epochName(epoch)}`,
      ),
    );
  }
}
