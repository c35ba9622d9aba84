import { css } from "../color/palette";
import { coloringsOf } from "../colorings/table";
import { roleGlyph } from "../data/dataset";
import { layers } from "../picture/layers";
import { freshGroup, poolGroup } from "../picture/pane";
import { type State, toggled } from "../state/store";
import { h, number, replace, s } from "../ui/dom";
import type { Changes, Host, Panel } from "./panel";

/** Small picture of a group's glyph. */
export function glyphIcon(shape: number): SVGSVGElement {
  const inner = [
    () => s("circle", { cx: 6, cy: 6, r: 4 }),
    () => s("rect", { x: 2.3, y: 2.3, width: 7.4, height: 7.4 }),
    () => s("path", { d: "M6 1.2L10.8 6L6 10.8L1.2 6z" }),
    () => s("path", { d: "M6 1.5L10.8 9.8H1.2z" }),
    () => s("circle", { cx: 6, cy: 6, r: 3.4, class: "open" }),
    () => s("path", { d: "M4.5 1.2h3v3.3h3.3v3H7.5v3.3h-3V7.5H1.2v-3h3.3z" }),
  ][shape];
  return s("svg", { viewBox: "0 0 12 12", class: "glyph", "aria-hidden": "true" }, (inner ?? (() => null))());
}

/** Left side: what colour means, which groups and layers are shown. */
export class LegendPanel implements Panel {
  readonly id = "legend";
  readonly title = "Legend";
  readonly icon = "legend" as const;
  readonly element: HTMLElement;

  private readonly colorBy: HTMLSelectElement;
  private readonly entries: HTMLElement;
  private readonly groups: HTMLElement;
  private readonly layers: HTMLElement;
  private readonly note: HTMLElement;
  private readonly size: HTMLInputElement;
  private readonly resolution: HTMLSelectElement;
  private readonly axes = h("div", { class: "checks" });

  constructor(private readonly host: Host) {
    const { store } = host;
    this.colorBy = h("select", {
      id: "color-by",
      onchange: () => store.set({ colorBy: this.colorBy.value, solo: [] }),
    });
    this.entries = h("div", { class: "legend-entries" });
    this.note = h("p", { class: "hint" });
    this.groups = h("div", { class: "checks" });
    this.layers = h("div", { class: "checks" });
    this.size = h("input", {
      id: "point-size",
      type: "range",
      min: 0.4,
      max: 3,
      step: 0.1,
      oninput: () => store.set({ pointScale: Number(this.size.value) }),
    });
    this.resolution = h(
      "select",
      { id: "resolution", onchange: () => store.set({ resolution: Number(this.resolution.value) }) },
      ...[
        ["0", "as fitted"],
        ["64", "64 × 64"],
        ["128", "128 × 128"],
        ["256", "256 × 256"],
        ["512", "512 × 512"],
        ["1024", "1024 × 1024"],
      ].map(([value, text]) => h("option", { value: value! }, text!)),
    );
    const section = (title: string, ...children: HTMLElement[]) =>
      h("details", { class: "section", open: true }, h("summary", {}, title), ...children);
    this.element = h(
      "aside",
      { class: "dock left", "aria-label": "Legend and layers" },
      h(
        "div",
        { class: "section first" },
        h("label", { class: "field", for: "color-by" }, h("span", {}, "Colour by"), this.colorBy),
        this.entries,
        this.note,
      ),
      section("Groups", this.groups),
      section(
        "Layers",
        this.layers,
        this.axes,
        h("label", { class: "field", for: "point-size" }, h("span", {}, "Point size"), this.size),
        h("label", { class: "field", for: "resolution" }, h("span", {}, "Territory cells"), this.resolution),
      ),
    );
  }

  update(state: State, changes: Changes): void {
    const { data } = this.host;
    if (!data) return;
    if (changes.has("data")) {
      replace(this.colorBy, ...coloringsOf(data).map((c) => h("option", { value: c.id }, c.name)));
    }
    if (changes.has("data") || changes.has("colorBy")) this.colorBy.value = state.colorBy;
    if (changes.has("legend") || changes.has("solo") || changes.has("data")) this.showLegend(state);
    if (changes.has("data") || changes.has("hiddenGroups")) this.showGroups(state);
    if (changes.has("layers") || changes.has("data")) this.showLayers(state);
    if (changes.has("equalAxes"))
      replace(
        this.axes,
        this.check(
          state.equalAxes,
          (on) => this.host.store.set({ equalAxes: on }),
          null,
          "Equal axes",
          "",
          "Both axes to the same scale, so that distances are true. Off: the plane is stretched to fill the picture, by a factor of 2 at most.",
        ),
      );
    if (changes.has("pointScale")) this.size.value = String(state.pointScale);
    if (changes.has("resolution")) this.resolution.value = String(state.resolution);
  }

  /** The colouring after the current one, in the order of the list. */
  nextColoring(): string | null {
    const { options, selectedIndex } = this.colorBy;
    return options[(selectedIndex + 1) % options.length]?.value ?? null;
  }

  private showLegend(state: State): void {
    const legend = this.host.picture.legend;
    if (!legend) return;
    this.note.textContent = legend.note;
    if (legend.kind === "ramp") {
      const canvas = h("canvas", {
        class: "ramp",
        width: 256,
        height: 1,
        role: "img",
        "aria-label": `from ${legend.from} to ${legend.to}`,
      });
      const context = canvas.getContext("2d")!;
      context.putImageData(new ImageData(new Uint8ClampedArray(legend.bytes), 256, 1), 0, 0);
      replace(
        this.entries,
        canvas,
        h("div", { class: "ramp-ends" }, h("span", {}, legend.from), h("span", {}, legend.to)),
      );
      return;
    }
    const { store } = this.host;
    const scroll = this.entries.scrollTop;
    replace(
      this.entries,
      ...legend.entries.map((entry, i) => {
        const on = state.solo.length === 0 || state.solo.includes(i);
        const swatch = h("span", { class: "swatch" });
        swatch.style.backgroundColor = css(entry.color);
        return h(
          "button",
          {
            type: "button",
            class: on ? "entry" : "entry off",
            "aria-pressed": String(state.solo.includes(i)),
            title: "Click: show only this. Shift-click: add it.",
            onclick: ((event: MouseEvent) => {
              const alone = state.solo.length === 1 && state.solo[0] === i;
              store.set({ solo: event.shiftKey ? toggled(state.solo, i) : alone ? [] : [i] });
            }) as (event: never) => void,
          },
          swatch,
          h("span", { class: "name" }, entry.name),
        );
      }),
    );
    this.entries.classList.toggle("many", legend.entries.length > 12);
    this.entries.scrollTop = scroll;
  }

  private showGroups(state: State): void {
    const { store, data } = this.host;
    if (!data) return;
    replace(
      this.groups,
      ...data.run.groups.map((group) =>
        this.check(
          !state.hiddenGroups.includes(group.name),
          (on) => store.set({ hiddenGroups: toggled(store.state.hiddenGroups, group.name, !on) }),
          glyphIcon(roleGlyph(group.role).shape),
          group.name,
          number(group.count),
          group.role === group.name ? "" : group.role,
        ),
      ),
      ...(data.run.training_sets ? [freshGroup, poolGroup] : []).map((name) =>
        this.check(
          !state.hiddenGroups.includes(name),
          (on) => store.set({ hiddenGroups: toggled(store.state.hiddenGroups, name, !on) }),
          glyphIcon(name === freshGroup ? 5 : 4),
          name,
          "",
          name === freshGroup
            ? "Samples that joined the training set at the epoch shown"
            : "Samples of the pool that training has not used yet at the epoch shown",
        ),
      ),
    );
  }

  private showLayers(state: State): void {
    const { store, data } = this.host;
    replace(
      this.layers,
      ...layers.map(({ layer, name, key, hint }) =>
        this.check(
          state.layers.includes(layer),
          (on) => store.set({ layers: toggled(store.state.layers, layer, on) }),
          null,
          name,
          key.toUpperCase(),
          layer === "boundary" && data
            ? `Points on the border between two classes, found by mixing pairs of samples ${data.view.boundary_from === "inputs" ? "in input space" : data.view.boundary_from === "recorded" ? "while recording" : "in feature space"}`
            : hint,
        ),
      ),
    );
  }

  private check(
    on: boolean,
    change: (on: boolean) => void,
    glyph: SVGSVGElement | null,
    name: string,
    right: string,
    title: string,
  ): HTMLElement {
    const input = h("input", { type: "checkbox", onchange: () => change(input.checked) });
    input.checked = on;
    return h(
      "label",
      { class: "check", title },
      input,
      glyph,
      h("span", { class: "name" }, name),
      h("span", { class: "right" }, right),
    );
  }
}
