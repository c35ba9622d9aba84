import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { fashion, inPage, onPage, ready } from "./browser";

// What the picture says must not need colour: everything here is read from luminance alone.

interface Patch {
  side: number;
  grey: number[];
}

/** Luminance of a square of the canvas, `side` device pixels wide, around a place in CSS pixels. */
function patch(page: Page, x: number, y: number, side: number): Promise<Patch> {
  return inPage(
    page,
    (app, at) => {
      app.viewer.stage.draw();
      const source = app.viewer.stage.canvas as HTMLCanvasElement;
      const copy = document.createElement("canvas");
      copy.width = at.side;
      copy.height = at.side;
      const context = copy.getContext("2d", { willReadFrequently: true })!;
      const half = at.side / 2;
      context.drawImage(source, half - Math.round(at.x), half - Math.round(at.y));
      const { data } = context.getImageData(0, 0, at.side, at.side);
      const grey: number[] = [];
      for (let i = 0; i < data.length; i += 4)
        grey.push(0.299 * data[i]! + 0.587 * data[i + 1]! + 0.114 * data[i + 2]!);
      return { side: at.side, grey };
    },
    { x, y, side },
  );
}

/** Which pixels of a patch differ from its corner, which is the bare ground. */
const inked = ({ grey }: Patch) => grey.map((v) => Math.abs(v - grey[0]!) > 12);
const area = (mask: boolean[]) => mask.filter(Boolean).length;
const spread = ({ grey }: Patch) => {
  const mean = grey.reduce((a, b) => a + b) / grey.length;
  return Math.sqrt(grey.reduce((sum, v) => sum + (v - mean) ** 2, 0) / grey.length);
};

describe("without colour", () => {
  let page: Page;
  onPage([fashion], (opened) => {
    page = opened.page;
  });

  /** The glyph of one sample, alone in the middle of the bare picture. */
  async function glyph(id: number): Promise<Patch> {
    const at = await inPage(
      page,
      (app, sample) => {
        const pane = app.viewer.main;
        app.store.set({ layers: ["points", "rings"], pointScale: 2.5 });
        const mask = new Uint8Array(pane.data.count);
        mask[sample] = 1;
        pane.setFilter(mask);
        app.viewer.zoomTo([sample]);
        return app.viewer.screenOf(sample) as { x: number; y: number };
      },
      id,
    );
    return patch(page, at.x, at.y, 64);
  }

  it("tells groups apart by their glyphs", async () => {
    const ids = await inPage(page, (app) => {
      const { labels, epoch, data } = {
        ...app.viewer.main,
        labels: app.data.labels,
        epoch: app.viewer.main.epoch,
        data: app.data,
      };
      return data.run.groups.map((g: { begin: number; count: number }) => {
        for (let i = g.begin; i < g.begin + g.count; ++i) if (epoch.predictions[i] === labels[i]) return i;
        return -1;
      }) as number[];
    });
    expect(ids.length).toBe(3);
    const masks: boolean[][] = [];
    for (const id of ids) masks.push(inked(await glyph(id)));
    for (const [a, one] of masks.entries()) {
      expect(area(one)).toBeGreaterThan(60);
      for (const other of masks.slice(a + 1))
        expect(one.filter((v, i) => v !== other[i]).length / area(one)).toBeGreaterThan(0.1);
    }
  });

  it("tells wrong predictions from right ones by size, and in their own colouring by lightness", async () => {
    const [right, wrong] = await inPage(page, (app) => {
      const { epoch, data } = app.viewer.main;
      const find = (ok: boolean) => {
        for (let i = 0; i < data.run.groups[0].count; ++i)
          if ((epoch.predictions[i] === data.labels[i]) === ok) return i;
        return -1;
      };
      return [find(true), find(false)];
    });
    for (const coloring of ["label", "correct"]) {
      await page.getByLabel("Colour by").selectOption(coloring);
      const [a, b] = [await glyph(right!), await glyph(wrong!)];
      expect(area(inked(b)) / area(inked(a)), coloring).toBeGreaterThan(1.4);
      const middle = ({ grey, side }: Patch) => grey[(side / 2) * side + side / 2]!;
      if (coloring === "correct") expect(Math.abs(middle(a) - middle(b))).toBeGreaterThan(40);
    }
    await page.getByLabel("Colour by").selectOption("label");
  });

  it("names the territories where they are, and shows their borders as the lightest ground", async () => {
    await inPage(page, (app) => {
      app.viewer.main.setFilter(null);
      app.store.set({ layers: ["territory", "names"], camera: null, pointScale: 1 });
    });
    await ready(page);
    const read = await inPage(page, (app) => {
      const pane = app.viewer.main;
      const land = pane.data.peekLandscape(app.epoch, pane.data.view.territory.size);
      const [x0, y0, x1, y1] = pane.data.view.extent;
      const view = pane.scene.view;
      const box = app.viewer.element.getBoundingClientRect();
      const cellAt = (x: number, y: number) => {
        const px = view.cx + (x - box.width / 2) * view.ux;
        const py = view.cy - (y - box.height / 2) * view.uy;
        const column = Math.floor(((px - x0) / (x1 - x0)) * land.size);
        const row = Math.floor(((py - y0) / (y1 - y0)) * land.size);
        return row < 0 || column < 0 || row >= land.size || column >= land.size
          ? -1
          : row * land.size + column;
      };
      const names = [...document.querySelectorAll<HTMLElement>(".class-name")]
        .filter((e) => !e.hidden)
        .map((e) => {
          const r = e.getBoundingClientRect();
          const cell = cellAt(r.left + r.width / 2 - box.left, r.top + r.height / 2 - box.top);
          return [e.textContent, pane.data.classes[land.classes[cell]]];
        });
      const places: { x: number; y: number; margin: number }[] = [];
      for (let y = 20; y < box.height - 20; y += 3)
        for (let x = 20; x < box.width - 20; x += 3) {
          const cell = cellAt(x, y);
          if (cell >= 0) places.push({ x, y, margin: land.margin[cell] });
        }
      return { names, places, width: Math.round(box.width), height: Math.round(box.height) };
    });
    expect(read.names.length).toBeGreaterThan(6);
    for (const [name, territory] of read.names) expect(name).toBe(territory);
    const side = 2 * Math.ceil(Math.max(read.width, read.height) / 2);
    const whole = await patch(page, side / 2, side / 2, side);
    const lightness = (want: (margin: number) => boolean) => {
      const found = read.places.filter((p) => want(p.margin)).map((p) => whole.grey[p.y * side + p.x]!);
      expect(found.length).toBeGreaterThan(20);
      return found.reduce((a, b) => a + b) / found.length;
    };
    expect(lightness((m) => m < 8) - lightness((m) => m > 200)).toBeGreaterThan(15);
  });

  it("draws lines of the two spaces solid and dashed", async () => {
    const ends = await inPage(page, (app) => {
      const pane = app.viewer.main;
      app.store.set({ layers: [] });
      const far = [...Array(300).keys()].map((i) => app.viewer.screenOf(i) as { x: number; y: number });
      const to = far.findIndex((p) => Math.hypot(p.x - far[0]!.x, p.y - far[0]!.y) > 150);
      const link = (dash: number) => [{ from: 0, to, color: [0, 0, 0, 1], width: 2, dash }];
      (window as any).drawLink = (dash: number) => pane.scene.setLinks(link(dash));
      return [far[0]!, far[to]!];
    });
    const strokes = async (dash: number) => {
      await inPage(page, (_, d) => (window as any).drawLink(d), dash);
      const side = 160;
      const [a, b] = [ends[0]!, ends[1]!];
      const length = Math.hypot(b.x - a.x, b.y - a.y);
      const unit = { x: (b.x - a.x) / length, y: (b.y - a.y) / length };
      const middle = { x: Math.round(a.x + unit.x * 70), y: Math.round(a.y + unit.y * 70) };
      const { grey } = await patch(page, middle.x, middle.y, side);
      let changes = 0;
      let before = true;
      for (let k = 10; k < 130; ++k) {
        const x = Math.round(a.x + unit.x * k) - middle.x + side / 2;
        const y = Math.round(a.y + unit.y * k) - middle.y + side / 2;
        let least = 255;
        for (let dy = -1; dy <= 1; ++dy)
          for (let dx = -1; dx <= 1; ++dx) least = Math.min(least, grey[(y + dy) * side + x + dx]!);
        if (least < 130 !== before) {
          changes++;
          before = !before;
        }
      }
      return changes;
    };
    expect(await strokes(0)).toBe(0);
    expect(await strokes(4)).toBeGreaterThan(12);
    await inPage(page, (app) => app.viewer.main.scene.setLinks([]));
  });

  it("hatches ground that changed class, and leaves the rest plain", async () => {
    await inPage(page, (app) =>
      app.store.set({ layers: ["territory", "diff"], reference: 2, camera: null, panel: "compare" }),
    );
    await page.getByText(/% of the territory changed class/).waitFor();
    await ready(page);
    const [changed, same] = await inPage(page, (app) => {
      const pane = app.viewer.main;
      const { size } = pane.data.view.territory;
      const a = pane.data.peekLandscape(2, size);
      const b = pane.data.peekLandscape(app.epoch, size);
      const [x0, y0, x1, y1] = pane.data.view.extent;
      const { view } = pane.scene;
      const box = app.viewer.element.getBoundingClientRect();
      const reach = Math.ceil((9 * Math.max(view.ux, view.uy) * size) / (x1 - x0));
      // The middle of ground that is of one kind all around and far from any border.
      const find = (want: boolean) => {
        for (let row = reach; row < size - reach; ++row)
          for (let column = reach; column < size - reach; ++column) {
            const here = row * size + column;
            let fits = true;
            for (let dy = -reach; dy <= reach && fits; ++dy)
              for (let dx = -reach; dx <= reach && fits; ++dx) {
                const cell = here + dy * size + dx;
                fits = (a.classes[cell] !== b.classes[cell]) === want && b.margin[cell] > 60;
              }
            if (!fits) continue;
            const x = (x0 + ((column + 0.5) / size) * (x1 - x0) - view.cx) / view.ux + box.width / 2;
            const y = box.height / 2 - (y0 + ((row + 0.5) / size) * (y1 - y0) - view.cy) / view.uy;
            if (x > 12 && y > 12 && x < box.width - 12 && y < box.height - 12) return { x, y };
          }
        return null;
      };
      return [find(true), find(false)];
    });
    const [hatched, plain] = [
      await patch(page, changed!.x, changed!.y, 14),
      await patch(page, same!.x, same!.y, 14),
    ];
    expect(spread(hatched)).toBeGreaterThan(20);
    expect(spread(plain)).toBeLessThan(8);
  });
});
