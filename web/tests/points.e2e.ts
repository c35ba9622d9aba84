import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import {
  fashion,
  freeSample,
  inPage,
  launch,
  onPage,
  openPage,
  openPanel,
  pictureBox,
  ready,
  sampleColors,
  samplePlace,
  serve,
} from "./browser";

/** How many of the picture's places change when `act` is done. */
async function changedBy(page: Page, act: () => Promise<unknown>): Promise<number> {
  const before = await sampleColors(page, 70);
  await act();
  await ready(page);
  const after = await sampleColors(page, 70);
  return after.filter((c, i) => c !== before[i]).length;
}

describe("layers, colours and groups", () => {
  let page: Page;
  const runs = [
    fashion,
    { ...fashion, name: "active", active: true },
    { ...fashion, name: "many", classes: 1000 },
  ];
  onPage(runs, (opened) => {
    page = opened.page;
  });

  const layer = (name: string) =>
    page
      .locator(".dock.left label.check")
      .filter({ has: page.locator(".name", { hasText: new RegExp(`^${name}$`) }) })
      .locator("input");

  it("switches territory, points and names on and off", async () => {
    expect(await changedBy(page, () => layer("Territory").uncheck())).toBeGreaterThan(500);
    await layer("Territory").check();
    expect(await changedBy(page, () => layer("Points").uncheck())).toBeGreaterThan(20);
    await layer("Points").check();
    // Names are placed after a frame.
    await ready(page);
    expect(await page.locator(".class-name:visible").count()).toBeGreaterThan(6);
    await layer("Class names").uncheck();
    await ready(page);
    expect(await page.locator(".class-name:visible").count()).toBe(0);
    await layer("Class names").check();
  });

  it("asks for the territory at the resolution chosen", async () => {
    const asked = page.waitForRequest(/territory\?size=64/);
    await page.getByLabel("Territory cells").selectOption("64");
    await asked;
    await page.getByLabel("Territory cells").selectOption("0");
  });

  it("keeps one extent for all epochs", async () => {
    const extents = await inPage(page, async (app) => {
      const out: string[] = [];
      for (const time of [0, 3, 7]) {
        app.store.set({ time });
        await app.viewer.main.load(time);
        out.push(JSON.stringify([app.viewer.main.scene.view, app.data.view.extent]));
      }
      return out;
    });
    expect(new Set(await extents).size).toBe(1);
    await ready(page);
  });

  it("colours by every column there is, with a legend for each", async () => {
    const options = await page
      .getByLabel("Colour by")
      .locator("option")
      .evaluateAll((all) => all.map((o) => (o as HTMLOptionElement).value));
    expect(options).toContain("column:uncertainty");
    for (const option of options) {
      await page.getByLabel("Colour by").selectOption(option);
      await ready(page);
      expect(await page.locator(".legend-entries > *").count(), option).toBeGreaterThan(0);
    }
    await page.getByLabel("Colour by").selectOption("confidence");
    await page.locator("canvas.ramp").waitFor();
    expect(await page.locator(".ramp-ends").textContent()).toBe("01");
    await page.getByLabel("Colour by").selectOption("label");
  });

  it("solos a legend entry, adds another with shift, and shows all again", async () => {
    const entry = (name: string) => page.locator(".entry", { hasText: name });
    await entry("Sandal").click();
    const visible = () =>
      inPage(page, (app) => {
        const pane = app.viewer.main;
        const seen = new Set<number>();
        for (let i = 0; i < pane.data.count; ++i) if (pane.isVisible(i)) seen.add(pane.data.labels[i]);
        return [...seen].sort();
      });
    expect(await visible()).toEqual([5]);
    await entry("Bag").click({ modifiers: ["Shift"] });
    expect(await visible()).toEqual([5, 8]);
    expect(
      await changedBy(page, () => page.getByRole("button", { name: "Remove: legend filter" }).click()),
    ).toBeGreaterThan(20);
    expect((await visible()).length).toBe(10);
  });

  it("rings wrong predictions in the other class's colour", async () => {
    const id = await inPage(page, (app) => {
      const pane = app.viewer.main;
      const wrong = (i: number) => pane.data.labels[i] !== pane.epoch.predictions[i];
      for (let i = 0; i < pane.data.count; ++i) {
        const [x, y] = pane.scene.place(i);
        if (wrong(i) && pane.picker.pick(x, y, 0.015, (j: number) => j !== i) < 0) return i;
      }
      return -1;
    });
    expect(id).toBeGreaterThanOrEqual(0);
    await inPage(
      page,
      (app, i) => {
        app.viewer.zoomTo([i]);
        app.store.set({ layers: ["points", "rings"], pointScale: 3 });
      },
      id,
    );
    await ready(page);
    const read = await inPage(
      page,
      (app, i) => {
        const { stage } = app.viewer;
        stage.draw();
        const copy = document.createElement("canvas");
        copy.width = stage.canvas.width;
        copy.height = stage.canvas.height;
        const context = copy.getContext("2d")!;
        context.drawImage(stage.canvas, 0, 0);
        const p = app.viewer.screenOf(i);
        const line: string[] = [];
        for (let dx = 0; dx < 40; ++dx)
          line.push(
            [...context.getImageData(Math.round(p.x + dx), Math.round(p.y), 1, 1).data.slice(0, 3)].join(" "),
          );
        const pane = app.viewer.main;
        const legend = pane.legend.entries;
        return {
          line,
          label: legend[pane.data.labels[i]].color.join(" "),
          prediction: legend[pane.epoch.predictions[i]].color.join(" "),
        };
      },
      id,
    );
    expect(read.line[0]).toBe(read.label);
    expect(read.line).toContain(read.prediction);
    await inPage(page, (app) => {
      app.viewer.fit();
      app.store.set({
        layers: ["territory", "points", "names", "rings", "trails", "neighbors"],
        pointScale: 1,
      });
    });
  });

  it("shows and hides groups, each with its glyph", async () => {
    const shapes = await inPage(page, (app) => {
      const { groups } = app.data.run;
      return groups.map((g: { begin: number }) => app.data.plot.shapes[g.begin]);
    });
    expect(new Set(shapes).size).toBe(3);
    await layer("train").uncheck();
    expect(await inPage(page, (app) => app.viewer.main.isVisible(0))).toBe(false);
    await layer("train").check();
    expect(await inPage(page, (app) => app.viewer.main.isVisible(0))).toBe(true);
  });

  it("marks newly selected samples and those not in the training set, on top of the others", async () => {
    await page.getByRole("combobox", { name: "Run" }).selectOption({ label: "active" });
    await page.waitForFunction(() => (window as any).dvi.data?.run.name === "active");
    await inPage(page, (app) => app.goToEpoch(4));
    await ready(page);
    await page.locator(".dock.left label.check", { hasText: "newly selected" }).waitFor();
    await page.waitForFunction(() => {
      const fresh = (window as any).dvi.viewer.main.fresh as Uint8Array | null;
      return fresh?.includes(2) && fresh.includes(1);
    });
    const last = await inPage(page, (app) => {
      const { fresh, scene } = app.viewer.main;
      const order = scene.points.geometry.getIndex().array;
      return fresh[order[order.length - 1]];
    });
    expect(last).toBe(2);
    await layer("newly selected").uncheck();
    const hidden = await inPage(page, (app) => {
      const { fresh } = app.viewer.main;
      return app.viewer.main.isVisible(fresh.indexOf(2));
    });
    expect(hidden).toBe(false);
    await layer("newly selected").check();
  });

  it("gives 1,000 classes colours and a legend that scrolls", async () => {
    await page.getByRole("combobox", { name: "Run" }).selectOption({ label: "many" });
    await page.waitForFunction(() => (window as any).dvi.data?.run.name === "many");
    await ready(page);
    expect(await page.locator(".entry").count()).toBe(1000);
    const colors = await page
      .locator(".entry .swatch")
      .evaluateAll((all) => all.map((e) => (e as HTMLElement).style.backgroundColor));
    expect(new Set(colors).size).toBeGreaterThan(950);
    await page.getByRole("combobox", { name: "Run" }).selectOption({ label: "fashion-mnist" });
    await page.waitForFunction(() => (window as any).dvi.data?.run.name === "fashion-mnist");
    await ready(page);
  });

  it("shows boundary samples and tells how they were made", async () => {
    expect(await changedBy(page, () => layer("Boundary samples").check())).toBeGreaterThan(5);
    expect(
      await page.locator(".dock.left label.check", { hasText: "Boundary samples" }).getAttribute("title"),
    ).toContain("mixing pairs of samples in input space");
    await layer("Boundary samples").uncheck();
  });

  it("draws a trail whose strokes grow towards the present", async () => {
    const id = await freeSample(page, 100);
    const at = await samplePlace(page, id);
    await page.mouse.move(at.x, at.y);
    await page.waitForFunction((i) => (window as any).dvi.viewer.mainOverlays.trailData?.ids[0] === i, id);
    const widths = await inPage(page, (app) => {
      const g = app.viewer.main.scene.trails.geometry;
      return { count: g.instanceCount, strokes: [...g.getAttribute("stroke").array] as number[] };
    });
    expect(widths.count).toBe(7);
    expect(widths.strokes[18]).toBeGreaterThan(widths.strokes[0]!);
    await page.mouse.move(at.x, 4);
  });

  it("joins neighbours of both spaces by different strokes and marks those that are absent in the other", async () => {
    const id = await freeSample(page, 200);
    await inPage(page, (app, i) => app.focus(i), id);
    await page.waitForFunction(() => (window as any).dvi.viewer.main.scene.linkList.length === 30);
    await ready(page);
    const links = await inPage(
      page,
      (app) => app.viewer.main.scene.linkList as { dash: number; color: number[] }[],
    );
    expect(links.filter((l) => l.dash > 0).length).toBe(15);
    expect(new Set(links.map((l) => l.color.slice(0, 3).join())).size).toBe(2);
    expect(await page.locator(".neighbor.missing").count()).toBeGreaterThan(0);
    await page.keyboard.press("Escape");
  });

  it("overlays where the picture is not to be trusted", async () => {
    expect(await changedBy(page, () => layer("Trust overlay").check())).toBeGreaterThan(300);
    const marked = await inPage(page, (app) => {
      const { flags, shown } = app.viewer.main;
      const s = shown.samples;
      let doubt = 0;
      let expected = 0;
      for (let i = 0; i < flags.length; ++i) {
        if (flags[i] & 8) doubt++;
        if (s.roundTrip[i] !== s.predictions[i]) expected++;
      }
      return { doubt, expected, hollow: flags.some((f: number) => f & 16) };
    });
    expect(marked.doubt).toBe(marked.expected);
    expect(marked.doubt).toBeGreaterThan(0);
    expect(marked.hollow).toBe(true);
    await layer("Trust overlay").uncheck();
  });

  it("hatches what changed class since a reference epoch and tells which samples crossed", async () => {
    await openPanel(page, "Compare");
    expect(await changedBy(page, () => page.getByLabel("Reference").selectOption("2"))).toBeGreaterThan(200);
    await page.getByText(/% of the territory changed class between epoch 2 and 8/).waitFor();
    const crossed = await inPage(page, (app) => app.viewer.mainOverlays.crossed.length);
    expect(crossed).toBeGreaterThan(0);
    expect(await page.locator(".panel.compare .found").textContent()).toContain(
      crossed.toLocaleString("en-US"),
    );
    await page.getByLabel("Reference").selectOption("-1");
  });

  it("says what the classifier predicts at an empty place, with the nearest samples", async () => {
    const box = await pictureBox(page);
    const empty = await inPage(page, (app) => {
      const { camera, main: pane } = app.viewer;
      const { width, height } = camera.size(pane);
      for (let y = 30; y < height; y += 10)
        for (let x = 30; x < width; x += 10)
          if (camera.sampleAt({ pane, local: { x, y } }, 14) < 0) return { x, y };
      return null;
    });
    await page.mouse.click(box.x + empty!.x, box.y + empty!.y);
    const popover = page.locator(".popover");
    await popover.waitFor();
    expect(await popover.textContent()).toMatch(/class.*%.*margin.*nearest samples/);
    const rows = popover.locator(".neighbor-row");
    expect(await rows.first().locator(".neighbor").count()).toBe(5);
    await popover.getByText("nearest to what is decoded here").waitFor();
    expect(await rows.last().locator(".neighbor").count()).toBe(6);
    await page.keyboard.press("Escape");
    expect(await popover.isVisible()).toBe(false);
  });
});

describe("from one sample to many", () => {
  it.each([
    [1, 2],
    [70_000, 10],
  ])("draws and picks %i samples", async (samples, classes) => {
    const mock = await serve({ name: "n", samples, classes, epochs: 2 });
    const browser = await launch();
    try {
      const { page, errors } = await openPage(browser, mock.url);
      const id = await inPage(page, (app) => {
        const pane = app.viewer.main;
        const [x, y] = pane.scene.place(0);
        return pane.picker.pick(x, y, 0.001, (i: number) => i === 0);
      });
      expect(id).toBe(0);
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
      await mock.close();
    }
  });
});
