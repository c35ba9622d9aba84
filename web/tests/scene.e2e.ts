import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { fashion, freeSample, inPage, onPage, ready, sampleColors, samplePlace } from "./browser";

describe("scene", () => {
  let page: Page;
  onPage([fashion], (opened) => {
    page = opened.page;
  });

  it("draws territories in many colours with a white boundary, and breaks no content-security rule", async () => {
    const colors = await sampleColors(page, 150);
    expect(new Set(colors).size).toBeGreaterThan(20);
    expect(colors.filter((c) => c.split(",").every((v) => Number(v) > 251)).length).toBeGreaterThan(60);
  });

  it("moves points smoothly between epochs on the slider", async () => {
    const slider = page.getByRole("slider", { name: "Time" });
    await slider.focus();
    await page.keyboard.press("Home");
    await ready(page);
    expect(await slider.getAttribute("aria-valuenow")).toBe("1");
    const at = (time: number) =>
      inPage(
        page,
        (app, t) => {
          app.store.set({ time: t });
          return app.viewer.main.scene.place(5) as [number, number];
        },
        time,
      );
    await page.waitForFunction(() => (window as any).dvi.data.hasEpoch(2));
    const [a, m, b] = [await at(0), await at(0.5), await at(1)];
    expect(m[0]).toBeCloseTo((a[0] + b[0]) / 2, 5);
    expect(a[0]).not.toBe(b[0]);
  });

  it("plays and stops with the space bar", async () => {
    await inPage(page, (app) => app.store.set({ time: 0 }));
    await page.locator("canvas.scene").focus();
    await page.keyboard.press("Space");
    await page.waitForFunction(() => (window as any).dvi.store.state.time > 0.6);
    await page.keyboard.press("Space");
    expect(await inPage(page, (app) => app.store.state.playing)).toBe(false);
  });

  it("tells of the sample under the pointer, with its image", async () => {
    await inPage(page, (app) => app.goToEpoch(8));
    await ready(page);
    const id = await freeSample(page);
    const at = await samplePlace(page, id);
    await page.mouse.move(at.x, at.y);
    const tip = page.locator(".tooltip");
    await tip.waitFor();
    expect(await tip.textContent()).toContain(`#${id}`);
    expect(await tip.textContent()).toMatch(/label.*predicted.*confidence/);
    await page.waitForFunction(
      () => (document.querySelector(".tooltip img") as HTMLImageElement).naturalWidth === 28,
    );
    await page.mouse.move(at.x, 5);
  });

  it("zooms about the pointer, pans and fits", async () => {
    const id = await freeSample(page);
    const before = await samplePlace(page, id);
    await page.mouse.move(before.x, before.y);
    await page.mouse.wheel(0, -400);
    await page.waitForFunction(() => (window as any).dvi.store.state.camera?.[2] > 1.5);
    const after = await samplePlace(page, id);
    expect(Math.hypot(after.x - before.x, after.y - before.y)).toBeLessThan(3);
    await page.locator("canvas.scene").focus();
    await page.keyboard.press("ArrowLeft");
    expect((await samplePlace(page, id)).x).toBeCloseTo(after.x + 60, 0);
    await page.keyboard.press("0");
    expect(await inPage(page, (app) => app.store.state.camera)).toBeNull();
  });

  it("colours by prediction", async () => {
    const before = await sampleColors(page, 60);
    await page.getByLabel("Colour by").selectOption("correct");
    await ready(page);
    expect(await sampleColors(page, 60)).not.toEqual(before);
    await page.getByLabel("Colour by").selectOption("prediction");
    expect(await page.locator(".legend-entries").textContent()).toContain("Ankle boot");
    await page.getByLabel("Colour by").selectOption("label");
  });
});
