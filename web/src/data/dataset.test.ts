import { describe, expect, it } from "vitest";
import { type Api, splitSamples, splitTerritory } from "./api";
import { Dataset, drawingOrder } from "./dataset";

describe("drawing order", () => {
  it("holds every sample once, test above train and adversarial on top", () => {
    const groups = [
      { name: "adv", role: "adversarial", begin: 0, count: 10 },
      { name: "train", role: "train", begin: 10, count: 100 },
      { name: "test", role: "test", begin: 110, count: 30 },
    ];
    const order = [...drawingOrder(groups, 140)];
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 140 }, (_, i) => i));
    expect(order.slice(0, 100).every((id) => id >= 10 && id < 110)).toBe(true);
    expect(order.slice(130).every((id) => id < 10)).toBe(true);
  });

  it("works for groups of one and two", () => {
    expect([...drawingOrder([{ name: "a", role: "train", begin: 0, count: 1 }], 1)]).toEqual([0]);
    expect([...drawingOrder([{ name: "a", role: "train", begin: 0, count: 2 }], 2)].sort()).toEqual([0, 1]);
  });
});

describe("binary answers", () => {
  it("splits sample state into its arrays", () => {
    const bytes = new ArrayBuffer(18);
    new Uint16Array(bytes).set([1, 2, 3, 4, 5, 6]);
    new Uint8Array(bytes).set([7, 8, 9, 10, 11, 12], 12);
    const s = splitSamples(bytes, 2);
    expect([...s.runnerUp]).toEqual([3, 4]);
    expect([...s.kept]).toEqual([11, 12]);
  });

  it("refuses answers of a wrong length", () => {
    expect(() => splitSamples(new ArrayBuffer(10), 2)).toThrow("10 bytes");
    expect(() => splitTerritory(new ArrayBuffer(44))).toThrow("no square");
    expect(splitTerritory(new ArrayBuffer(80)).size).toBe(4);
  });
});

describe("a run that is replaced on disk", () => {
  it("is told by its key, which growing does not change", async () => {
    const run = {
      key: "a",
      classes: ["x", "y"],
      groups: [],
      sample_count: 0,
      views: ["default"],
      epochs: [],
    };
    let now: object = run;
    const api = {
      labels: async () => new Int32Array(),
      run: async () => now,
      view: async () => ({ key: "v", epochs: [], extent: [0, 0, 1, 1] }),
    } as unknown as Api;
    const data = await Dataset.open(api, 0, null, () => {});
    expect(await data.replaced()).toBe(false);
    now = { ...run, epochs: [{ epoch: 1 }], finished: true };
    expect(await data.replaced()).toBe(false);
    now = { ...run, key: "b" };
    expect(await data.replaced()).toBe(true);
  });
});
