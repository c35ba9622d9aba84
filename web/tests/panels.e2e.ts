import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import {
  fashion,
  freeSample,
  hold,
  inPage,
  type Mock,
  onPage,
  openPage,
  openPanel,
  pictureBox,
  ready,
  samplePlace,
} from "./browser";

describe("panels", () => {
  let mock: Mock;
  let browser: Browser;
  let page: Page;
  const runs = [
    { ...fashion, samples: 4000 },
    { ...fashion, samples: 4000, name: "other-seed", seed: 3 },
  ];
  // The one bad condition that a test asks for.
  onPage(
    runs,
    (opened) => {
      ({ page, mock, browser } = opened);
    },
    /status of 400/,
  );

  const state = <T>(f: (app: any) => T) => inPage(page, f);
  const clear = () =>
    inPage(page, (app) =>
      app.store.set({ selection: [], focus: -1, filter: "", shown: null, acrossEpochs: "keep", panel: null }),
    );

  it("opens with what happened; a click shows the scene, a sample its card and who pushed it, and all can be dismissed", async () => {
    await page.locator(".finding").first().waitFor();
    expect(await page.locator(".finding").count()).toBe(2);
    await page.locator(".finding-text").first().click();
    await page.waitForFunction(() => (window as any).dvi.store.state.selection.length > 0);
    expect(await state((app) => app.store.state.colorBy)).toBe("correct");
    await page.locator(".finding-sample").first().click();
    await page.getByRole("button", { name: "Why", exact: true }).click();
    const changes = await state((app) => {
      const id = app.store.state.focus;
      return app.data.fitted.length > 0 && id >= 0;
    });
    expect(changes).toBe(true);
    await page.locator(".pusher, .why .hint").first().waitFor();
    await page.getByRole("button", { name: "About", exact: true }).click();
    expect(await state((app) => app.store.state.pushers)).toEqual([]);
    await inPage(page, (app) => app.store.set({ panel: "findings", focus: -1 }));
    await page.getByRole("button", { name: "Dismiss" }).first().click();
    expect(await page.locator(".finding").count()).toBe(1);
    await page.getByRole("button", { name: "Show 1 dismissed" }).click();
    expect(await page.locator(".finding").count()).toBe(2);
    await clear();
  });

  it("offers common mistakes, and a click on one finds its samples and tells when it began", async () => {
    await inPage(page, (app) => app.store.set({ panel: "search" }));
    await page.locator(".mistake").first().waitFor();
    const text = (await page.locator(".mistake").first().textContent())!;
    const count = Number(/(\d[\d,]*)$/.exec(text)![1]!.replace(",", ""));
    await page.locator(".mistake").first().click();
    await page.getByText(/Began at/).waitFor();
    expect(await page.locator(".panel.search .found").textContent()).toContain(`${count} samples at epoch 8`);
    expect(await state((app) => app.store.state.selection.length)).toBe(count);
  });

  it("finds shirts taken for T-shirts with high confidence at the last epoch by the form", async () => {
    await page.getByRole("button", { name: "Clear" }).click();
    await page.locator("#form-label").selectOption("T-shirt/top");
    await page.getByLabel("Predicted as").selectOption("Shirt");
    await page.getByLabel("Confidence from").fill("0.5");
    expect(await page.getByLabel("Condition").inputValue()).toBe(
      "label = 'T-shirt/top' and prediction = 'Shirt' and confidence >= 0.5",
    );
    await page.getByRole("button", { name: "Search", exact: true }).first().press("Enter");
    await page.getByText(/Began at/).waitFor();
    const right = await state((app) => {
      const { labels, classes } = app.data;
      const e = app.viewer.main.epoch;
      return app.store.state.selection.every(
        (i: number) =>
          classes[labels[i]] === "T-shirt/top" &&
          classes[e.predictions[i]] === "Shirt" &&
          e.samples.confidence[i] >= 127,
      );
    });
    expect(right).toBe(true);
    await page.locator(".count-bar").nth(2).click();
    await page.waitForFunction(() => (window as any).dvi.epoch === 3);
    await ready(page);
  });

  it("keeps the ids found, or evaluates again at each epoch", async () => {
    const kept = await state((app) => app.store.state.selection.join());
    await page.getByLabel("Evaluate again at each epoch").check();
    await page.waitForFunction((before) => (window as any).dvi.store.state.selection.join() !== before, kept);
    await inPage(page, (app) => app.goToEpoch(5));
    await ready(page);
    await page.waitForFunction(() => {
      const app = (window as any).dvi;
      const want = app.queries.found.byEpoch.get(5);
      return app.epoch === 5 && app.store.state.selection.join() === want.join();
    });
    await page.getByLabel("Evaluate again at each epoch").uncheck();
    await inPage(page, (app) => app.goToEpoch(8));
    await ready(page);
  });

  it("runs a condition as text, says what is wrong with a bad one, and lists 1,000s of rows with few elements", async () => {
    const box = page.getByLabel("Condition");
    await box.fill("confidence > nonsense");
    await box.press("Enter");
    await page.locator(".panel.search .problem:visible").waitFor();
    expect(await page.locator(".panel.search .problem").textContent()).toContain('no column "nonsense"');
    await box.fill("confidence > 0.1 and not is_noisy_id");
    await box.press("Enter");
    await page.waitForFunction(() => (window as any).dvi.store.state.selection.length > 3000);
    await ready(page);
    const rows = page.locator(".panel.search .virtual-row");
    await rows.first().waitFor();
    expect(await rows.count()).toBeLessThan(40);
    const list = page.getByRole("listbox", { name: "Samples found" });
    await list.focus();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    expect(await state((app) => app.store.state.focus)).toBe(
      await state((app) => app.queries.current.at(-1)),
    );
  });

  it("hides all but what a filter keeps, at each epoch anew if asked", async () => {
    await page.getByLabel("Condition").fill("label = 'Bag'");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.locator(".status-chip", { hasText: "shown" }).waitFor();
    await page.waitForFunction(() => (window as any).dvi.queries.filterCount > 0);
    await ready(page);
    const seen = await state((app) => {
      const pane = app.viewer.main;
      const out = new Set<string>();
      for (let i = 0; i < pane.data.count; ++i)
        if (pane.isVisible(i)) out.add(pane.data.classes[pane.data.labels[i]]);
      return [...out];
    });
    expect(seen).toEqual(["Bag"]);
    await page.getByRole("button", { name: "Show all" }).first().click();
    await page.waitForFunction(
      () => (window as any).dvi.viewer.main.isVisible(0) && (window as any).dvi.viewer.main.isVisible(1),
    );
  });

  it("shows what was asked for last, whichever answer comes first", async () => {
    const release = await hold(page, "**/query");
    const box = page.getByLabel("Condition");
    for (const name of ["Bag", "Sandal"]) {
      await box.fill(`label = '${name}'`);
      await box.press("Enter");
    }
    await page.waitForFunction(() => (window as any).dvi.queries.found?.where === "label = 'Sandal'");
    release();
    await ready(page);
    expect(await state((app) => app.queries.found.where)).toBe("label = 'Sandal'");
  });

  it("shows the run chosen last, whichever comes first", async () => {
    const release = await hold(page, "**/runs/1");
    const choose = (name: string) =>
      page.getByRole("combobox", { name: "Run" }).selectOption({ label: name });
    await choose("other-seed");
    await choose("fashion-mnist");
    release();
    await ready(page);
    expect(
      await state((app) => [app.data.run.name, app.viewer.main.data === app.data, app.store.state.time]),
    ).toEqual(["fashion-mnist", true, 7]);
  });

  it("saves queries and runs them again", async () => {
    await page.getByLabel("Condition").fill("boundary = 1");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByLabel("Condition").fill("");
    await page.locator(".saved .link", { hasText: "boundary = 1" }).click();
    await page.waitForFunction(() => (window as any).dvi.queries.found?.where === "boundary = 1");
    await ready(page);
    await page.getByRole("button", { name: "Forget boundary = 1" }).click();
    expect(await page.locator(".saved").count()).toBe(0);
    await page.getByRole("button", { name: "Clear" }).click();
    await clear();
  });

  it("opens a sample's card with image, bars, history and neighbours", async () => {
    const id = await freeSample(page, 20);
    const at = await samplePlace(page, id);
    await page.mouse.click(at.x, at.y);
    const card = page.locator(".panel.card");
    await card.getByText(`Sample #${id}`).waitFor();
    expect(await card.locator(".bar-row").count()).toBe(5);
    expect(await card.locator(".history .cell").count()).toBe(8);
    expect(await card.locator(".neighbor").count()).toBe(30);
    await page.waitForFunction(
      () => (document.querySelector(".card-image") as HTMLImageElement).naturalWidth === 28,
    );
    expect(await card.textContent()).toMatch(/Label.*Predicted.*Confidence.*Margin.*Uncertainty/);
    await card.locator(".history .cell").nth(1).click();
    await page.waitForFunction(() => (window as any).dvi.epoch === 2);
    await inPage(page, (app) => app.goToEpoch(8));
    // The card is made anew for each epoch; a click in the middle of that is lost.
    await ready(page);
    await card.getByText("Most likely at epoch 8").waitFor();
    await card.locator(".neighbor").nth(3).click();
    await page.waitForFunction((before) => (window as any).dvi.store.state.focus !== before, id);
    const noisy = await state((app) =>
      Array.from({ length: 4000 }, (_, i) => i).find((i) => app.data.plot.labels[i] !== undefined && i > 300),
    );
    expect(noisy).toBeDefined();
  });

  it("shows the original label of a sample whose label is noisy", async () => {
    const id = await page.evaluate(async () => {
      const column = new Float32Array(await (await fetch("api/runs/0/columns/is_noisy")).arrayBuffer());
      return column.indexOf(1);
    });
    await inPage(page, (app, i) => app.focus(i), id);
    await page.locator(".panel.card", { hasText: "Originally" }).waitFor();
    await clear();
  });

  it("selects by shift-click, box and lasso, adds, takes away, clears and undoes", async () => {
    const a = await freeSample(page, 50);
    const at = await samplePlace(page, a);
    await page.keyboard.down("Shift");
    await page.mouse.click(at.x, at.y);
    await page.keyboard.up("Shift");
    expect(await state((app) => app.store.state.selection)).toEqual([a]);
    const box = await pictureBox(page);
    const drag = async (points: [number, number][]) => {
      await page.mouse.move(points[0]![0], points[0]![1]);
      await page.mouse.down();
      for (const [x, y] of points) await page.mouse.move(x, y, { steps: 4 });
      await page.mouse.up();
    };
    const cx = box.x + box.width / 2;
    const cy = box.y + box.height / 2;
    await page.keyboard.press("x");
    await page.keyboard.down("Shift");
    await drag([
      [cx - 120, cy - 120],
      [cx, cy],
    ]);
    await page.keyboard.up("Shift");
    const boxed: number[] = await state((app) => app.store.state.selection);
    expect(boxed).toContain(a);
    expect(boxed.length).toBeGreaterThan(20);
    await page.keyboard.press("o");
    await page.keyboard.down("Alt");
    await drag([
      [cx - 130, cy - 130],
      [cx + 5, cy - 130],
      [cx + 5, cy - 60],
      [cx - 130, cy - 60],
      [cx - 130, cy - 130],
    ]);
    await page.keyboard.up("Alt");
    const less: number[] = await state((app) => app.store.state.selection);
    expect(less.length).toBeLessThan(boxed.length);
    expect(less.length).toBeGreaterThan(0);
    await page.keyboard.press("u");
    expect(await state((app) => app.store.state.selection.length)).toBe(boxed.length);
    await page.keyboard.press("v");
    await openPanel(page, "Select");
    await page.locator(".selection-head").getByText("Clear").click();
    expect(await state((app) => app.store.state.selection)).toEqual([]);
  });

  it("leaves hidden samples out of a box unless asked", async () => {
    await inPage(page, (app) => {
      app.store.set({ tool: "box", solo: [5] });
      app.viewer.camera.zoom(0.5);
    });
    const box = await pictureBox(page);
    const drag = async () => {
      await page.mouse.move(box.x + 5, box.y + 5);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width - 5, box.y + box.height - 5, { steps: 3 });
      await page.mouse.up();
      return state((app) => app.store.state.selection.length as number);
    };
    const few = await drag();
    await page.getByLabel("Box and lasso take hidden samples too").check();
    expect(await drag()).toBe(4000);
    expect(few).toBeLessThan(1000);
    expect(few).toBeGreaterThan(100);
    await page.getByLabel("Box and lasso take hidden samples too").uncheck();
    await inPage(page, (app) => app.store.set({ tool: "pan", solo: [], selection: [], camera: null }));
  });

  it("keeps named selections with the run, brings back a deleted one, and exports CSV and JSON", async () => {
    await inPage(page, (app) => app.select([3, 7, 11], "replace"));
    await page.getByLabel("Name of the selection").fill("to relabel");
    await page.locator(".panel.selection").getByRole("button", { name: "Save" }).click();
    await page.locator(".kept-row", { hasText: "to relabel" }).waitFor();
    const download = async (act: () => Promise<unknown>) => {
      const [file] = await Promise.all([page.waitForEvent("download"), act()]);
      return { name: file.suggestedFilename(), text: await readFile(await file.path(), "utf8") };
    };
    const csv = await download(() =>
      page.locator(".panel.selection").getByRole("button", { name: "CSV" }).click(),
    );
    expect(csv.text.split("\n")[0]).toBe("id,group,label,prediction,confidence");
    expect(csv.text.trim().split("\n").length).toBe(4);
    const json = await download(() =>
      page.locator(".panel.selection").getByRole("button", { name: "JSON" }).click(),
    );
    expect(JSON.parse(json.text).ids).toEqual([3, 7, 11]);
    const kept = await download(() => page.locator(".kept-row a").click());
    expect(kept.text).toContain("\n11,");
    await page.getByRole("button", { name: "Delete to relabel" }).click();
    await page.waitForFunction(() => !document.querySelector(".kept-row"));
    await page.locator(".notice").getByText("Undo").click();
    await page.locator(".kept-row", { hasText: "to relabel" }).waitFor();
    await clear();
    await openPanel(page, "Select");
    await page.locator(".kept-row .name").click();
    expect(await state((app) => app.store.state.selection)).toEqual([3, 7, 11]);
    await clear();
  });

  it("shows quality with its meaning, for train and test", async () => {
    await openPanel(page, "Quality");
    const panel = page.locator(".panel.quality");
    expect(await panel.textContent()).toMatch(/Neighbours kept.*Of a sample's 15 nearest/);
    for (const name of [
      "Prediction kept",
      "Confidence change",
      "Boundary neighbours kept",
      "Motion follows change",
    ])
      await panel.getByText(name, { exact: true }).waitFor();
    const test = await panel.locator(".measure .value").first().textContent();
    await panel.getByRole("button", { name: "Train" }).click();
    expect(await panel.locator(".measure .value").first().textContent()).not.toBe(test);
  });

  it("shows events by epoch: a click seeks, a drag chooses epochs, and they can be shown alone", async () => {
    await openPanel(page, "Events");
    const panel = page.locator(".panel.events");
    await panel.getByText(/events? at epoch 8/).waitFor();
    const strip = (await panel.locator(".strip").boundingBox())!;
    const x = (k: number) => strip.x + ((k + 0.5) / 8) * strip.width;
    await page.mouse.click(x(2), strip.y + 20);
    await page.waitForFunction(() => (window as any).dvi.epoch === 3);
    await page.mouse.move(x(1), strip.y + 20);
    await page.mouse.down();
    await page.mouse.move(x(4), strip.y + 20, { steps: 3 });
    await page.mouse.up();
    await panel.getByText(/events from epoch 2 to 5/).waitFor();
    await ready(page);
    await panel.getByText("Show only").click();
    await page.waitForFunction(() => (window as any).dvi.queries.filterCount > 0);
    const ok = await state((app) => {
      const ids = new Set(app.store.state.shown.ids);
      for (let i = 0; i < app.data.count; ++i) if (app.viewer.main.isVisible(i) !== ids.has(i)) return false;
      return true;
    });
    expect(ok).toBe(true);
    await panel.getByText("Show all").click();
    await inPage(page, (app) => app.goToEpoch(8));
    await ready(page);
  });

  it("ranks suspects with reasons, and ranks again when one is accepted or rejected", async () => {
    await openPanel(page, "Suspects");
    const rows = page.locator(".suspect");
    await rows.first().waitFor();
    const first = await rows.first().getAttribute("data-id");
    expect(await rows.first().textContent()).toMatch(/labelled .* predicted .* confidence/);
    await page.getByRole("button", { name: `Accept ${first}`, exact: true }).click();
    await page.waitForFunction(
      (id) => document.querySelector(".suspect")?.getAttribute("data-id") !== id,
      first,
    );
    const second = await rows.first().getAttribute("data-id");
    await page.getByRole("button", { name: `Reject ${second}`, exact: true }).click();
    await page.waitForFunction(
      (id) => document.querySelector(".suspect")?.getAttribute("data-id") !== id,
      second,
    );
    // Two at once, before the first is saved.
    await page.locator(".suspect .accept").evaluateAll((all: HTMLElement[]) => {
      for (const button of all.slice(0, 2)) button.click();
    });
    await page.getByText("3 accepted, 1 rejected").waitFor();
    const judged = (id: string | null) => page.locator(`.suspect[data-id="${id}"]`).count();
    // The address follows what is shown only when that has rested for a moment.
    await page.waitForFunction(() => location.hash.includes("panel=suspects"));
    await page.reload();
    await ready(page);
    await rows.first().waitFor();
    await page.getByText("3 accepted, 1 rejected").waitFor();
    expect([await judged(first), await judged(second)]).toEqual([0, 0]);
    await openPanel(page, "Select");
    await page.locator(".kept-row", { hasText: "suspects-accepted" }).waitFor();
  });

  it("puts two epochs side by side, with shared time, hover and selection", async () => {
    await openPanel(page, "Compare");
    await page.getByLabel("Beside it").selectOption("time");
    await page.waitForFunction(() => (window as any).dvi.viewer.second?.epoch);
    await page.getByLabel("At epoch").selectOption("3");
    await page.waitForFunction(() => (window as any).dvi.viewer.second.epoch.epoch === 3);
    await page.locator(".pane-caption", { hasText: "epoch 3" }).waitFor();
    expect(await page.locator(".pane-caption").allTextContents()).toEqual([
      "fashion-mnist, epoch 8",
      "fashion-mnist, epoch 3",
    ]);
    await page.getByText(/predicted differently \(epoch 8 \| epoch 3\)/).waitFor();
    const hovered = await inPage(page, (app) => {
      app.viewer.point(12);
      app.select([12, 13], "replace");
      return app.viewer.panes.map((p: any) => [
        p.scene.highlightList.some((x: any) => x.id === 12),
        p.scene.selectionCount,
      ]);
    });
    expect(hovered).toEqual([
      [true, 2],
      [true, 2],
    ]);
    await inPage(page, (app) => app.goToEpoch(7));
    await page.waitForFunction(() => (window as any).dvi.viewer.second.epoch.epoch === 2);
    await inPage(page, (app) => app.goToEpoch(8));
    await ready(page);
  });

  it("puts two runs of the same samples side by side and lists what differs", async () => {
    await page.getByLabel("Beside it").selectOption("1/default");
    await page.waitForFunction(() => (window as any).dvi.viewer.second?.data.run.name === "other-seed");
    await page.getByText(/epoch 8 \| other-seed, epoch 8/).waitFor();
    await ready(page);
    expect(await page.locator(".panel.compare .sample-row").count()).toBeGreaterThan(3);
    await page.getByLabel("Beside it").selectOption("");
    await page.waitForFunction(() => (window as any).dvi.viewer.second === null);
    await clear();
  });

  it("restores epoch, camera, colours, filter and selection from a link", async () => {
    await inPage(page, (app) => {
      app.store.set({
        colorBy: "confidence",
        filter: "label = 'Bag'",
        filterEpoch: 8,
        selection: [1, 2, 3],
        camera: [1, 2, 2.5],
      });
      app.goToEpoch(4);
    });
    await openPanel(page, "Export");
    const link = await page.getByLabel("Link to what is shown").inputValue();
    const other = await openPage(browser, link);
    expect(
      await inPage(other.page, (app) => {
        const s = app.store.state;
        return [app.epoch, s.camera, s.colorBy, s.filter, s.selection];
      }),
    ).toEqual([4, [1, 2, 2.5], "confidence", "label = 'Bag'", [1, 2, 3]]);
    await other.page.waitForFunction(() => (window as any).dvi.queries.filterCount > 0);
    expect(other.errors).toEqual([]);
    await other.page.close();
    await inPage(page, (app) => {
      app.store.set({ colorBy: "label", camera: null });
      app.goToEpoch(8);
    });
    await clear();
  });

  it("remembers settings", async () => {
    await page.keyboard.press("m");
    await inPage(page, (app) => app.store.set({ speed: 3 }));
    await page.waitForFunction(() => {
      const { theme, speed } = JSON.parse(localStorage.getItem("dvi.settings")!);
      return theme === "dark" && speed === 3;
    });
    await page.goto(mock.url);
    await page.reload();
    await ready(page);
    expect(await state((app) => [app.store.state.theme, app.store.state.speed])).toEqual(["dark", 3]);
    await page.keyboard.press("m");
  });
});
