import type { EpochScalars } from "../data/api";
import { epochAt } from "../state/persist";
import type { State } from "../state/store";
import { h, number, replace, s } from "../ui/dom";
import { icon } from "../ui/icons";
import type { Changes, Host, Panel } from "./panel";
import { scalarNames, timeChart } from "./time-band/chart";

const speeds = [0.5, 1, 1.5, 3, 6];
const eventNames = ["flips", "forgotten", "learned", "jumps", "moves"];

/**
 * The band at the bottom: transport controls, and one chart over the epochs that holds the subject's curves, the
 * density of events and the slider's playhead. The whole chart is the slider.
 */
export class TimeBand implements Panel {
  readonly id = "time";
  readonly title = "Time";
  readonly icon = "play" as const;
  readonly element: HTMLElement;

  private readonly play: HTMLButtonElement;
  private readonly epochText: HTMLElement;
  private readonly epochInput: HTMLInputElement;
  private readonly total: HTMLElement;
  private readonly speed: HTMLSelectElement;
  private readonly loop: HTMLButtonElement;
  private readonly values: HTMLElement;
  private readonly chart: SVGSVGElement;
  private readonly slider: HTMLElement;
  private readonly static_ = s("g");
  private readonly rangeMark = s("rect", { class: "range-mark", y: 0, height: "100%" });
  private readonly head = s(
    "g",
    { class: "playhead" },
    s("line", { y1: 0 }),
    s("path", { d: "M-5 0h10v5l-5 5l-5-5z" }),
  );
  private scalars = new Map<number, EpochScalars>();
  private valueTexts = new Map<string, HTMLElement>();
  private width = 0;
  private height = 0;
  private readonly margin = 14;

  constructor(private readonly host: Host) {
    const button = (name: Parameters<typeof icon>[0], label: string, action: () => void) =>
      h(
        "button",
        { class: "tool", type: "button", "aria-label": label, title: label, onclick: action },
        icon(name),
      );
    const { store } = host;
    this.play = button("play", "Play (space)", () => this.togglePlay());
    this.loop = button("loop", "Loop", () => store.set({ loop: !store.state.loop }));
    this.speed = h(
      "select",
      {
        "aria-label": "Speed",
        title: "Epochs a second",
        onchange: () => store.set({ speed: Number(this.speed.value) }),
      },
      ...speeds.map((v) => h("option", { value: v }, `${v}×`)),
    );
    this.epochInput = h("input", {
      class: "epoch-input",
      type: "text",
      inputmode: "numeric",
      "aria-label": "Epoch: type a number to jump",
      title: "Type an epoch to jump to it",
      onchange: () => {
        const epoch = host.data?.epochCalled(this.epochInput.value) ?? Number.NaN;
        if (Number.isFinite(epoch)) host.goToEpoch(epoch);
        this.update(store.state, new Set(["time"]));
        this.epochInput.blur();
      },
    });
    this.total = h("span", { class: "total" });
    this.epochText = h(
      "div",
      { class: "epoch" },
      h("span", { class: "caption" }, "Epoch"),
      this.epochInput,
      this.total,
    );
    this.values = h("div", { class: "curve-values" });
    this.chart = s("svg", { class: "time-chart", "aria-hidden": "true" });
    this.chart.append(this.rangeMark, this.static_, this.head);
    this.slider = h(
      "div",
      {
        class: "time-slider",
        tabindex: "0",
        role: "slider",
        "aria-label": "Time",
        "aria-orientation": "horizontal",
        onkeydown: ((event: KeyboardEvent) => this.key(event)) as (event: never) => void,
      },
      this.chart,
    );
    this.element = h(
      "section",
      { class: "time-band", "aria-label": "Time" },
      h(
        "div",
        { class: "transport" },
        this.epochText,
        h(
          "div",
          { class: "buttons" },
          button("previous", "Previous epoch (,)", () => this.step(-1)),
          this.play,
          button("next", "Next epoch (.)", () => this.step(1)),
          this.loop,
          this.speed,
        ),
      ),
      h("div", { class: "time-main" }, this.values, this.slider),
    );
    this.listen();
    new ResizeObserver(() => {
      this.width = this.slider.clientWidth;
      this.height = this.slider.clientHeight;
      this.draw();
      this.update(store.state, new Set(["time", "range"]));
    }).observe(this.slider);
  }

  togglePlay(): void {
    const { store } = this.host;
    const last = (this.host.data?.fitted.length ?? 1) - 1;
    const { playing, time, range } = store.state;
    const end = range?.[1] ?? last;
    store.set({ playing: !playing, ...(!playing && time >= end ? { time: range?.[0] ?? 0 } : {}) });
  }

  /** To the next or previous whole epoch. */
  step(by: number): void {
    const { time } = this.host.store.state;
    const last = (this.host.data?.fitted.length ?? 1) - 1;
    const next = by > 0 ? Math.floor(time + 1e-6) + by : Math.ceil(time - 1e-6) + by;
    this.host.store.set({ time: Math.min(Math.max(next, 0), last), playing: false });
  }

  update(state: State, changes: Changes): void {
    const { data } = this.host;
    if (changes.has("data")) {
      this.scalars = new Map(data?.run.epochs.map((e) => [e.epoch!, e]));
      this.draw();
      this.makeValues();
    }
    if (changes.has("playing")) {
      const label = state.playing ? "Pause (space)" : "Play (space)";
      replace(this.play, icon(state.playing ? "pause" : "play"));
      this.play.setAttribute("aria-label", label);
      this.play.title = label;
    }
    if (changes.has("loop")) this.loop.setAttribute("aria-pressed", String(state.loop));
    if (changes.has("speed")) this.speed.value = String(state.speed);
    if (!data || data.fitted.length === 0) return;
    const epochs = data.fitted;
    const exact = epochAt(epochs, state.time);
    const whole = Math.abs(exact - Math.round(exact)) < 0.005;
    // Names such as "step 12000" need more room than numbers.
    const longest = Math.max(...epochs.map((e) => data.epochName(e).length));
    this.epochInput.classList.toggle("named", longest > 4);
    this.epochInput.style.width = longest > 4 ? `${longest + 5}ch` : "";
    if (document.activeElement !== this.epochInput)
      this.epochInput.value = whole
        ? data.epochName(Math.round(exact))
        : data.run.epoch_names
          ? `${data.epochName(Math.floor(exact))} …`
          : exact.toFixed(1);
    const last = epochs[epochs.length - 1]!;
    this.total.textContent = longest > 4 ? "" : `of ${data.epochName(last)}`;
    const x = this.x(state.time);
    this.head.setAttribute("transform", `translate(${x.toFixed(2)} 0)`);
    this.slider.setAttribute("aria-valuemin", String(epochs[0]));
    this.slider.setAttribute("aria-valuemax", String(last));
    this.slider.setAttribute("aria-valuenow", String(Number(exact.toFixed(2))));
    const called = whole ? data.epochName(Math.round(exact)) : String(Number(exact.toFixed(2)));
    this.slider.setAttribute("aria-valuetext", `epoch ${called} of ${data.epochName(last)}`);
    if (changes.has("range") || changes.has("data")) {
      this.rangeMark.toggleAttribute("hidden", !state.range);
      if (state.range) {
        this.rangeMark.setAttribute("x", String(this.x(state.range[0])));
        this.rangeMark.setAttribute("width", String(this.x(state.range[1]) - this.x(state.range[0])));
      }
    }
    if (changes.has("time") || changes.has("data")) this.showValues(state.time);
  }

  /** Epochs shown along the chart: fitted ones, then those that are still being fitted. */
  private slots(): number {
    const view = this.host.data?.view;
    return view ? view.epochs.length + view.pending.length : 1;
  }

  private x(time: number): number {
    return (
      this.margin +
      (Math.min(time, this.slots() - 1) / Math.max(1, this.slots() - 1)) * (this.width - 2 * this.margin)
    );
  }

  private timeAt(x: number): number {
    const share = (x - this.margin) / Math.max(1, this.width - 2 * this.margin);
    const last = (this.host.data?.fitted.length ?? 1) - 1;
    return Math.min(Math.max(share * Math.max(1, this.slots() - 1), 0), last);
  }

  private scalarAt(name: string, time: number): number | null {
    const { data } = this.host;
    if (!data) return null;
    const at = (k: number) => this.scalars.get(data.fitted[k]!)?.[name];
    const i = Math.floor(time);
    const a = at(i);
    const b = at(Math.min(i + 1, data.fitted.length - 1)) ?? a;
    return a === undefined || b === undefined ? null : a + (b - a) * (time - i);
  }

  /** Elements of the values above the chart; made once for a run, afterwards only their text changes. */
  private makeValues(): void {
    const { data } = this.host;
    if (!data) return;
    this.valueTexts = new Map();
    const value = (key: string) => {
      const element = h("b");
      this.valueTexts.set(key, element);
      return element;
    };
    replace(
      this.values,
      ...scalarNames(data.run.epochs).map((name, k) =>
        h(
          "span",
          { class: `curve-value curve-${k}` },
          s(
            "svg",
            { viewBox: "0 0 18 6", class: "curve-key" },
            s("line", { class: `curve curve-${k}`, x1: 0, x2: 18, y1: 3, y2: 3 }),
          ),
          h("span", {}, name.replaceAll("_", " ")),
          value(name),
        ),
      ),
      Object.keys(data.view.events.counts).length > 0 &&
        h(
          "span",
          { class: "event-values", title: "Events on the way to this epoch" },
          ...eventNames.slice(0, 3).map((name) => h("span", {}, `${name} `, value(`event ${name}`))),
        ),
    );
  }

  private showValues(time: number): void {
    const { data } = this.host;
    if (!data) return;
    const t = Math.min(time, data.fitted.length - 1);
    const counts = data.view.events.counts[String(data.fitted[Math.round(t)])];
    for (const [key, element] of this.valueTexts) {
      const event = key.startsWith("event ") ? eventNames.indexOf(key.slice(6)) : -1;
      const value = event >= 0 ? counts?.[event] : this.scalarAt(key, t);
      const text =
        value === null || value === undefined
          ? "–"
          : event >= 0
            ? number(value)
            : Number.isInteger(value) && value > 1
              ? number(value)
              : value.toFixed(3);
      if (element.textContent !== text) element.textContent = text;
    }
  }

  private draw(): void {
    const { data } = this.host;
    const { width, height, margin } = this;
    if (!data || width < 40) return;
    this.chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const layout = { width, height, margin, x: (index: number) => this.x(index) };
    this.static_.replaceChildren(...timeChart(data, this.scalars, layout));
    this.head.querySelector("line")!.setAttribute("y2", String(height - 16));
  }

  private key(event: KeyboardEvent): void {
    const { store } = this.host;
    const last = (this.host.data?.fitted.length ?? 1) - 1;
    const moves: Record<string, () => void> = {
      ArrowRight: () => this.step(1),
      ArrowUp: () => this.step(1),
      ArrowLeft: () => this.step(-1),
      ArrowDown: () => this.step(-1),
      PageUp: () => this.step(5),
      PageDown: () => this.step(-5),
      Home: () => store.set({ time: 0 }),
      End: () => store.set({ time: last }),
    };
    const move =
      event.shiftKey && event.key.startsWith("Arrow")
        ? () =>
            store.set({
              time: Math.min(
                Math.max(
                  store.state.time + (event.key === "ArrowRight" || event.key === "ArrowUp" ? 0.1 : -0.1),
                  0,
                ),
                last,
              ),
            })
        : moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  }

  private listen(): void {
    const { slider } = this;
    const { store } = this.host;
    let from: number | null = null;
    const at = (event: PointerEvent) => this.timeAt(event.clientX - slider.getBoundingClientRect().left);
    slider.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      slider.setPointerCapture(event.pointerId);
      if (event.shiftKey) from = at(event);
      else store.set({ time: at(event), playing: false });
    });
    slider.addEventListener("pointermove", (event) => {
      if (!slider.hasPointerCapture(event.pointerId)) return;
      const time = at(event);
      if (from === null) store.set({ time });
      else store.set({ range: [Math.min(from, time), Math.max(from, time)] });
    });
    slider.addEventListener("pointerup", (event) => {
      const time = at(event);
      if (from !== null) {
        const a = Math.round(Math.min(from, time));
        const b = Math.round(Math.max(from, time));
        store.set({ range: b > a ? [a, b] : null });
      } else if (Math.abs(time - Math.round(time)) < 0.12) store.set({ time: Math.round(time) });
      from = null;
    });
    slider.addEventListener("dblclick", () => store.set({ range: null }));
  }
}
