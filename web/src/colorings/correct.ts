import { correctness } from "../color/palette";
import { ColorMode } from "../renderer/points";
import { byEntry, type Coloring } from "./coloring";

export const correct: Coloring = {
  id: "correct",
  name: "Correctness",
  perEpoch: false,
  color: ({ data }) =>
    byEntry(ColorMode.Correct, null, correctness, "prediction against label", (id, epoch) => {
      const label = data.labels[id]!;
      return label < 0 ? 2 : epoch?.predictions[id] === label ? 1 : 0;
    }),
};
