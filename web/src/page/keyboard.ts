import type { Panel } from "../panels/panel";
import { layers } from "../picture/layers";
import { tools } from "../picture/tools";
import type { Viewer } from "../picture/viewer";
import { type Store, toggled } from "../state/store";
import { helpSheet } from "../ui/help";
import { toggleLegend } from "./legend-room";

const panStep = 60;

/** What keys do that the store alone cannot. */
export interface Commands {
  readonly store: Store;
  readonly viewer: Pick<Viewer, "stage" | "camera" | "fit" | "zoomTo" | "hovered" | "nearestToMiddle">;
  readonly panels: readonly Panel[];
  readonly timeBand: { togglePlay(): void; step(by: number): void };
  /** The colouring after the current one. */
  nextColoring(): string | null;
  show(panel: string): void;
  focus(id: number): void;
  stepSample(by: number): void;
  select(ids: readonly number[], how: "add" | "subtract"): void;
  undoSelection(): void;
  switchTheme(): void;
  escape(): void;
}

/** Every key of the page, and the sheet that tells of them. */
export class Keyboard {
  readonly help: HTMLDialogElement;

  constructor(private readonly app: Commands) {
    this.help = helpSheet(this.sheet());
    document.addEventListener("keydown", (event) => this.key(event));
  }

  private key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || this.help.open) return;
    const typing =
      /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) && (target as HTMLInputElement).type !== "checkbox";
    if (typing) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if ((event.key === " " || event.key === "Enter") && /^(BUTTON|A|SUMMARY|INPUT)$/.test(target.tagName))
      return;
    const action = this.actions(target === this.app.viewer.stage.canvas)[event.key] ?? this.letter(event);
    if (!action) return;
    event.preventDefault();
    action();
  }

  private actions(inPicture: boolean): Record<string, () => void> {
    const { app } = this;
    const { viewer, timeBand } = app;
    return {
      " ": () => timeBand.togglePlay(),
      ",": () => timeBand.step(-1),
      ".": () => timeBand.step(1),
      "+": () => viewer.camera.zoom(1.4),
      "=": () => viewer.camera.zoom(1.4),
      "-": () => viewer.camera.zoom(1 / 1.4),
      "0": () => viewer.fit(),
      "?": () => this.help.showModal(),
      "/": () => {
        app.show("search");
        requestAnimationFrame(() => document.querySelector<HTMLElement>("textarea.condition")?.focus());
      },
      "[": () => app.stepSample(-1),
      "]": () => app.stepSample(1),
      Escape: () => app.escape(),
      ...(inPicture
        ? {
            ArrowLeft: () => viewer.camera.pan(panStep, 0),
            ArrowRight: () => viewer.camera.pan(-panStep, 0),
            ArrowUp: () => viewer.camera.pan(0, panStep),
            ArrowDown: () => viewer.camera.pan(0, -panStep),
            Enter: () => {
              const id = viewer.nearestToMiddle();
              if (id >= 0) app.focus(id);
            },
          }
        : {}),
    };
  }

  private letter(event: KeyboardEvent): (() => void) | undefined {
    const { app } = this;
    const { store, viewer } = app;
    const key = event.key.toLowerCase();
    if (event.shiftKey) return undefined;
    const layer = layers.find((l) => l.key === key);
    if (layer) return () => store.set({ layers: toggled(store.state.layers, layer.layer) });
    const tool = tools.find((t) => t.key === key);
    if (tool) return () => store.set({ tool: tool.tool });
    const panel = /^[1-9]$/.test(key) ? app.panels[Number(key) - 1] : undefined;
    if (panel) return () => app.show(panel.id);
    const aimed = () => [viewer.hovered?.id ?? store.state.focus].filter((id) => id >= 0);
    const letters: Record<string, () => void> = {
      l: () => toggleLegend(store),
      z: () => viewer.zoomTo(store.state.selection.length ? store.state.selection : aimed()),
      u: () => app.undoSelection(),
      a: () => app.select(aimed(), "add"),
      s: () => app.select(aimed(), "subtract"),
      m: () => app.switchTheme(),
      c: () => {
        const next = app.nextColoring();
        if (next) store.set({ colorBy: next, solo: [] });
      },
    };
    return letters[key];
  }

  private sheet() {
    return [
      {
        title: "Time",
        keys: [
          ["Space", "play, pause"],
          [", .", "previous, next epoch"],
          ["← →", "step, on the time band; with Shift a tenth"],
          ["Home End", "first, last epoch, on the time band"],
          ["Shift drag", "on the time band: range to play; double-click removes it"],
        ],
      },
      {
        title: "Picture",
        keys: [
          ["← ↑ → ↓", "move, on the picture"],
          ["+ -", "closer, farther"],
          ["0", "fit"],
          ["Z", "zoom to the selection"],
          ["C", "next colouring"],
          ["M", "dark, light"],
          ["L", "legend"],
        ],
      },
      { title: "Layers", keys: layers.map((l) => [l.key.toUpperCase(), l.name] as const) },
      { title: "Pointer", keys: tools.map((t) => [t.key.toUpperCase(), t.name] as const) },
      {
        title: "Samples",
        keys: [
          ["Enter", "on the picture: open the sample nearest to its middle"],
          ["[ ]", "previous, next sample, of the selection if there is one"],
          ["A S", "add to, take from the selection"],
          ["Shift click", "add to the selection; Alt takes away, also with box and lasso"],
          ["U", "undo the selection"],
          ["Esc", "close, deselect"],
        ],
      },
      {
        title: "Panels",
        keys: [
          ...this.app.panels.map((p, k) => [String(k + 1), p.title] as const),
          ["/", "write a condition"] as const,
          ["?", "this sheet"] as const,
        ],
      },
    ] as const;
  }
}
