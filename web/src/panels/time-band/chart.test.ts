import { expect, it } from "vitest";
import { scalarNames } from "./chart";

it("draws accuracies before losses and leaves out what is neither where there is enough", () => {
  const epoch = { epoch: 1, passes: 3, test_loss: 1, train_loss: 1, test_accuracy: 0.5, train_accuracy: 0.6 };
  expect(scalarNames([epoch])).toEqual(["train_accuracy", "test_accuracy", "train_loss", "test_loss"]);
  expect(scalarNames([{ epoch: 1, passes: 3 }])).toEqual(["passes"]);
});
