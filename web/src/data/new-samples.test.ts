import { describe, expect, it } from "vitest";
import { Api, type Projected } from "./api";
import type { Dataset } from "./dataset";
import { freeLetter, NewSamples } from "./new-samples";

function placed(x: number) {
  return {
    place: [x, 0] as [number, number],
    moved: 0,
    prediction: 1,
    confidence: 1,
    runner_up: 0,
    margin: 1,
    probabilities: [0, 1],
    nearest: [],
    distances: [],
    distance: 1,
    familiarity: 0.5,
  };
}

function page() {
  let epochs = [1, 2];
  const asked: unknown[] = [];
  const api = new Api(async (_path, init) => {
    const body = JSON.parse(init!.body as string) as { text: string };
    asked.push(body);
    const rows = body.text.split("\n");
    const answer: Projected = {
      samples: rows.map((_, k) => String(k)),
      epochs: epochs.map((epoch) => ({
        epoch,
        usual_distance: 2,
        samples: rows.map((row) => placed(Number(row) * epoch)),
      })),
    };
    return new Response(JSON.stringify(answer));
  });
  const data = (key: string, runId = 0) =>
    ({ runId, viewName: "default", key, fitted: epochs }) as unknown as Dataset;
  return { api, asked, data, grow: () => (epochs = [1, 2, 3]) };
}

describe("new samples", () => {
  it("are placed at every epoch and get letters", async () => {
    const { api, data } = page();
    let told = 0;
    const samples = new NewSamples(api, () => told++);
    await samples.addText(data("a"), "5\n7");
    expect(samples.list.map((one) => one.letter)).toEqual(["A", "B"]);
    expect(samples.list[1]!.at.get(2)!.place).toEqual([14, 0]);
    expect(samples.list[1]!.at.get(2)!.usual_distance).toBe(2);
    expect(told).toBe(1);
    samples.remove(samples.list[0]!);
    await samples.addText(data("a"), "1");
    expect(samples.list.map((one) => one.letter)).toEqual(["B", "A"]);
  });

  it("follow a view that grows, and go with their run", async () => {
    const { api, asked, data, grow } = page();
    const samples = new NewSamples(api, () => {});
    await samples.addText(data("a"), "5\n7");
    await samples.follow(data("a"));
    expect(asked.length).toBe(1);
    grow();
    await samples.follow(data("b"));
    expect(asked.length).toBe(2);
    expect(samples.list[0]!.at.get(3)!.place).toEqual([15, 0]);
    await samples.follow(data("c", 1));
    expect(samples.list).toEqual([]);
  });
});

it("letters are the first that are free", () => {
  expect(freeLetter([])).toBe("A");
  expect(freeLetter(["A", "C"])).toBe("B");
  const used: string[] = [];
  for (let k = 0; k < 256; ++k) used.push(freeLetter(used));
  expect(new Set(used).size).toBe(256);
  expect([used[25], used[26], used[27], used[52]]).toEqual(["Z", "AA", "AB", "BA"]);
});
