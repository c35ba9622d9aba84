import { describe, expect, it } from "vitest";
import { compile } from "./condition.mjs";

const row = { id: 7, label: "Shirt", confidence: 0.9, kept: 3 } as Record<string, string | number>;
const names = Object.keys(row);
const holds = (text: string) => Boolean(compile(text, names)((name) => row[name]!));

describe("conditions without a server", () => {
  it.each([
    ["label = 'Shirt' and confidence > 0.8", true],
    ["label <> 'Shirt' or kept >= 3", true],
    ["not label = 'Shirt'", false],
    ["not (kept = 4 or kept = 5) and id between 7 and 8", true],
    ["id in (1, 2, 6 + 1)", true],
    ["10 - 2 - 1 = id", true],
    ['-id < 0 and "kept" * 2 / 3 = 2', true],
    ["confidence", true],
    ["LABEL = 'it''s'", false],
  ])("%s is %s", (text, expected) => {
    expect(holds(text)).toBe(expected);
  });

  it("say what is wrong", () => {
    expect(() => holds("colour = 1")).toThrow('there is no column "colour"; there are id, label');
    expect(() => holds("id in (1")).toThrow('the condition needs ")" before "its end"');
    expect(() => holds("id =")).toThrow("ends too early");
    expect(() => holds("id = 1 2")).toThrow('does not understand "2"');
    expect(() => holds("id = ?")).toThrow('unexpected "?" at character 6');
  });
});
