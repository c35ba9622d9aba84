import { expect, it } from "vitest";
import { epochsText, findingKey, sceneOf } from "./findings";

it("reads a finding's scene out of its link", () => {
  expect(sceneOf({ link: "#epoch=7&color=correct&selected=1-3", to: 9 })).toEqual({
    epoch: 7,
    color: "correct",
  });
  expect(sceneOf({ link: "", to: 9 })).toEqual({ epoch: 9, color: "label" });
});

it("knows a finding again when it has grown", () => {
  const then = { kind: "memorisation", from: 6, to: 8, classes: [1, 4] };
  expect(findingKey({ ...then })).toBe(findingKey({ kind: "memorisation", from: 6, classes: [1, 4] }));
  expect(findingKey(then)).not.toBe(findingKey({ ...then, from: 7 }));
});

it("tells the epochs", () => {
  expect(epochsText({ from: 3, to: 3 })).toBe("epoch 3");
  expect(epochsText({ from: 3, to: 7 })).toBe("epochs 3 – 7");
  expect(epochsText({ from: 1, to: 2 }, (e) => `step ${e}00`)).toBe("epochs step 100 – step 200");
});
