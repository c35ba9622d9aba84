// Measures the page in headless Chromium against synthetic runs: script time and time of a frame while scrubbing, a
// step to an epoch that is cached and to one that is not, and how long the pointer waits for an answer.
// Usage: node bench/run.mjs [SAMPLES,SAMPLES,...] [--json FILE]. Needs the built page (npm run build).
//        node bench/run.mjs --url URL: only how long a page takes to open, from a server that is running.

import { writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { launch } from "../mock/chromium.mjs";
import { startMock } from "../mock/server.mjs";

const sizes = (process.argv[2] && !process.argv[2].startsWith("-") ? process.argv[2] : "70000,200000,1000000")
  .split(",")
  .map(Number);
const jsonAt = process.argv.indexOf("--json");

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const highest = (list) => Math.max(...list);
const round = (v) => Number(v.toFixed(2));

/** Milliseconds from the navigation until a frame with samples had been drawn. */
async function firstPicture(page) {
  await page.waitForFunction(() => window.dvi?.firstPicture > 0);
  return page.evaluate(() => window.dvi.firstPicture);
}

/** Opens the page of a running server `turns` times, each with an empty browser cache. */
async function opening(url, turns = 9) {
  const browser = await launch();
  const times = [];
  for (let k = 0; k < turns; ++k) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
    const page = await context.newPage();
    await page.goto(url);
    times.push(await firstPicture(page));
    await context.close();
  }
  await browser.close();
  return {
    url,
    turns,
    fastest_ms: round(Math.min(...times)),
    median_ms: round(median(times)),
    slowest_ms: round(highest(times)),
  };
}

async function measure(samples) {
  const epochs = 6;
  const mock = await startMock({ specs: [{ name: `bench-${samples}`, samples, classes: 10, epochs }] });
  const browser = await launch();
  try {
    // Once to let the mock make its data, so that the second opening times the page and not the mock.
    for (let turn = 0; ; ++turn) {
      const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
      page.setDefaultTimeout(300_000);
      await page.goto(mock.url);
      const opened = await firstPicture(page);
      await page.waitForFunction(() => window.dvi.ready);
      await page.waitForFunction((n) => {
        for (let e = 1; e <= n; ++e) if (!window.dvi.data.hasEpoch(e)) return false;
        return true;
      }, epochs);
      if (turn === 0) {
        await page.close();
        continue;
      }
      // Every epoch once, so that all arrays are on the GPU.
      await page.evaluate(async (last) => {
        for (let k = 0; k < last; ++k) {
          window.dvi.store.set({ time: k });
          await new Promise((done) => requestAnimationFrame(done));
        }
      }, epochs);
      // Processor time of the page's thread: other work on the machine does not count.
      const session = await page.context().newCDPSession(page);
      await session.send("Performance.enable", { timeDomain: "threadTicks" });
      const scriptSeconds = async () =>
        (await session.send("Performance.getMetrics")).metrics.find((m) => m.name === "ScriptDuration").value;
      const secondsBefore = await scriptSeconds();
      const scrub = await page.evaluate(async (last) => {
        const { dvi } = window;
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        const { stage } = dvi.viewer;
        const scripts = [];
        const frames = [];
        const begin = performance.now();
        let before = begin;
        for (let k = 0; k < 60 && performance.now() - begin < 40_000; ++k) {
          const start = performance.now();
          dvi.store.set({ time: ((k * 0.173) % 1) * (last - 1) });
          await Promise.resolve();
          const own = performance.now() - start;
          await frame();
          await frame();
          scripts.push(own + stage.times.script);
          const now = performance.now();
          frames.push((now - before) / 2);
          before = now;
        }
        return { scripts, frames };
      }, epochs);
      const scriptPerFrame = ((await scriptSeconds()) - secondsBefore) / (2 * scrub.frames.length);
      const rest = await page.evaluate(async (last) => {
        const { dvi } = window;
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        const { stage } = dvi.viewer;
        const steps = [];
        for (let k = 0; k < last; ++k) {
          const start = performance.now();
          dvi.store.set({ time: k });
          await Promise.resolve();
          stage.draw();
          steps.push(performance.now() - start);
          await frame();
        }
        while (!dvi.ready) await frame();
        const picks = [];
        const pane = dvi.viewer.main;
        for (let k = 0; k < 200; ++k) {
          const start = performance.now();
          pane.picker.pick((k * 0.317) % 1, (k * 0.731) % 1, 0.01, (id) => pane.isVisible(id));
          picks.push(performance.now() - start);
        }
        return { steps, picks };
      }, epochs);
      return {
        samples,
        first_picture_ms: round(opened),
        script_cpu_per_frame_ms: round(scriptPerFrame * 1000),
        script_wall_median_ms: round(median(scrub.scripts)),
        frame_median_ms: round(median(scrub.frames)),
        cached_step_script_ms: round(median(rest.steps)),
        hover_median_ms: round(median(rest.picks)),
        hover_max_ms: round(highest(rest.picks)),
      };
    }
  } finally {
    await browser.close();
    await mock.close();
  }
}

const urlAt = process.argv.indexOf("--url");
const rows = [];
if (urlAt > 0) rows.push(await opening(process.argv[urlAt + 1]));
else for (const samples of sizes) rows.push(await measure(samples));
console.table(rows);
const report = {
  date: new Date().toISOString().slice(0, 10),
  cpu: cpus()[0]?.model,
  load: loadavg()[0],
  gl: "SwiftShader (software)",
  rows,
};
if (jsonAt > 0) await writeFile(process.argv[jsonAt + 1], `${JSON.stringify(report, null, 1)}\n`);
else console.log(JSON.stringify(report));
