import { describe, expect, it } from "vitest";
import { epochAt, fromHash, loadSettings, packIds, saveSettings, timeOf, toHash, unpackIds } from "./persist";
import { initialState, type State } from "./store";

describe("links", () => {
  it("restore what they were made of", () => {
    const state: State = {
      ...initialState,
      run: 2,
      view: "default",
      time: 1.5,
      camera: [0.5, -2, 3],
      colorBy: "column:is_noisy",
      solo: [1, 3],
      hiddenGroups: ["test"],
      filter: "label = 'Shirt' and confidence > 0.9",
      acrossEpochs: "each",
      focus: 12,
      selection: [5, 1, 2, 3],
      compare: { run: null, view: null, offset: -2 },
      layers: ["points", "diff"],
      reference: 4,
      panel: null,
    };
    const { patch, epoch } = fromHash(`#${toHash(state, [1, 5, 10])}`);
    expect(epoch).toBe(7.5);
    expect(patch).toEqual({
      run: 2,
      view: "default",
      camera: [0.5, -2, 3],
      colorBy: "column:is_noisy",
      solo: [1, 3],
      hiddenGroups: ["test"],
      filter: state.filter,
      acrossEpochs: "each",
      focus: 12,
      selection: [1, 2, 3, 5],
      compare: state.compare,
      layers: ["points", "diff"],
      reference: 4,
      panel: null,
    });
  });

  it("survive nonsense", () => {
    expect(fromHash("#run=x&camera=1,2&epoch=&selected=a-b").patch).toEqual({ selection: [] });
  });

  it("turn places into epochs and back where epochs are sparse", () => {
    const epochs = [1, 5, 10];
    for (const time of [0, 0.25, 1, 1.9, 2]) expect(timeOf(epochs, epochAt(epochs, time))).toBeCloseTo(time);
    expect(timeOf(epochs, 99)).toBe(2);
    expect(epochAt([], 3)).toBe(0);
  });

  it("pack ids as ranges", () => {
    expect(packIds([7, 1, 2, 3, 3])).toBe("1-3,7");
    expect(unpackIds("1-3,7")).toEqual([1, 2, 3, 7]);
  });
});

describe("settings", () => {
  it("are remembered, others are not", () => {
    let kept = "";
    saveSettings(
      { setItem: (_, v) => (kept = v) },
      { ...initialState, theme: "dark", speed: 4, filter: "x" },
    );
    expect(loadSettings({ getItem: () => kept })).toMatchObject({ theme: "dark", speed: 4 });
    expect(loadSettings({ getItem: () => kept })).not.toHaveProperty("filter");
    expect(loadSettings({ getItem: () => "no json" })).toEqual({});
    expect(loadSettings({ getItem: () => '{"speed": "fast"}' })).toEqual({});
  });
});
