import { byRamp, type Coloring } from "./coloring";

export const confidence: Coloring = {
  id: "confidence",
  name: "Confidence",
  perEpoch: true,
  color: ({ data, epoch, theme }) =>
    byRamp(
      epoch?.samples.confidence ?? new Uint8Array(data.count),
      ["0", "1"],
      "probability of the predicted class",
      theme,
    ),
};
