import { describe, expect, it } from "vitest";
import { themeOf } from "../color/theme";
import type { Dataset, EpochData } from "../data/dataset";
import { ColorMode } from "../renderer/points";
import { coloringsOf, findColoring } from "./table";

const epoch = {
  key: "k/3",
  epoch: 3,
  positions: new Uint16Array(8),
  predictions: new Uint16Array([0, 1, 1, 0]),
  samples: {
    predictions: new Uint16Array([0, 1, 1, 0]),
    runnerUp: new Uint16Array([1, 0, 0, 1]),
    roundTrip: new Uint16Array([0, 0, 1, 0]),
    confidence: new Uint8Array([255, 128, 0, 64]),
    margin: new Uint8Array([200, 0, 10, 20]),
    kept: new Uint8Array([15, 0, 7, 1]),
  },
} as EpochData;

function dataset(moved: boolean): Dataset {
  return {
    count: 4,
    classes: ["cat", "dog"],
    labels: new Int32Array([0, 0, -1, 1]),
    fitted: [3],
    view: { moved },
    run: {
      groups: [
        { name: "train", role: "train", begin: 0, count: 3 },
        { name: "test", role: "test", begin: 3, count: 1 },
      ],
      columns: [
        {
          name: "noisy",
          title: "Noisy",
          type: "category",
          per_epoch: false,
          categories: ["clean", "noisy"],
        },
        { name: "weight", title: "", type: "number", per_epoch: true, min: 0, max: 2 },
      ],
    },
    column: async (name: string) => new Float32Array(name === "noisy" ? [0, 1, 0, 1] : [0, 1, 2, 0.5]),
    moved: async () => new Uint16Array([0, 65535 / 20, 65535 / 5, 0]),
  } as unknown as Dataset;
}

const look = (data: Dataset) => ({ data, epoch, theme: themeOf(false) });

describe("colourings", () => {
  const data = dataset(true);

  it("have names of their own, and each its legend and a colour for every sample", async () => {
    const all = coloringsOf(data);
    expect(new Set(all.map((c) => c.id)).size).toBe(all.length);
    for (const coloring of all) {
      const { legend, value, mode, entryOf, colorOf } = await coloring.color(look(data));
      expect(value === null, coloring.id).toBe(mode !== ColorMode.Category && mode !== ColorMode.Ramp);
      if (value) expect(value.length, coloring.id).toBe(4);
      for (let id = 0; id < 4; ++id) {
        const entry = entryOf(id, epoch);
        if (legend.kind === "ramp") expect(entry).toBe(-1);
        else expect(colorOf(id, epoch), coloring.id).toEqual(legend.entries[entry]!.color);
      }
    }
  });

  it("tell what they say", async () => {
    const entries = async (id: string) => {
      const c = await findColoring(data, id)!.color(look(data));
      return [0, 1, 2, 3].map((i) => c.entryOf(i, epoch));
    };
    expect(await entries("label")).toEqual([0, 0, 1, 1]); // without a label, the prediction
    expect(await entries("prediction")).toEqual([0, 1, 1, 0]);
    expect(await entries("correct")).toEqual([1, 0, 2, 0]);
    expect(await entries("trip")).toEqual([0, 1, 0, 0]);
    expect(await entries("group")).toEqual([0, 0, 0, 1]);
    expect(await entries("column:noisy")).toEqual([0, 1, 0, 1]);
    const moved = await findColoring(data, "moved")!.color(look(data));
    expect([...moved.value!].map((v) => Math.round(v / 656))).toEqual([0, 50, 100, 0]);
    const weight = await findColoring(data, "column:weight")!.color(look(data));
    expect([...weight.value!]).toEqual([0, 32767, 65535, 16383]);
  });

  it("tell who pushed the selection, the strongest half of either side apart", async () => {
    const asked: unknown[] = [];
    const two = {
      ...data,
      fitted: [2, 3],
      epochName: String,
      influence: async (...question: unknown[]) => {
        asked.push(question);
        return { changed: 1, pushes: new Float32Array([0.6, 0.4, -1, 0]) };
      },
    } as unknown as Dataset;
    const coloring = findColoring(two, "influence")!;
    const of = async (selection: number[]) => coloring.color({ ...look(two), selection });
    const c = await of([3]);
    expect([0, 1, 2, 3].map((i) => c.entryOf(i, epoch))).toEqual([0, 1, 4, 2]);
    expect(c.legend.note).toBe("on the 1 selected sample that changed between epochs 2 and 3");
    expect(asked).toEqual([[[3], 2, 3]]);
    expect((await of([])).legend.note).toMatch(/^select samples/);
    expect(asked.length).toBe(1);
    expect(findColoring(data, "influence")).toBeUndefined(); // one epoch alone has no step
  });

  it("leave out what a view does not hold", () => {
    expect(findColoring(dataset(false), "moved")).toBeUndefined();
    expect(findColoring(data, "column:colour")).toBeUndefined();
  });
});
